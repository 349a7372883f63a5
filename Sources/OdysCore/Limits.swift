/// Every bound of the program, with its unit and its reason, in one place.
public enum Limits {
    /// Bytes of a request body (contract of the route). nginx refuses more first; this holds without nginx too.
    public static let bodyBytesMax = 16 * 1024
    /// Bytes of one CGI parameter that is read; a longer value is unusable. nginx allows 8 KiB a header line.
    public static let headerBytesMax = 8 * 1024
    /// Unicode scalars of a reason.
    public static let reasonScalarsMax = 500
    /// Levels of a JSON text. Ours have three; the bound keeps a hostile text off the stack.
    public static let jsonDepthMax = 32
    /// Members of one JSON object: names are compared pairwise, so the bound keeps that cheap.
    public static let jsonMembersMax = 256
    /// Bytes of a token.
    public static let tokenBytesMax = 8 * 1024
    /// Seconds by which clocks of the token's issuer and ours may differ.
    public static let tokenLeewaySeconds = 30.0
    /// Bytes of a user id: the width of the columns that hold one.
    public static let userIDBytesMax = 64

    /// Tries of one request transaction when the database aborts it as a deadlock victim.
    public static let transactionTriesMax = 4
    /// Milliseconds between those tries, drawn evenly from this range so that two victims part.
    public static let retryDelayMilliseconds = 10...80
    /// Seconds. lock wait 2 < statement 3 < request 5 < nginx 10: the inner one answers first, so that each failure
    /// keeps its own name.
    public static let lockWaitSeconds = 2
    public static let statementSeconds = 3
    public static let requestSeconds = 5
    /// Seconds until a connect to the database is given up.
    public static let connectSeconds = 2
    /// Seconds in which the web server has to hand over a whole request, and then to take the whole answer.
    public static let frontSeconds = 5.0
    /// Seconds that a connection is kept after the answer for the web server to close it first.
    public static let frontFarewellSeconds = 0.1
    /// Bytes of a request's parameters. nginx takes 32 KiB of header lines and passes some of them on twice.
    public static let parameterBytesMax = 128 * 1024
    /// Bytes of a request in the FastCGI protocol, with the heads of its records: enough for a body in records of one
    /// byte.
    public static let requestBytesMax = 512 * 1024

    /// Seconds that a stopping process waits for the requests in hand, and then for the messages in hand.
    public static let drainRequestSeconds = 8
    public static let drainDeliverySeconds = 17

    /// Seconds for which a claimed message belongs to its sender. Longer than a send, so that a live sender never
    /// loses one; at most 60, so that a dead sender's messages are not late.
    public static let leaseSeconds = 60
    /// Seconds a send may take in total, and to connect.
    public static let sendSeconds = 15
    public static let sendConnectSeconds = 3
    /// Seconds a mail server may take for one answer. It can come on top of the time above, for the last line of a mail
    /// and for the farewell; all of it stays below the lease.
    public static let mailAnswerSeconds = 10
    /// Seconds between two looks at the outbox when nothing woke the sender.
    public static let pollSeconds = 1.0
    /// Due messages that a sender looks at to claim one: more than one, because others claim at the same time.
    public static let claimCandidates = 8
    /// Times that a sender looks for a message while others are faster, before it waits for the next poll.
    public static let contendedClaimsMax = 20
    /// Claims in a row that ended without a recorded outcome, after which a message is taken for poison.
    public static let lostClaimsMax = 5
    /// Seconds between two prunings of a process.
    public static let pruneSeconds = 60.0
    /// Seconds before a message whose outcome is unknown is sent once more.
    public static let unclearRetrySeconds = 30.0
    /// Seconds before a message that met a misconfigured channel is due again.
    public static let misconfiguredRetrySeconds = 25.0
    /// Failures in a row, over at least two recipients, after which a channel is paused.
    public static let breakerFailures = 5
    /// Seconds for which a channel is paused before one message is tried; with the poll below the 30 s within which a
    /// paused channel must be probed.
    public static let breakerOpenSeconds = 25.0
    /// Messages a second at which a recovering channel counts as recovered.
    public static let rampAllowanceMax = 64
    /// Part of a second by which a rate may be run ahead of, so that senders need not wake on the microsecond.
    public static let rateSlackSeconds = 0.02
    /// Seconds that a provider's `Retry-After` may ask for at most.
    public static let retryAfterSecondsMax = 3_600.0
    /// Bytes of a provider's answer that are read.
    public static let answerBytesMax = 64 * 1024
    /// UTF-16 units of a WhatsApp text.
    public static let textUnitsMax = 4_096
    /// Unicode scalars of a name inside a message.
    public static let nameScalarsMax = 120
    /// Hours until a message is no longer worth sending, counted from its event.
    public static let bookingExpiryHours = 24
    public static let paymentExpiryHours = 72
    /// Seconds for which a reply from a phone belongs to the message that went there.
    public static let replyContextSeconds = 7_200
    /// Characters of `outbox.last_error`.
    public static let lastErrorScalarsMax = 255
}

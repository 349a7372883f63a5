/// Every bound of the program, with its unit and its reason, in one place.
public enum Limits {
    /// Bytes of a request body (contract of the route). nginx refuses more first; this holds without nginx too.
    public static let bodyBytesMax = 16 * 1024
    /// Bytes of one CGI parameter that is read, other than cookies; a longer value is unusable.
    public static let headerBytesMax = 8 * 1024
    /// Events, and messages, of an appointment that are shown at a time: the newest, or the newest before a version.
    public static let historyRowsMax = 200
    /// Unicode scalars of a reason.
    public static let reasonScalarsMax = 500
    /// Unicode scalars of an in-app notification: a sentence, two names and a reason.
    public static let notificationScalarsMax = 1_000
    /// Levels of a JSON text. Ours have three; the bound keeps a hostile text off the stack.
    public static let jsonDepthMax = 32
    /// Members of one JSON object: names are compared pairwise, so the bound keeps that cheap.
    public static let jsonMembersMax = 256
    /// Bytes of a token.
    public static let tokenBytesMax = 8 * 1024
    /// Seconds by which clocks of the token's issuer and ours may differ.
    public static let tokenLeewaySeconds = 30.0
    /// Tokens that a process remembers as verified; some 200 bytes each.
    public static let tokenCacheMax = 4_096
    /// Bytes of all `Cookie` fields of a request: what browsers keep of a site, 4 KiB for each piece of a session.
    /// HTTP/1.1 has them on one line, so nginx takes lines of 40 KiB (odys-limits.conf).
    public static let cookieBytesMax = 32 * 1024
    /// Bytes and keys of a key set; issuers publish two or three keys.
    public static let keySetBytesMax = 64 * 1024
    public static let keySetKeysMax = 64
    /// Bits of an RSA key: below, it can be broken (RFC 7518, 3.3); above, each token would cost too much.
    public static let rsaBits = 2_048...8_192
    /// Seconds between two fetches of a key set, and at most so many a first failure is followed by another try.
    public static let keyRefreshSeconds = 300.0
    public static let keyRetrySeconds = 5.0
    /// Seconds a fetch may take.
    public static let keyFetchSeconds = 5
    /// Seconds between two fetches because of an unknown `kid`: anybody can send such tokens.
    public static let unknownKeyRefetchSeconds = 60.0
    /// Seconds for which fetched keys stay valid while the key set cannot be fetched.
    public static let keyOutageSeconds = 86_400.0
    /// Seconds between two looks at whether the file of a key set has changed.
    public static let keyFilePollSeconds = 2.0
    /// Characters of a database's name, and of an account's: MariaDB's own.
    public static let databaseNameScalarsMax = 64
    public static let databaseUserScalarsMax = 128
    /// Bytes of a user id: the width of the columns that hold one.
    public static let userIDBytesMax = 64

    /// Tries of one request transaction when the database aborts it as a deadlock victim.
    public static let transactionTriesMax = 4
    /// Microseconds between those tries, drawn evenly from this range so that two victims part.
    public static let retryDelayMicroseconds: ClosedRange<UInt32> = 10_000...80_000
    /// Seconds. lock wait 2 < statement 3 < request 5 < nginx 10: the inner one answers first and names the failure.
    public static let lockWaitSeconds = 2
    public static let statementSeconds = 3
    public static let requestSeconds = 5
    /// Seconds until a connect to one host of the database is given up.
    public static let connectSeconds = 2
    /// Seconds after which a connect tries no further host: two that are silent take 4 of the request's 5.
    public static let connectHostsSeconds = 3
    /// Seconds for which a host of the database that failed is tried after the others.
    public static let hostFailureSeconds = 30
    /// Seconds in which the web server has to hand over a whole request, and then to take the whole answer.
    public static let frontSeconds = 5.0
    /// Milliseconds between two looks for the rest of a request: from 1, doubled up to this.
    public static let peekPauseMillisecondsMax = 16
    /// Seconds of a lingering close, within which the web server closes first.
    public static let lingerSeconds = 0.1
    /// Connections of the web server's, idle ones too, beyond which it is asked to end some: more than nginx keeps on
    /// most hosts (`keepalive` times its workers).
    public static let connectionsWanted = 512
    /// Connections beyond which we end them: fewer than a process may have descriptors, which are 1,024 by default.
    public static let connectionsMax = 768
    /// Seconds that a stopping process waits for the web server to close idle connections.
    public static let drainIdleSeconds = 2.0
    /// How long a thread that reads again and again leaves one transaction open: a migration waits for it.
    public static let readTransaction = Duration.milliseconds(100)
    /// Bytes that a worker receives into at first: most requests fit.
    public static let receiveBytes = 16 * 1024
    /// Bytes of a request's parameters. nginx sends at most 64 KiB.
    public static let parameterBytesMax = 128 * 1024
    /// Bytes of a request in the FastCGI protocol, with the heads of its records. All of it waits in the socket until
    /// it is judged, so this is also what the kernel is asked to buffer.
    public static let requestBytesMax = 256 * 1024

    /// Seconds that a stopping process waits for the requests in hand, and then for the messages in hand.
    public static let drainRequestSeconds = 8
    public static let drainDeliverySeconds = 17

    /// Seconds for which a claimed message belongs to its sender. Longer than a send, so that a live sender never
    /// loses one; at most 60, so that a dead sender's messages are not late.
    public static let leaseSeconds = 60
    /// Seconds a send may take in total, and to connect.
    public static let sendSeconds = 15
    public static let sendConnectSeconds = 3
    /// Seconds within which the Evolution API says which version it is.
    public static let versionSeconds = 5
    /// Seconds a mail server may take for one answer. It can come on top of the time above, for the last line of a
    /// mail and for the farewell; all of it stays below the lease.
    public static let mailAnswerSeconds = 10
    /// Seconds between two looks at the outbox when nothing woke the sender.
    public static let pollSeconds = 1.0
    /// Milliseconds between two messages of a sender. A backlog of thousands would else take the database's time from
    /// the requests, which are what people wait for.
    public static let senderPauseMilliseconds = 5...10
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
    /// Seconds before a message is due again whose refusal may be about us. Meanwhile others are tried.
    public static let refusedRetrySeconds = 5.0
    /// Recipients of whom a process remembers that they were refused.
    public static let refusedRecipientsMax = 1_024
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
    /// Bytes of a mail server's reply that are looked at.
    public static let smtpReplyBytesMax = 4 * 1024
    /// Bytes of a provider's answer that are read.
    public static let answerBytesMax = 64 * 1024
    /// UTF-16 units of a WhatsApp text.
    public static let textUnitsMax = 4_096
    /// Unicode scalars of a name inside a message.
    public static let nameScalarsMax = 120
    /// Unicode scalars of a chat message's beginning inside a message.
    public static let previewScalarsMax = 200
    /// Bytes of a percent-encoded slug in a link. A slug has at most 190 characters; real ones are ASCII.
    public static let slugLinkBytesMax = 1_024
    /// Hours until a message is no longer worth sending, counted from its event.
    public static let bookingExpiryHours = 24
    public static let paymentExpiryHours = 72
    /// Seconds for which a reply from a phone belongs to the message that went there.
    public static let replyContextSeconds = 7_200
    /// Seconds between two beats of a worker that nobody needs; what shows that its loop still turns.
    public static let idleBeatSeconds = 5
    /// Seconds a worker may be at one request before it counts as stuck. Above every deadline of a request together:
    /// 5 for its head and body, 5 and a last statement for the database, 5 for a peer that does not read.
    public static let workerSilenceSeconds = 25.0
    /// Seconds above the longest send that a sender may be at one message, for its statements.
    public static let senderSlackSeconds = 10.0
    /// Threads that answer watchers, in a process that answers no requests.
    public static let watcherThreads = 2
    /// Seconds above which a request counts as slow.
    public static let slowRequestSeconds = 1.0
    /// Seconds for which a look at the database serves everybody who asks.
    public static let lookSeconds = 1.0
    /// Seconds that a probe waits for a look at the database, and that a look's statement may take; below the 5 s
    /// that nginx waits for the probe.
    public static let lookWaitSeconds = 1.5
    public static let lookStatementSeconds = 1
    /// Seconds between two looks at itself of a process that nobody asks, for the log.
    public static let selfCheckSeconds = 10.0
    /// Seconds for which a write that failed speaks against the database, if none has succeeded since.
    public static let writeFailureSeconds = 60.0
    /// Seconds that a message may be due before somebody should look.
    public static let oldestDueSecondsMax = 300.0
    /// Milliseconds that a line of the log waits for a reader before it is dropped.
    public static let logWaitMilliseconds = 50
    /// Characters of `outbox.last_error`.
    public static let lastErrorScalarsMax = 255

    /// Seconds by which this host's clock and the database's may differ before `odysctl doctor` speaks of it.
    public static let clockDifferenceSecondsMax = 5.0
    /// Characters of `operator_actions.operator`.
    public static let operatorScalarsMax = 64
    /// Bytes of one line that `odysctl mcp` reads.
    public static let mcpLineBytesMax = 64 * 1024
    /// Appointments of a customer that `odysctl mcp` shows, of a day, and customers with one phone.
    public static let customerAppointmentsMax = 5
    public static let dayAppointmentsMax = 200
    public static let customersMax = 20
    /// Rows that are read at a time where it takes a look at each to know whether it is one of those that are wanted.
    public static let searchRows = 500
    /// Unicode scalars of `outbox.payload` that are read. Two names as long as their columns allow have fewer; others
    /// may insert what they like.
    public static let payloadScalarsMax = 256 * 1024
}

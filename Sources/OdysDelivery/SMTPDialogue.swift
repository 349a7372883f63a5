internal import OdysCore

/// What was said last in an SMTP session. QUIT and its reply do not count: libcurl says it after a refusal too.
struct SMTPDialogue {
    /// The first four letters of the last command; empty before the first one.
    private(set) var command = ""
    /// The lines of the last reply, up to `Limits.smtpReplyBytesMax`.
    private(set) var reply: [UInt8] = []
    private var isReplyOver = true
    private var hasQuit = false

    mutating func note(command bytes: [UInt8]) {
        hasQuit = bytes.starts(with: "QUIT".utf8)
        // Not the lines of a login: they hold the password.
        if let known = Self.commands.first(where: { bytes.starts(with: $0.utf8) }) { command = known }
    }

    private static let commands = ["EHLO", "HELO", "STAR", "AUTH", "MAIL", "RCPT", "DATA", "NOOP"]

    mutating func note(replyLine bytes: [UInt8]) {
        if hasQuit { return }
        if isReplyOver { reply = [] }
        reply += bytes.prefix(Limits.smtpReplyBytesMax - reply.count)
        // "In a multiline reply ... each line, except the last, begins with the reply code, followed immediately by a
        // hyphen" (RFC 5321, 4.2.1).
        isReplyOver = bytes.count < 4 || bytes[3] != UInt8(ascii: "-")
    }
}

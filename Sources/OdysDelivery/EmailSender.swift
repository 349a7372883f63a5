internal import CCurl
public import OdysCore

/// Sends e-mails by SMTP. Used by one thread; owns its libcurl handle.
public final class EmailSender {
    private let settings: SMTPSettings
    private let texts: MessageSetting
    private let now: () -> Instant
    private let curl: CurlHandle

    /// - Parameter now: this host's clock, for the header `Date`.
    public init(_ settings: SMTPSettings, texts: MessageSetting, pace: Pace = .standard, now: @escaping () -> Instant) {
        curl = CurlHandle(pace)
        self.settings = settings
        self.texts = texts
        self.now = now
    }

    /// Sends one message; blocks for at most `Limits.sendSeconds`.
    public func deliver(_ message: ClaimedMessage) -> DeliveryOutcome {
        guard MailAddress.isSafe(message.recipient) else { return .skipped(.unusableAddress) }
        return message.deliver { template, payload throws(MessageError) in
            try EmailText(template, payload, texts)
        } by: {
            SMTPAnswer(result: send($0, message)).outcome(to: message.recipient)
        }
    }

    private func send(_ email: EmailText, _ message: ClaimedMessage) -> TransferResult {
        curl.prepare(settings)
        curl.set(CURLOPT_MAIL_FROM, "<\(settings.from)>")
        let lists = [
            (CURLOPT_MAIL_RCPT, ["<\(message.recipient)>"]),
            (CURLOPT_HTTPHEADER, headers(email, message)),
        ]
        // Text first: of the alternatives, a reader shows the last that it can (RFC 2046, 5.1.4).
        return curl.withAlternatives([(email.text, "text/plain"), (email.html, "text/html")]) {
            curl.withLists(lists) { curl.perform() }
        }
    }

    private func headers(_ email: EmailText, _ message: ClaimedMessage) -> [String] {
        let domain = settings.from.split(separator: "@").last ?? "localhost"
        let from = settings.fromName.flatMap { MailAddress.header(name: $0, address: settings.from) } ?? settings.from
        return [
            "Content-Type: multipart/alternative",
            "Date: \(now().rfc5322)",
            "From: \(from)",
            "To: \(message.recipient)",
            "Subject: \(MailHeader.encoded(email.subject))",
            // The same over all attempts, so that a receiver can drop a copy.
            "Message-ID: <\(message.uid)@\(domain)>", "Auto-Submitted: auto-generated", "Content-Language: pt-BR",
        ]
    }
}

extension CurlHandle {
    /// For a conversation with the mail server, as far as the login.
    func prepare(_ settings: SMTPSettings) {
        prepare(url: settings.url, protocols: "smtp,smtps")
        watchDialogue()
        if settings.requiresSTARTTLS { set(CURLOPT_USE_SSL, Int(CURLUSESSL_ALL.rawValue)) }
        if let username = settings.username { set(CURLOPT_USERNAME, username) }
        if let password = settings.password { set(CURLOPT_PASSWORD, password) }
    }
}

internal import CCurl
public import OdysCore

/// Sends e-mails by SMTP. Used by one thread; owns its libcurl handle.
public final class EmailSender {
    private let settings: SMTPSettings
    private let texts: MessageSetting
    private let now: () -> Instant
    private let curl: CurlHandle

    /// - Parameter now: this host's clock, for the header `Date`.
    public init(
        _ settings: SMTPSettings, texts: MessageSetting, pace: Pace = .standard, now: @escaping () -> Instant
    ) {
        curl = CurlHandle(pace)
        self.settings = settings
        self.texts = texts
        self.now = now
    }

    /// Sends one message; blocks for at most `Limits.sendSeconds`.
    public func deliver(_ message: ClaimedMessage) -> DeliveryOutcome {
        guard MailAddress.isSafe(message.recipient) else { return .skipped(.unusableAddress) }
        switch message.rendered(by: { template, payload throws(MessageError) in
            try EmailText(template, payload, texts)
        }) {
        case .success(let email): return SMTPAnswer(send(email, message)).outcome(to: message.recipient)
        case .failure(let problem): return .unsendable(reason: problem.reason)
        }
    }

    private func send(_ email: EmailText, _ message: ClaimedMessage) -> TransferResult {
        curl.prepare(settings)
        curl.set(CURLOPT_MAIL_FROM, "<\(settings.from)>")
        let lists = [
            (CURLOPT_MAIL_RCPT, ["<\(message.recipient)>"]),
            (CURLOPT_HTTPHEADER, headers(email, message)),
        ]
        return curl.withMIME { mime in
            // Text first: of the alternatives, a reader shows the last that it can (RFC 2046, 5.1.4).
            for (content, type) in [(email.text, "text/plain"), (email.html, "text/html")] {
                let part = curl_mime_addpart(mime)
                // The quoted-printable encoder takes only CR LF for a line end.
                let lines = content.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
                curl_mime_data(part, lines, lines.utf8.count)
                curl_mime_type(part, "\(type); charset=utf-8")
                curl_mime_encoder(part, "quoted-printable")
            }
            curl.set(mime: mime)
            return curl.withLists(lists) { curl.perform() }
        }
    }

    private func headers(_ email: EmailText, _ message: ClaimedMessage) -> [String] {
        let domain = settings.from.split(separator: "@").last ?? "localhost"
        let from =
            settings.fromName.flatMap { MailAddress.header(name: $0, address: settings.from) } ?? settings.from
        return [
            "Content-Type: multipart/alternative",
            "Date: \(now().rfc5322)",
            "From: \(from)",
            "To: \(message.recipient)",
            "Subject: \(MailHeader.encoded(email.subject))",
            // The same over all attempts, so that a receiver can drop a copy.
            "Message-ID: <\(message.uid)@\(domain)>",
            "Auto-Submitted: auto-generated",
            "Content-Language: pt-BR",
        ]
    }
}

extension CurlHandle {
    /// For a conversation with the mail server, as far as the login.
    func prepare(_ settings: SMTPSettings) {
        prepare(url: settings.url, protocols: "smtp,smtps")
        watchCommands()
        if settings.requiresSTARTTLS { set(CURLOPT_USE_SSL, Int(CURLUSESSL_ALL.rawValue)) }
        if let username = settings.username { set(CURLOPT_USERNAME, username) }
        if let password = settings.password { set(CURLOPT_PASSWORD, password) }
    }
}

/// How an SMTP conversation ended, and what it means.
struct SMTPAnswer {
    let result: TransferResult

    init(_ result: TransferResult) {
        self.result = result
    }

    func outcome(to recipient: String) -> DeliveryOutcome {
        let reason = result.code == 0 ? result.reason : "SMTP \(result.code): \(result.reason)"
        switch result.failure {
        case nil:
            return .sent(providerID: nil, to: recipient)
        case .notConnected, .tls:
            return .notSent(reason: result.reason)
        case .noSTARTTLS:
            return .misconfigured(reason: "smtp_starttls_missing")
        case .login where result.code / 100 != 4:
            return .misconfigured(reason: "smtp_login_refused")
        case .login, .refused, .broken, .other:
            switch result.code {
            // The server asked for the message and never said what became of it.
            case 354: return .unclear(reason: "no answer after the message")
            // "Authentication required", "mechanism too weak", "credentials invalid", "encryption required".
            case 530, 534, 535, 538: return .misconfigured(reason: reason)
            // Before the message itself could be named, a refusal is about us.
            case 500...599: return result.reachedRecipient ? .permanent(reason: reason) : .misconfigured(reason: reason)
            default: return .notSent(reason: reason)
            }
        }
    }
}

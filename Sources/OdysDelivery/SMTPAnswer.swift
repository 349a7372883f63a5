internal import OdysCore

/// How an SMTP conversation ended, and what it means.
struct SMTPAnswer {
    let result: TransferResult

    func outcome(to recipient: String) -> DeliveryOutcome {
        switch result.failure {
        case nil: return .sent(providerID: nil, to: recipient)
        case .notConnected, .tls: return .notSent(reason: result.reason)
        case .noSTARTTLS: return .misconfigured(reason: "smtp_starttls_missing")
        case .login where result.code / 100 != 4:
            return .misconfigured(reason: "smtp_login_refused" + (enhancedCode.map { " (\($0))" } ?? ""))
        case .login, .refused, .broken, .tooLarge, .other:
            switch result.code {
            // The server asked for the message and never said what became of it.
            case 354: return .unclear(reason: "no answer after the message")
            // "Authentication required", "mechanism too weak", "credentials invalid", "encryption required".
            case 530, 534, 535, 538: return .misconfigured(reason: reason)
            case 500...599: return refused
            default: return .notSent(reason: reason)
            }
        }
    }

    private var refused: DeliveryOutcome {
        switch result.command {
        case "RCPT": isPerhapsAboutUs ? .refused(reason: reason) : .permanent(reason: reason)
        case "DATA": .permanent(reason: reason)
        // Before the recipient was named, a refusal is about us.
        default: .misconfigured(reason: reason)
        }
    }

    /// Whether a refusal of the recipient may be one of the sender: many servers judge the client, its name, its
    /// login and the sender's address only when they hear the first recipient.
    private var isPerhapsAboutUs: Bool {
        guard let code = enhancedCode else {
            // Exim's "relay not permitted", Sendmail's "Relaying denied".
            return result.reply.lowercased().contains("relay")
        }
        // Security or policy; the protocol, such as "Helo command rejected"; the sender's address.
        return code.hasPrefix("5.7.") || code.hasPrefix("5.5.") || code == "5.1.7" || code == "5.1.8"
    }

    /// The code and, where the server says one, the enhanced code of RFC 3463. Never its words, which name people.
    var reason: String {
        guard result.code != 0 else { return result.reason }
        guard let enhancedCode else { return "SMTP \(result.code): \(result.reason)" }
        return "SMTP \(result.code) \(enhancedCode): \(result.command.isEmpty ? "greeting" : result.command) refused"
    }

    /// Of a refusal, such as `5.7.1`. It stands behind the code, or somewhere in the words: "(#5.7.1)".
    private var enhancedCode: String? {
        guard (400...599).contains(result.code), result.reply.hasPrefix("\(result.code)") else { return nil }
        let words = result.reply.split { !($0.isASCII && $0.isNumber) && $0 != "." }
        return words.lazy.map { $0.split(separator: ".") }.first { parts in
            parts.count == 3 && parts[0] == String(result.code / 100) && parts.allSatisfy { $0.count <= 3 }
        }?.joined(separator: ".")
    }
}

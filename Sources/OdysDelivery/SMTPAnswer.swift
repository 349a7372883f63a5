internal import OdysCore

/// How an SMTP conversation ended, and what it means.
struct SMTPAnswer {
    let result: TransferResult

    func outcome(to recipient: String) -> DeliveryOutcome {
        let reason = result.code == 0 ? result.reason : "SMTP \(result.code): \(result.reason)"
        switch result.failure {
        case nil: return .sent(providerID: nil, to: recipient)
        case .notConnected, .tls: return .notSent(reason: result.reason)
        case .noSTARTTLS: return .misconfigured(reason: "smtp_starttls_missing")
        case .login where result.code / 100 != 4: return .misconfigured(reason: "smtp_login_refused")
        case .login, .refused, .broken, .tooLarge, .other:
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

import OdysCore

@testable import OdysDelivery

extension TransferResult {
    /// A transfer as libcurl would report it.
    static func sample(
        _ failure: Failure? = nil, code: Int = 0, body: String = "", bytesSent: Int = 500,
        command: String = "RCPT", reply: String = "", retryAfter: Double? = nil, reason: String = "curl's words"
    ) -> TransferResult {
        TransferResult(
            failure: failure, code: code, body: Array(body.utf8), bytesSent: bytesSent,
            command: command, reply: reply, retryAfterSeconds: retryAfter, reason: reason)
    }

    static let failures: [Failure] = [.notConnected, .tls, .noSTARTTLS, .login, .refused, .broken, .tooLarge, .other]
}

/// The classes of the contract, without the words for the operator.
enum OutcomeClass: Equatable {
    case sent, notSent, unclear, permanent, refused, misconfigured, skipped, noRequest

    init(_ outcome: DeliveryOutcome) {
        self =
            switch outcome {
            case .sent: .sent
            case .notSent: .notSent
            case .unclear: .unclear
            case .permanent: .permanent
            case .refused: .refused
            case .misconfigured: .misconfigured
            case .skipped: .skipped
            case .unsendable, .notTried: .noRequest
            }
    }
}

extension DeliveryOutcome {
    /// The words for the operator; they are stored and shown, so they hold nothing of the message.
    var words: String {
        switch self {
        case .sent, .skipped: ""
        case .notSent(let reason, _), .unclear(let reason), .permanent(let reason), .misconfigured(let reason),
            .refused(let reason), .unsendable(let reason), .notTried(let reason):
            reason
        }
    }
}

internal import OdysCore

/// An answer of the Evolution API, and what it means. The status alone does not decide: the API answers 400 for
/// transient failures too, and 201 for some errors.
struct EvolutionAnswer {
    let result: TransferResult

    /// The API does not know the form of the request.
    static let malformed = DeliveryOutcome.permanent(reason: "HTTP 400: malformed request")

    func outcome(to number: String) -> DeliveryOutcome {
        switch result.failure {
        case nil: return answered(to: number)
        case .notConnected, .tls: return .notSent(reason: result.reason)
        case .noSTARTTLS, .login, .refused, .broken, .tooLarge, .other:
            // Once anything of the request was written, the message may be on its way.
            return result.bytesSent == 0 ? .notSent(reason: result.reason) : .unclear(reason: result.reason)
        }
    }

    private func answered(to number: String) -> DeliveryOutcome {
        let json = try? JSON(reading: result.body)
        let status = "HTTP \(result.code)"
        if result.code == 201, let id = json?["key"]?["id"]?.string, !id.isEmpty {
            return .sent(providerID: id, to: number)
        }
        if String(decoding: result.body, as: UTF8.self).contains("Connection Closed") {
            return .notSent(reason: "\(status): Connection Closed", retryAfterSeconds: result.retryAfterSeconds)
        }
        switch result.code {
        case 201: return .unclear(reason: "201 without key.id")
        case 400: return badRequest(json?["response"]?["message"])
        case 401, 403, 404: return .misconfigured(reason: "evolution_\(status)")
        case 300...399, 405: return .misconfigured(reason: "evolution_\(status): is EVOLUTION_API_URL right?")
        case 408, 429, 502, 503: return .notSent(reason: status, retryAfterSeconds: result.retryAfterSeconds)
        case 410...499: return .permanent(reason: status)
        default: return .unclear(reason: status)
        }
    }

    /// A 400 is final only where the API says that it did not send: unknown number, or malformed request.
    private func badRequest(_ message: JSON?) -> DeliveryOutcome {
        guard let first = message?.array?.first else { return .unclear(reason: "HTTP 400") }
        if first["exists"]?.bool == false { return .permanent(reason: "number_not_on_whatsapp") }
        if first.array?.first?.string != nil { return Self.malformed }
        return .unclear(reason: "HTTP 400")
    }
}

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
        if Self.isSuccess(result.code), let id = json?["key"]?["id"]?.string, !id.isEmpty {
            return .sent(providerID: id, to: number)
        }
        let status = "HTTP \(result.code)"
        if String(decoding: result.body, as: UTF8.self).contains("Connection Closed") {
            return .notSent(reason: "\(status): Connection Closed", retryAfterSeconds: result.retryAfterSeconds)
        }
        if isUnlicensed { return .misconfigured(reason: "evolution_LICENSE_REQUIRED") }
        switch Self.meaning(ofStatus: result.code) {
        case .judgedByBody: return badRequest(json?["response"]?["message"])
        case .configuration: return .misconfigured(reason: "evolution_\(status)")
        case .wrongAddress: return .misconfigured(reason: "evolution_\(status): is EVOLUTION_API_URL right?")
        case .notPassedOn: return .notSent(reason: status, retryAfterSeconds: result.retryAfterSeconds)
        case .malformed: return .permanent(reason: status)
        case .unclear: return .unclear(reason: Self.isSuccess(result.code) ? "\(status) without key.id" : status)
        }
    }

    /// What a status says of a message, unless the body says more.
    enum Meaning: Equatable {
        case judgedByBody, configuration, wrongAddress, notPassedOn, malformed, unclear
    }

    static func meaning(ofStatus code: Int) -> Meaning {
        switch code {
        case 400: .judgedByBody
        case 401, 403, 404: .configuration
        case 300...399, 405, 407: .wrongAddress
        case 408, 421, 425, 429, 502, 503: .notPassedOn
        // Cloudflare, whose connection to the API failed before it passed the request on.
        case 521, 522, 523, 525, 526, 530: .notPassedOn
        case 413, 414, 415, 422, 431: .malformed
        // 504, 520 and 524 among them: the API may have taken the message and answered too late.
        default: .unclear
        }
    }

    private static func isSuccess(_ code: Int) -> Bool { code == 200 || code == 201 }

    /// Version 2.4 of the API needs a licence, and sends nothing until it has one.
    var isUnlicensed: Bool {
        result.code == 503 && (try? JSON(reading: result.body))?["code"]?.string == "LICENSE_REQUIRED"
    }

    /// A 400 is final only where the API says that it did not send: unknown number, or malformed request.
    private func badRequest(_ message: JSON?) -> DeliveryOutcome {
        guard let first = message?.array?.first else { return .unclear(reason: "HTTP 400") }
        if first["exists"]?.bool == false { return .permanent(reason: "number_not_on_whatsapp") }
        if first.array?.first?.string != nil { return Self.malformed }
        return .unclear(reason: "HTTP 400")
    }
}

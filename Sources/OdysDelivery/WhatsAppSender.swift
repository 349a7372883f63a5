internal import CCurl
public import OdysCore

/// Sends WhatsApp messages through an Evolution API. Used by one thread; owns its libcurl handle.
public final class WhatsAppSender {
    private let settings: EvolutionSettings
    private let texts: MessageSetting
    private let curl: CurlHandle
    /// The version of the server, once it is known; the wire format differs.
    private var version: EvolutionSettings.Version?

    public init(_ settings: EvolutionSettings, texts: MessageSetting, pace: Pace = .standard) {
        curl = CurlHandle(pace)
        self.settings = settings
        self.texts = texts
        version = settings.version == .auto ? nil : settings.version
    }

    /// Sends one message; blocks for at most `Limits.sendSeconds`, or, where the server's version is not known, for
    /// twice that and twice `Limits.versionSeconds`.
    public func deliver(_ message: ClaimedMessage) -> DeliveryOutcome {
        guard let number = Phone.normalise(message.recipient) else { return .skipped(.unusablePhone) }
        let text: String
        switch message.rendered(by: { template, payload throws(MessageError) in
            try template.whatsAppText(payload, texts)
        }) {
        case .success(let rendered): text = rendered
        case .failure(let problem): return .unsendable(reason: problem.reason)
        }
        switch serverVersion() {
        case .known(let known): return send(text, to: number, inFormOf: known)
        case .untold: return send(text, to: number, inFormOf: .two)
        case .unreachable(let reason): return .notSent(reason: reason)
        }
    }

    /// A server that was upgraded under us, or does not tell its version, refuses the wrong form without sending
    /// anything: the other one is tried at once, unless the server insists on its version.
    private func send(
        _ text: String, to number: String, inFormOf version: EvolutionSettings.Version
    ) -> DeliveryOutcome {
        let outcome = send(text, to: number, version)
        guard outcome == EvolutionAnswer.malformed, settings.version == .auto else { return outcome }
        self.version = nil
        if case .known(version) = serverVersion() { return outcome }
        let other: EvolutionSettings.Version = version == .one ? .two : .one
        let second = send(text, to: number, other)
        if second != EvolutionAnswer.malformed { self.version = other }
        return second
    }

    private func send(_ text: String, to number: String, _ version: EvolutionSettings.Version) -> DeliveryOutcome {
        curl.prepare(
            url: "\(settings.url)/message/sendText/\(settings.instance.percentEncoded(keeping: "-._~"))",
            protocols: "http,https")
        curl.setBody(body(text, number, version).bytes)
        let headers = ["Content-Type: application/json", "apikey: \(settings.apiKey)", "Expect:"]
        let result = curl.withLists([(CURLOPT_HTTPHEADER, headers)]) { curl.perform() }
        return EvolutionAnswer(result).outcome(to: number)
    }

    private func body(_ text: String, _ number: String, _ version: EvolutionSettings.Version) -> JSON {
        switch version {
        case .one:
            [
                "number": .string(number), "textMessage": ["text": .string(text)],
                "options": ["linkPreview": .bool(false)],
            ]
        case .two, .auto:
            ["number": .string(number), "text": .string(text), "linkPreview": .bool(false)]
        }
    }

    /// What the server says of itself at `GET /`. Only a definite answer is kept.
    private func serverVersion() -> ServerVersion {
        if let version { return .known(version) }
        curl.prepare(url: settings.url + "/", protocols: "http,https")
        curl.set(CURLOPT_TIMEOUT_MS, Limits.versionSeconds * 1_000)
        let result = curl.perform()
        guard result.failure == nil, result.code < 500, result.code != 429 else {
            let reason = result.failure == nil ? "HTTP \(result.code)" : result.reason
            return .unreachable("evolution_version_unknown: \(reason)")
        }
        guard result.code == 200, let answer = try? JSON(reading: result.body),
            let text = answer["version"]?.string, let major = text.split(separator: ".").first
        else { return .untold }
        let found: EvolutionSettings.Version = major == "1" ? .one : .two
        version = found
        return .known(found)
    }

    private enum ServerVersion: Equatable {
        case known(EvolutionSettings.Version)
        /// It answers, but does not say, as behind a proxy that passes only some paths.
        case untold
        case unreachable(String)
    }
}

/// An answer of the Evolution API, and what it means. The status alone does not decide: the API answers 400 for
/// transient failures too, and 201 for some errors.
struct EvolutionAnswer {
    let result: TransferResult

    init(_ result: TransferResult) {
        self.result = result
    }

    /// The API does not know the form of the request.
    static let malformed = DeliveryOutcome.permanent(reason: "HTTP 400: malformed request")

    func outcome(to number: String) -> DeliveryOutcome {
        switch result.failure {
        case nil:
            return answered(to: number)
        case .notConnected, .tls:
            return .notSent(reason: result.reason)
        case .noSTARTTLS, .login, .refused, .broken, .other:
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

    /// A 400 is final only where the API says that it did not send: the number does not exist, or the request is
    /// not one.
    private func badRequest(_ message: JSON?) -> DeliveryOutcome {
        guard let first = message?.array?.first else { return .unclear(reason: "HTTP 400") }
        if first["exists"]?.bool == false { return .permanent(reason: "number_not_on_whatsapp") }
        if first.array?.first?.string != nil { return Self.malformed }
        return .unclear(reason: "HTTP 400")
    }
}

/// Why a message could not be put together or a question about the provider not be answered; without personal data.
struct DeliveryProblem: Error {
    let reason: String

    init(_ reason: String) {
        self.reason = reason
    }
}

extension ClaimedMessage {
    /// The message's text or e-mail, or why there is none. A row that others enqueued can hold anything.
    func rendered<Value>(
        by render: (Template, MessagePayload) throws(MessageError) -> Value
    ) -> Result<Value, DeliveryProblem> {
        guard let template = Template(rawValue: template) else { return .failure(DeliveryProblem("unknown_template")) }
        guard let json = try? JSON(reading: Array(payload.utf8)), let payload = MessagePayload(json: json)
        else { return .failure(DeliveryProblem("payload_unusable")) }
        do throws(MessageError) {
            return .success(try render(template, payload))
        } catch {
            return .failure(DeliveryProblem("\(error)"))
        }
    }
}

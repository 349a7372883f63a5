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
        return message.deliver { template, payload throws(MessageError) in
            try template.whatsAppText(payload, texts)
        } by: { text in
            switch serverVersion() {
            case .known(let known): send(text, to: number, inFormOf: known)
            case .untold: send(text, to: number, inFormOf: .two)
            case .unreachable(let reason): .notSent(reason: reason)
            }
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
        return EvolutionAnswer(result: result).outcome(to: number)
    }

    private func body(_ text: String, _ number: String, _ version: EvolutionSettings.Version) -> JSON {
        switch version {
        case .one:
            [
                "number": .string(number), "textMessage": ["text": .string(text)],
                "options": ["linkPreview": .bool(false)],
            ]
        case .two, .auto: ["number": .string(number), "text": .string(text), "linkPreview": .bool(false)]
        }
    }

    /// What the server says of itself at `GET /`. Only a definite answer is kept.
    private func serverVersion() -> ServerVersion {
        if let version { return .known(version) }
        curl.prepare(url: settings.url + "/", protocols: "http,https")
        curl.set(CURLOPT_TIMEOUT_MS, Limits.versionSeconds * 1_000)
        let result = curl.perform()
        guard result.failure == nil, result.code < 500, EvolutionAnswer.meaning(ofStatus: result.code) != .notPassedOn
        else {
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

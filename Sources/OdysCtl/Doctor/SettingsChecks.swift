internal import OdysCore
internal import OdysDelivery

/// Checks of the settings, and of what they point to outside of this host.
extension Finding {
    static func settings(_ settings: Result<Settings, SettingsError>) -> [Finding] {
        switch settings {
        case .failure(let error):
            return error.problems.map {
                Finding("settings", .configuration, $0, "correct it; 'odysctl config show' tells where it comes from")
            }
        case .success(let settings):
            let unknown = settings.unknown.map {
                Finding("settings", .problem, "\($0): there is no such setting", "correct its name or remove it")
            }
            let warnings = settings.warnings.map { Finding("settings", "warn: \($0)") }
            return (unknown.isEmpty ? [Finding("settings", "are good")] : unknown) + warnings
                + [Finding("timezone", "\(settings.messaging.timeZone) is known to this host")]
        }
    }

    /// Whether the key set at ODYS_JWKS_URL can be fetched and has a usable key.
    static func keySet(_ url: String) -> Finding {
        switch KeySetFetch(url).fetch() {
        case .failure(let failure):
            Finding(
                "keys", .unreachable, "ODYS_JWKS_URL: \(failure)",
                "correct the address, or repair its server; known keys are used for 24 h meanwhile")
        case .success(let set):
            Finding(
                "keys", !set.keys.isEmpty, "\(set.keys.count) at ODYS_JWKS_URL",
                else: "ODYS_JWKS_URL: no key of the set can be used" + set.leftOut.map { "; \($0)" }.joined(),
                "publish an ES256 key, or an RS256 key of at least 2,048 bits")
        }
    }

    /// Whether messages can be handed to the Evolution API; nothing is sent.
    static func evolution(_ settings: EvolutionSettings?) -> Finding {
        guard let settings else { return Finding("evolution", "is off: EVOLUTION_API_URL is not set") }
        return Finding(
            "evolution", ProviderProbe.evolution(settings),
            notReady: "link the phone again in the Evolution API's manager; messages wait until then",
            misconfigured: "correct EVOLUTION_API_URL, EVOLUTION_API_KEY and EVOLUTION_INSTANCE",
            unreachable: "start the Evolution API, or correct EVOLUTION_API_URL")
    }

    /// Whether messages can be handed to the mail server; nothing is sent.
    static func smtp(_ settings: SMTPSettings?) -> Finding {
        guard let settings else { return Finding("smtp", "is off: ODYS_SMTP_URL is not set") }
        return Finding(
            "smtp", ProviderProbe.smtp(settings), notReady: "look at the mail server's log; mails wait until then",
            misconfigured: "correct ODYS_SMTP_URL, ODYS_SMTP_USERNAME and ODYS_SMTP_PASSWORD",
            unreachable: "start the mail server, or correct ODYS_SMTP_URL")
    }

    private init(
        _ subject: String, _ answer: ProviderProbe.Answer, notReady: String, misconfigured: String, unreachable: String
    ) {
        switch answer {
        case .good(let words): self.init(subject, words)
        case .notReady(let cause): self.init(subject, .problem, cause, notReady)
        case .misconfigured(let cause): self.init(subject, .configuration, cause, misconfigured)
        case .unreachable(let cause): self.init(subject, .unreachable, cause, unreachable)
        }
    }
}

internal import OdysCore
internal import OdysDelivery

/// Whether messages can be handed to the Evolution API and to the mail server; nothing is sent.
struct ProvidersCheck: DoctorCheck {
    let messaging: MessagingSettings

    func findings() -> [Finding] {
        var findings: [Finding] = []
        if let evolution = messaging.evolution {
            findings.append(
                Finding(
                    "evolution", ProviderProbe.evolution(evolution),
                    notReady: "link the phone again in the Evolution API's manager; messages wait until then",
                    misconfigured: "correct EVOLUTION_API_URL, EVOLUTION_API_KEY and EVOLUTION_INSTANCE",
                    unreachable: "start the Evolution API, or correct EVOLUTION_API_URL"))
        } else {
            findings.append(Finding("evolution", "is off: EVOLUTION_API_URL is not set"))
        }
        if let smtp = messaging.smtp {
            findings.append(
                Finding(
                    "smtp", ProviderProbe.smtp(smtp), notReady: "look at the mail server's log; mails wait until then",
                    misconfigured: "correct ODYS_SMTP_URL, ODYS_SMTP_USERNAME and ODYS_SMTP_PASSWORD",
                    unreachable: "start the mail server, or correct ODYS_SMTP_URL"))
        } else {
            findings.append(Finding("smtp", "is off: ODYS_SMTP_URL is not set"))
        }
        return findings
    }
}

extension Finding {
    fileprivate init(
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

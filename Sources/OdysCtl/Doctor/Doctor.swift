internal import ArgumentParser
internal import OdysCore
internal import OdysDelivery
internal import OdysHost
internal import OdysStore

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Looks at everything that Odys needs, and names what is wrong, why, and what to do.",
        discussion: """
            It needs no root, changes nothing and sends nothing to anybody. Exit code 2 when a setting is wrong, else \
            3 when something cannot be reached, else 1 when there is another problem.
            """)

    @Option(help: "The directory of the responders' sockets.") var socketDir = "/run/odys"
    @Option(help: "The directory of nginx.conf.") var nginxDir = "/etc/nginx"
    @Option(help: "Mebibytes that must be free where MariaDB keeps its data.") var freeMib = 1_024
    @OptionGroup var output: OutputOptions

    func run() throws {
        Curl.initialize()
        let findings = examine(.process)
        if output.json {
            print(JSON.array(findings.map(\.json)).text)
        } else {
            for finding in findings {
                print(finding.state.rawValue.padded(15) + finding.subject.padded(11) + finding.cause)
                if let remedy = finding.remedy { print("".padded(26) + remedy) }
            }
        }
        for (state, code) in [(Finding.State.configuration, 2), (.unreachable, 3), (.problem, 1)]
        where findings.contains(where: { $0.state == state }) {
            throw ExitCode(Int32(code))
        }
    }

    /// Each part stands for itself: where the settings of one are wrong, the others are looked at all the same.
    private func examine(_ source: SettingsSource) -> [Finding] {
        var findings: [Finding] = []
        var settings: Settings?
        do throws(SettingsError) {
            let read = try Settings(source, timeZoneProblem: LocalTime.problem)
            settings = read
            findings += Self.settings(read)
        } catch {
            findings += error.problems.map {
                Finding("settings", .configuration, $0, "correct it; 'odysctl config show' tells where it comes from")
            }
        }
        // What is wrong with these settings was said above.
        if let database = try? DatabaseSettings(source) {
            findings += self.database(database)
        }
        if let messaging = try? MessagingSettings(source) {
            findings += Self.providers(messaging)
        }
        let listen = settings?.listen ?? .inherited
        findings += sockets(listen) + instances(listen)
        if let settings { findings += Self.keys(settings.tokens) + nginx(settings) }
        return findings
    }

    private static func settings(_ settings: Settings) -> [Finding] {
        let unknown = settings.unknown.map {
            Finding("settings", .problem, "\($0): there is no such setting", "correct its name or remove it")
        }
        let zone = settings.messaging.timeZone
        return (unknown.isEmpty ? [Finding("settings", "are good")] : unknown)
            + [Finding("timezone", "\(zone) is known to this host")]
    }

    private static func providers(_ messaging: MessagingSettings) -> [Finding] {
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

/// One thing that was looked at.
struct Finding {
    enum State: String {
        case good, problem, configuration, unreachable
    }

    /// What was looked at, in one word.
    let subject: String
    let state: State
    let cause: String
    /// What to do; nil where nothing is wrong.
    let remedy: String?

    init(_ subject: String, _ good: String) {
        self.init(subject, .good, good, nil)
    }

    init(_ subject: String, _ state: State, _ cause: String, _ remedy: String?) {
        self.subject = subject
        self.state = state
        self.cause = cause
        self.remedy = remedy
    }

    init(
        _ subject: String, _ answer: ProviderProbe.Answer, notReady: String, misconfigured: String, unreachable: String
    ) {
        switch answer {
        case .good(let words): self.init(subject, words)
        case .notReady(let cause): self.init(subject, .problem, cause, notReady)
        case .misconfigured(let cause): self.init(subject, .configuration, cause, misconfigured)
        case .unreachable(let cause): self.init(subject, .unreachable, cause, unreachable)
        }
    }

    var json: JSON {
        [
            "check": .string(subject), "state": .string(state.rawValue), "cause": .string(cause),
            "remedy": JSON(remedy),
        ]
    }
}

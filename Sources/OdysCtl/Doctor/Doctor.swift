internal import ArgumentParser
internal import OdysCore
internal import OdysDelivery
internal import OdysHost
internal import OdysStore

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks everything that Odys needs, and says what is wrong, why, and what to do.",
        discussion: """
            It needs no root, changes nothing and sends nothing to anybody. Exit code 2 when a setting is wrong, else \
            3 when something cannot be reached, else 1 when there is another problem.
            """)

    @Option(help: "The directory of the responders' sockets.") var socketDir = "/run/odys"
    @Option(help: "The directory of nginx.conf.") var nginxDir = "/etc/nginx"
    @Option(help: "The file of the settings.") var settingsFile = "/etc/odys/odys.env"
    @Option(help: "Mebibytes that must be free where MariaDB keeps its data.") var freeMib = 1_024
    @OptionGroup var output: OutputOptions

    func run() throws {
        Curl.initialize()
        let findings = findings()
        output.show(JSON(findings, each: \.json), orLines: findings.flatMap(\.lines))
        for (state, code) in [(Finding.State.configuration, 2), (.unreachable, 3), (.problem, 1)]
        where findings.contains(where: { $0.state == state }) { throw ExitCode(Int32(code)) }
    }

    /// Each check needs only its own settings: invalid settings of one do not prevent the others.
    private func findings() -> [Finding] {
        let read = Result { () throws(SettingsError) in try Config.settings() }
        let settings = try? read.get()
        var findings = Finding.settings(read) + FilesCheck(settingsFile: settingsFile, settings: settings).findings()
        if let database = try? DatabaseSettings(.process) {
            findings += DatabaseCheck(settings: database, freeMiB: freeMib).findings()
        }
        if let messaging = try? MessagingSettings(.process) {
            findings += [.evolution(messaging.evolution), .smtp(messaging.smtp)]
        }
        findings += InstancesCheck(listen: settings?.listen ?? .inherited, directory: socketDir).findings()
        if let url = settings?.tokens.keySetURL { findings.append(.keySet(url)) }
        if let settings { findings += NginxCheck(directory: nginxDir, settings: settings).findings() }
        return findings
    }
}

/// What `odysctl doctor` says of one subject.
struct Finding {
    enum State: String { case good, problem, configuration, unreachable }

    /// What was checked, in one word.
    let subject: String
    let state: State
    let cause: String
    /// What to do; nil where nothing is wrong.
    let remedy: String?

    init(_ subject: String, _ state: State, _ cause: String, _ remedy: String?) {
        self.subject = subject
        self.state = state
        self.cause = cause
        self.remedy = remedy
    }

    init(_ subject: String, _ good: String) { self.init(subject, .good, good, nil) }

    /// Good, or a problem.
    init(_ subject: String, _ isGood: Bool, _ good: String, else cause: String, _ remedy: String) {
        self = isGood ? Finding(subject, good) : Finding(subject, .problem, cause, remedy)
    }

    var json: JSON {
        ["check": .string(subject), "state": JSON(state), "cause": .string(cause), "remedy": JSON(remedy)]
    }

    var lines: [String] {
        [row(15, 11, cells: state.rawValue, subject, cause)] + (remedy.map { ["".padded(26) + $0] } ?? [])
    }
}

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
    @Option(help: "Mebibytes that must be free where MariaDB keeps its data.") var freeMib = 1_024
    @OptionGroup var output: OutputOptions

    func run() throws {
        Curl.initialize()
        let findings = checks(.process).flatMap { $0.findings() }
        output.show(.array(findings.map(\.json)), orLines: findings.flatMap(\.lines))
        for (state, code) in [(Finding.State.configuration, 2), (.unreachable, 3), (.problem, 1)]
        where findings.contains(where: { $0.state == state }) {
            throw ExitCode(Int32(code))
        }
    }

    /// Each check needs only its own settings: invalid settings of one do not prevent the others.
    private func checks(_ source: SettingsSource) -> [any DoctorCheck] {
        let read = Result { () throws(SettingsError) in try Settings(source, timeZoneProblem: LocalTime.problem) }
        let settings = try? read.get()
        let listen = settings?.listen ?? .inherited
        var checks: [any DoctorCheck] = [SettingsCheck(settings: read)]
        if let database = try? DatabaseSettings(source) {
            checks.append(DatabaseCheck(settings: database, freeMiB: freeMib))
        }
        if let messaging = try? MessagingSettings(source) {
            checks.append(ProvidersCheck(messaging: messaging))
        }
        checks += [
            SocketsCheck(listen: listen, directory: socketDir), InstancesCheck(listen: listen, directory: socketDir),
        ]
        if let settings {
            checks += [KeySetCheck(tokens: settings.tokens), NginxCheck(directory: nginxDir, settings: settings)]
        }
        return checks
    }
}

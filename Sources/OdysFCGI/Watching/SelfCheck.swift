internal import Dispatch
internal import Logging
internal import OdysCore
internal import OdysHost

/// One thread that watches the others. It pings systemd's watchdog while the loops of workers and senders turn, and
/// logs each change of readiness, so that every fault shows in the log, probed or not.
///
/// An unreachable database changes the status and stops no ping: a restart would not help.
final class SelfCheck: Sendable {
    private let management: ManagementEndpoint
    private let service: ServiceManager
    private let log: Logger
    private let stopped = DispatchSemaphore(value: 0)

    init(_ management: ManagementEndpoint, _ service: ServiceManager, log: Logger) {
        self.management = management
        self.service = service
        self.log = log
    }

    func start(in group: DispatchGroup) { DispatchQueue(label: "odys.selfcheck").async(group: group, execute: run) }

    func stop() { stopped.signal() }

    @Sendable private func run() {
        let seconds = min(Double(Limits.idleBeatSeconds), (service.watchdogSeconds ?? .infinity) / 3)
        var stuck: [String] = []
        var known: [String] = []
        var nextLook = Clock.uptime
        repeat {
            let now = management.loops.filter(\.isStuck).map(\.name)
            if now.isEmpty {
                service.ping()
            } else if now != stuck {
                log.critical(
                    "threads are stuck; a service manager that watches restarts us",
                    metadata: ["loops": "\(now.joined(separator: " "))"])
            }
            stuck = now
            guard Clock.uptime >= nextLook else { continue }
            nextLook = Clock.uptime + Limits.selfCheckSeconds
            let report = management.health(management.database.state())
            let problems = report.problems.map { "\($0.name) \($0.status.rawValue)" }
            if problems != known { announce(report) }
            known = problems
        } while stopped.wait(timeout: .now() + seconds) == .timedOut
    }

    private func announce(_ report: HealthReport) {
        let level: Logger.Level =
            switch report.status {
            case .pass: .notice
            case .warn: .warning
            case .fail: .error
            }
        let problems = report.problems.map { "\($0.name): \($0.output ?? $0.status.rawValue)" }
        log.log(
            level: level, "readiness changed",
            metadata: ["ready": "\(report.status.rawValue)", "checks": "\(problems.joined(separator: "; "))"])
        service.status(problems.first.map { "serving; \($0)" } ?? "serving")
    }
}

internal import Dispatch
internal import Logging
internal import OdysCore
internal import OdysHost

/// One thread that looks at the others. It pings systemd's watchdog as long as workers and senders get on, and writes a
/// line when readiness changes, so that every fault shows in the log too, whether anybody asks or not.
///
/// A database that is away changes the status and stops no ping: a restart would mend nothing.
final class SelfCheck: Sendable {
    private let operations: Operations
    private let service: ServiceManager
    private let log: Logger
    private let stopped = DispatchSemaphore(value: 0)

    init(_ operations: Operations, _ service: ServiceManager, log: Logger) {
        self.operations = operations
        self.service = service
        self.log = log
    }

    func start(in group: DispatchGroup) {
        DispatchQueue(label: "odys.selfcheck").async(group: group, execute: run)
    }

    func stop() { stopped.signal() }

    @Sendable private func run() {
        let seconds = min(Double(Limits.idleBeatSeconds), (service.watchdogSeconds ?? .infinity) / 3)
        var stuck: [String] = []
        var known: [String] = []
        var nextLook = Clock.uptime
        repeat {
            let now = operations.loops.filter(\.isStuck).map(\.name)
            if now.isEmpty { service.ping() }
            if now != stuck, !now.isEmpty {
                log.critical(
                    "threads are stuck; a service manager that watches restarts us",
                    metadata: ["loops": "\(now.joined(separator: " "))"])
            }
            stuck = now
            guard Clock.uptime >= nextLook else { continue }
            nextLook = Clock.uptime + Limits.selfCheckSeconds
            let report = operations.health(operations.database.state())
            let problems = report.problems.map { "\($0.name) \($0.status.rawValue)" }
            if problems != known { tell(report) }
            known = problems
        } while stopped.wait(timeout: .now() + seconds) == .timedOut
    }

    private func tell(_ report: HealthReport) {
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

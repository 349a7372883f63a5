internal import OdysCore
internal import Synchronization

/// In which order the hosts of `ODYS_DB_HOST` are tried: as they are listed, those that have just failed last.
///
/// All connections of a process share one, so that a host that is away costs one of them its time, and not each. A
/// host is tried in its turn again after a while: where the first one is preferred, it is used again once it is back.
final class HostOrder: Sendable {
    static let shared = HostOrder()

    private let failures = Mutex<[String: ContinuousClock.Instant]>([:])

    func order(_ hosts: [String], now: ContinuousClock.Instant = .now) -> [String] {
        let failures = failures.withLock { $0 }
        func hasFailed(_ host: String) -> Bool {
            failures[host].map { now - $0 < .seconds(Limits.hostFailureSeconds) } ?? false
        }
        return hosts.filter { !hasFailed($0) } + hosts.filter(hasFailed)
    }

    func failed(_ host: String, now: ContinuousClock.Instant = .now) {
        failures.withLock { $0[host] = now }
    }

    func answered(_ host: String) {
        failures.withLock { $0[host] = nil }
    }
}

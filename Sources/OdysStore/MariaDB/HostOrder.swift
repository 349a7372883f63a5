internal import OdysCore
internal import Synchronization

/// The order in which the hosts of `ODYS_DB_HOST` are tried: as listed, those that failed recently last.
///
/// Shared by all connections of a process, so that only one of them waits for a dead host. After
/// `Limits.hostFailureSeconds` a host gets its place back, so a preferred first one is used again.
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

    func failed(_ host: String, now: ContinuousClock.Instant = .now) { failures.withLock { $0[host] = now } }
    func answered(_ host: String) { failures.withLock { $0[host] = nil } }
}

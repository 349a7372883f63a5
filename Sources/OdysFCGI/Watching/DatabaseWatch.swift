internal import Dispatch
internal import OdysCore
internal import OdysHost
internal import OdysStore
internal import Synchronization

/// How the database stands.
enum DatabaseState: Sendable, Equatable {
    case answering(DatabaseSnapshot)
    case failing(StoreError)
    /// It took the question and does not answer.
    case timedOut

    /// Nil while the database does not answer.
    var snapshot: DatabaseSnapshot? { if case .answering(let snapshot) = self { snapshot } else { nil } }
}

/// Checks the database for the management pages, on a queue of its own: one check at a time, and at most one a second,
/// so that probes cost nothing. Each probe waits for a bounded time, whatever the database does.
final class DatabaseWatch: Sendable {
    private struct Shared {
        var state = DatabaseState.timedOut
        var at = -Double.infinity
        /// When the current check began; nil where none runs.
        var began: Double?
    }

    private let shared = Mutex(Shared())
    private let queue = DispatchQueue(label: "odys.watch")
    /// Holds the current check. Every probe that finds it running waits for the same one.
    private let check = DispatchGroup()
    private let connection: Mutex<Connection>
    private let metrics: Metrics

    init(_ live: LiveSettings, metrics: Metrics) {
        connection = Mutex(Connection(limits: .look) { live.current.database })
        self.metrics = metrics
    }

    /// The state of the database, at most a second old.
    func state() -> DatabaseState {
        let known: DatabaseState? = shared.withLock {
            let now = Clock.uptime
            if now - $0.at < Limits.lookSeconds { return $0.state }
            guard let began = $0.began else {
                $0.began = now
                queue.async(group: check, execute: look)
                return nil
            }
            // An earlier probe has waited for this check in vain.
            return now - began > Limits.lookWaitSeconds ? .timedOut : nil
        }
        if let known { return known }
        return isIdle(within: Limits.lookWaitSeconds) ? shared.withLock { $0.state } : .timedOut
    }

    /// Waits until no check runs, but no longer than so many seconds.
    func isIdle(within seconds: Double) -> Bool { check.wait(timeout: .now() + seconds) == .success }

    @Sendable private func look() {
        let state: DatabaseState
        do throws(StoreError) {
            state = .answering(
                try connection.withLock { connection throws(StoreError) in try DatabaseSnapshot(connection) })
        } catch {
            metrics.note(error)
            state = .failing(error)
        }
        shared.withLock { $0 = Shared(state: state, at: Clock.uptime) }
    }
}

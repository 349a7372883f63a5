internal import Dispatch
internal import OdysCore
internal import OdysHost
internal import OdysStore
internal import Synchronization

/// The one thread that checks the database for the management pages. A snapshot serves for a second, so probes cost
/// nothing, and each waits for a bounded time, whatever the database does.
final class DatabaseWatch: Sendable {
    private struct Shared {
        var state = DatabaseState.timedOut
        var at = -Double.infinity
        /// When the check that is under way began; nil where none is.
        var began: Double?
        var waiting: [DispatchSemaphore] = []
        var isStopping = false
    }

    private let shared = Mutex(Shared())
    private let asked = DispatchSemaphore(value: 0)
    private let live: LiveSettings
    private let metrics: Metrics

    init(_ live: LiveSettings, metrics: Metrics) {
        self.live = live
        self.metrics = metrics
    }

    func start(in group: DispatchGroup) {
        DispatchQueue(label: "odys.watch").async(group: group, execute: run)
    }

    func stop() {
        shared.withLock { $0.isStopping = true }
        asked.signal()
    }

    /// The state of the database, at most a second old.
    func state() -> DatabaseState {
        let waiter = DispatchSemaphore(value: 0)
        let known: DatabaseState? = shared.withLock {
            let now = Clock.uptime
            if now - $0.at < Limits.lookSeconds { return $0.state }
            // An earlier probe has waited for this check in vain.
            if let began = $0.began, now - began > Limits.lookWaitSeconds { return .timedOut }
            $0.waiting.append(waiter)
            return nil
        }
        if let known { return known }
        asked.signal()
        guard waiter.wait(timeout: .now() + Limits.lookWaitSeconds) == .success else { return .timedOut }
        return shared.withLock { $0.state }
    }

    /// - Returns: the probes that wait for it.
    private func finish(_ state: DatabaseState) -> [DispatchSemaphore] {
        shared.withLock { shared in
            let waiting = shared.waiting
            shared.waiting = []
            shared.state = state
            shared.at = Clock.uptime
            shared.began = nil
            return waiting
        }
    }

    @Sendable private func run() {
        let connection = Connection(limits: .look) { [live] in live.current.database }
        while true {
            asked.wait()
            let isAsked: Bool? = shared.withLock {
                if $0.isStopping { return nil }
                if $0.waiting.isEmpty { return false }
                $0.began = Clock.uptime
                return true
            }
            guard let isAsked else { return }
            guard isAsked else { continue }
            let state: DatabaseState
            do throws(StoreError) {
                state = .answering(try DatabaseSnapshot(connection))
            } catch {
                metrics.note(error)
                state = .failing(error)
            }
            for waiter in finish(state) { waiter.signal() }
        }
    }
}

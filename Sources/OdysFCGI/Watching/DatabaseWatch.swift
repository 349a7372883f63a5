internal import Dispatch
internal import OdysCore
internal import OdysHost
internal import OdysStore
internal import Synchronization

/// The one thread that looks at the database for everybody who asks how it stands. A look serves for a second, so
/// probes cost nothing; and whoever asks waits for a bounded time, whatever the database does.
final class DatabaseWatch: Sendable {
    private struct Shared {
        var state = DatabaseState.silent
        var at = -Double.infinity
        /// When the look that is under way began; nil where none is.
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

    /// How the database stands, as of a second ago at most.
    func state() -> DatabaseState {
        let waiter = DispatchSemaphore(value: 0)
        let known: DatabaseState? = shared.withLock {
            let now = Clock.uptime
            if now - $0.at < Limits.lookSeconds { return $0.state }
            // Somebody has waited for this look before, in vain.
            if let began = $0.began, now - began > Limits.lookWaitSeconds { return .silent }
            $0.waiting.append(waiter)
            return nil
        }
        if let known { return known }
        asked.signal()
        guard waiter.wait(timeout: .now() + Limits.lookWaitSeconds) == .success else { return .silent }
        return shared.withLock { $0.state }
    }

    /// - Returns: those who wait for it.
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
        let observer = Observer(Connection(limits: .look) { [live] in live.current.database })
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
                state = .answering(try observer.look())
            } catch {
                metrics.note(error)
                state = .failing(error)
            }
            for waiter in finish(state) { waiter.signal() }
        }
    }
}

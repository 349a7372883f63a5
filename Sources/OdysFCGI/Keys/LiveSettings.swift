internal import OdysCore
internal import OdysHost
internal import Synchronization

/// The current settings: secrets and keys that come from files may be replaced while the process runs.
final class LiveSettings: Sendable {
    private let state: Mutex<(settings: Settings, generation: Int)>

    init(_ settings: Settings) { state = Mutex((settings, 0)) }
    var current: Settings { state.withLock { $0.settings } }

    /// Reads everything again. What is read once, such as the number of threads, keeps its first value; where
    /// anything is wrong, everything keeps its value.
    func reload() throws(SettingsError) {
        let read = try Settings(.process, timeZoneProblem: LocalTime.problem)
        state.withLock { $0 = (read, $0.generation + 1) }
    }

    /// A sender's function, made again on its own thread after a reload.
    func rebuildingOnReload(
        _ make: @escaping (Settings) -> (ClaimedMessage) -> DeliveryOutcome
    ) -> (ClaimedMessage) -> DeliveryOutcome {
        var (settings, generation) = state.withLock { $0 }
        var deliver = make(settings)
        return { message in
            let now = self.state.withLock { $0 }
            if now.generation != generation {
                (settings, generation) = now
                deliver = make(settings)
            }
            return deliver(message)
        }
    }
}

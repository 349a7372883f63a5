internal import OdysCore
internal import OdysHost
internal import Synchronization

/// The settings of the moment: secrets and keys that come from files may be replaced while the process runs.
final class LiveSettings: Sendable {
    private let state: Mutex<(settings: Settings, generation: Int)>

    init(_ settings: Settings) {
        state = Mutex((settings, 0))
    }

    var current: Settings { state.withLock { $0.settings } }
    var generation: Int { state.withLock { $0.generation } }

    /// Reads everything again. What is read once, such as the number of threads, keeps its first value; where
    /// anything is wrong, everything keeps its value.
    func reload() throws(SettingsError) {
        let read = try Settings(.process, timeZoneProblem: LocalTime.problem)
        state.withLock { state in
            state.settings = read
            state.generation += 1
        }
    }

    /// A sender's function, made again on its own thread after the settings were read again.
    func remaking(
        _ make: @escaping (Settings) -> (ClaimedMessage) -> DeliveryOutcome
    ) -> (ClaimedMessage) -> DeliveryOutcome {
        var made = generation
        var deliver = make(current)
        return { message in
            let now = self.generation
            if now != made {
                deliver = make(self.current)
                made = now
            }
            return deliver(message)
        }
    }
}

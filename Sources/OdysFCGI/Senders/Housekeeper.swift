internal import Dispatch
internal import Logging
internal import OdysCore
internal import OdysStore

/// One thread of a delivering process that prunes a little now and then, so that no table grows for ever.
final class Housekeeper: Sendable {
    private let live: LiveSettings
    private let retention: Retention
    private let metrics: Metrics
    private let log: Logger
    private let stopped = DispatchSemaphore(value: 0)

    init(_ live: LiveSettings, retention: Retention, metrics: Metrics, log: Logger) {
        self.live = live
        self.retention = retention
        self.metrics = metrics
        self.log = log
    }

    func start(in group: DispatchGroup) { DispatchQueue(label: "odys.housekeeper").async(group: group, execute: run) }

    func stop() { stopped.signal() }

    @Sendable private func run() {
        let housekeeping = Housekeeping(Connection { self.live.current.database })
        // Spread, so that the processes of a host do not all begin at the same moment.
        while stopped.wait(timeout: .now() + Limits.pruneSeconds * Double.random(in: 0.5..<1.5)) == .timedOut {
            do throws(StoreError) {
                let pruned = try housekeeping.prune(
                    retentionDays: retention.messageDays, payloadDays: retention.payloadDays)
                if pruned.total > 0 { log.debug("pruned \(pruned.total) rows") }
            } catch {
                metrics.note(error)
                log.warning("pruning failed: \(error.remedy)", metadata: ["error": "\(error)"])
            }
        }
    }
}

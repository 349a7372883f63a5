internal import OdysCore
internal import OdysHost
internal import OdysStore
internal import Synchronization

/// The management pages: `/healthz/N`, `/readyz/N`, `/metrics/N`, `/status/N`. Answered by the same threads as
/// requests; each waits for the database for a bounded time.
final class ManagementEndpoint: Sendable {
    let settings: Settings
    let metrics = Metrics()
    let database: DatabaseWatch
    let workers: ThreadGroupStatus
    /// The channels that this process delivers for; set once, before anybody asks.
    private let channels = Mutex<[ChannelQueue]>([])
    private let listener = Mutex<Int32?>(nil)
    private let draining = Atomic<Bool>(false)
    let startedAt = Clock.now
    let startedUptime = Clock.uptime

    init(_ settings: Settings, _ live: LiveSettings) {
        self.settings = settings
        database = DatabaseWatch(live, metrics: metrics)
        // A process that only delivers answers nothing but these pages.
        let count = settings.delivery == .only ? Limits.watcherThreads : settings.threads
        workers = ThreadGroupStatus("requests", count, allowedSeconds: Limits.workerSilenceSeconds)
    }

    func watch(_ queues: [ChannelQueue], listener socket: Int32?) {
        channels.withLock { $0 = queues }
        listener.withLock { $0 = socket }
    }

    func drain() { draining.store(true, ordering: .releasing) }

    var queues: [ChannelQueue] { channels.withLock { $0 } }
    var queueLength: Int? { listener.withLock { $0 }.flatMap(ProcessFacts.queueLength(of:)) }

    /// The threads whose loops must turn.
    var loops: [LoopGroup] {
        let senders = queues.map(\.threads.loops)
        return listener.withLock { $0 } == nil ? senders : [workers.loops] + senders
    }

    func health(_ database: DatabaseState) -> HealthReport {
        HealthReport(
            HealthFacts(
                database: database, requiredSchemaVersion: Migrations.requiredVersion,
                writeFailure: metrics.recentWriteFailure,
                channels: queues.map {
                    HealthFacts.ChannelState(channel: $0.channel, phase: $0.phase, pausedBy: $0.pausedBy)
                },
                loops: loops, isDraining: draining.load(ordering: .acquiring), unknownSettings: settings.unknown))
    }

    func response(_ page: ManagementPage, _ request: Request) -> Response {
        guard request.method == "GET" else {
            return Response(status: 405, headers: [Header("Allow", "GET"), Self.noStore], body: [])
        }
        switch page {
        case .healthz: return alive
        case .readyz: return ready
        case .metrics: return response(200, PrometheusText.mediaType, MetricsPage(self).bytes)
        case .status: return status(request.query)
        }
    }

    private static let noStore = Header("Cache-Control", "no-store")

    private func response(_ status: Int, _ type: String, _ body: [UInt8]) -> Response {
        Response(status: status, headers: [Header("Content-Type", type), Self.noStore], body: body)
    }

    /// The process is alive: one of its threads answers. Nothing else is checked.
    private var alive: Response {
        let body: JSON = [
            "status": "pass", "version": .string(Product.version), "instance": .string(settings.instance),
        ]
        return response(200, "application/health+json", body.bytes)
    }

    private var ready: Response {
        let report = health(database.state())
        let body = report.json(version: Product.version, instance: settings.instance, at: Clock.now)
        return response(report.status == .fail ? 503 : 200, "application/health+json", body.bytes)
    }

    private func status(_ query: String) -> Response {
        let options = query.split(separator: "&").map { $0.prefix { $0 != "=" } }
        let page = StatusPage(self, isFull: options.contains("full"))
        return options.contains("text")
            ? response(200, "text/plain; charset=utf-8", Array(page.text.utf8))
            : response(200, "application/json", page.json.bytes)
    }
}

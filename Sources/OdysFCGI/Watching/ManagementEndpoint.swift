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
    /// The channels that this process delivers for, and its listener; set once, before the first request.
    private let watched = Mutex<(queues: [ChannelQueue], listener: Int32?)>(([], nil))
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

    func watch(_ queues: [ChannelQueue], listener socket: Int32?) { watched.withLock { $0 = (queues, socket) } }
    func drain() { draining.store(true, ordering: .releasing) }
    var queues: [ChannelQueue] { watched.withLock { $0.queues } }
    private var listener: Int32? { watched.withLock { $0.listener } }
    var queueLength: Int? { listener.flatMap(ProcessFacts.queueLength) }

    /// The threads whose loops must turn.
    var loops: [LoopGroup] { (listener == nil ? [] : [workers.loops]) + queues.map(\.threads.loops) }

    func health(_ database: DatabaseState) -> HealthReport {
        HealthReport(
            HealthFacts(
                database: database, requiredSchemaVersion: Migrations.requiredVersion,
                writeFailure: metrics.recentWriteFailure,
                channels: queues.map { .init(channel: $0.channel, phase: $0.phase, pausedBy: $0.pausedBy) },
                loops: loops, isDraining: draining.load(ordering: .acquiring), unknownSettings: settings.unknown))
    }

    func response(_ page: ManagementPage, _ request: Request) -> Response {
        let noStore = Header("Cache-Control", "no-store")
        func response(_ type: String, _ body: [UInt8], status: Int = 200) -> Response {
            Response(status: status, headers: [Header("Content-Type", type), noStore], body: body)
        }
        let route = Route.management(page)
        guard route.offers(request.method) else {
            return Response(status: 405, headers: [Header("Allow", route.allowedMethods), noStore], body: [])
        }
        let health = "application/health+json"
        switch page {
        case .healthz:
            // One of the threads answers, so the process is alive. Nothing else is checked.
            let body: JSON = [
                "status": "pass", "version": .string(Product.version), "instance": .string(settings.instance),
            ]
            return response(health, body.bytes)
        case .readyz:
            let report = self.health(database.state())
            let body = report.json(version: Product.version, instance: settings.instance, at: Clock.now)
            return response(health, body.bytes, status: report.status == .fail ? 503 : 200)
        case .metrics: return response(PrometheusText.mediaType, MetricsPage(self).bytes)
        case .status:
            let options = request.query.split(separator: "&").map { $0.prefix { $0 != "=" } }
            let page = StatusPage(self, isFull: options.contains("full"))
            return options.contains("text")
                ? response("text/plain; charset=utf-8", Array(page.text.utf8))
                : response("application/json", page.json.bytes)
        }
    }
}

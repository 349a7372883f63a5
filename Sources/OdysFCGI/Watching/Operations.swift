internal import Dispatch
internal import OdysCore
internal import OdysHost
internal import OdysStore
internal import Synchronization

/// What those who watch the process may ask of it: `/healthz/N`, `/readyz/N`, `/metrics/N`, `/status/N`. Answered by
/// the same threads as requests; none of them waits for the database for long.
final class Operations: Sendable {
    let settings: Settings
    let metrics = Metrics()
    let database: DatabaseWatch
    let workers: Crew
    /// The channels that this process delivers for; set once, before anybody asks.
    private let channels = Mutex<[ChannelQueue]>([])
    private let listener = Mutex<Int32?>(nil)
    private let draining = Atomic<Bool>(false)
    let startedAt = Clock.now
    let startedUptime = Clock.uptime

    init(_ settings: Settings, _ live: LiveSettings) {
        self.settings = settings
        database = DatabaseWatch(live, metrics: metrics)
        // A process that only delivers answers nobody but its watchers.
        let count = settings.delivery == .only ? Limits.watcherThreads : settings.threads
        workers = Crew("requests", count, allowedSeconds: Limits.workerSilenceSeconds)
    }

    func watch(_ queues: [ChannelQueue], listener socket: Int32?) {
        channels.withLock { $0 = queues }
        listener.withLock { $0 = socket }
    }

    func drain() { draining.store(true, ordering: .releasing) }

    var isDraining: Bool { draining.load(ordering: .acquiring) }
    var queues: [ChannelQueue] { channels.withLock { $0 } }
    var queueLength: Int? { listener.withLock { $0 }.flatMap(ProcessFacts.queueLength(of:)) }

    /// The threads that must get on.
    var loops: [LoopGroup] {
        let senders = queues.map(\.crew.group)
        return listener.withLock { $0 } == nil ? senders : [workers.group] + senders
    }

    func health(_ database: DatabaseState) -> HealthReport {
        HealthReport(
            HealthFacts(
                database: database, requiredSchemaVersion: Migrations.requiredVersion,
                writeFailure: metrics.recentWriteFailure,
                channels: queues.map {
                    HealthFacts.ChannelState(channel: $0.channel, phase: $0.phase, pausedBy: $0.pausedBy)
                },
                loops: loops, isDraining: isDraining, unknownSettings: settings.unknown))
    }

    /// The answer, or nil where the path is none of these. Which instance the path names is the web server's affair: it
    /// chose the socket by it.
    func answer(_ request: Request) -> Response? {
        // Before the path is taken apart, since nearly every request is one of these.
        if request.path.hasSameStart(as: "/api/") { return nil }
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].isEmpty, let page = Page(rawValue: String(parts[1])) else { return nil }
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

    private enum Page: String {
        case healthz, readyz, metrics, status
    }

    private static let noStore = Header("Cache-Control", "no-store")

    private func response(_ status: Int, _ type: String, _ body: [UInt8]) -> Response {
        Response(status: status, headers: [Header("Content-Type", type), Self.noStore], body: body)
    }

    /// This process and one of its threads answer. Nothing else is asked.
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
        let wishes = query.split(separator: "&").map { $0.prefix { $0 != "=" } }
        let page = StatusPage(self, isFull: wishes.contains("full"))
        return wishes.contains("text")
            ? response(200, "text/plain; charset=utf-8", Array(page.text.utf8))
            : response(200, "application/json", page.json.bytes)
    }
}

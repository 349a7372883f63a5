internal import CFCGI
internal import Dispatch
internal import Glibc
internal import Logging
internal import OdysCore
internal import OdysDelivery
internal import OdysHost
internal import OdysStore

/// The process: its threads, and the order in which they start and stop.
struct Responder {
    /// What is read once: all but secrets and keys.
    private let settings: Settings
    private let live: LiveSettings
    private let log: Logger
    private let rules: Rules
    private let management: ManagementEndpoint
    private let service = ServiceManager()

    init(_ settings: Settings, log: Logger) {
        self.settings = settings
        live = LiveSettings(settings)
        self.log = log
        management = ManagementEndpoint(settings, live)
        rules = Rules(
            enforcesStartTime: settings.enforcesStartTime,
            messages: MessageSetting(appURL: settings.messaging.appURL, civilTime: LocalTime.civil))
    }

    /// Serves until SIGTERM or SIGINT, then finishes what was begun. SIGHUP: reads secrets and keys again. Returns the
    /// exit code: 0 when everything was finished, 1 when it could not start. Where something in flight cannot be
    /// finished in time, the process ends here, with 1.
    func run() throws(SettingsError) -> Int32 {
        // Every thread inherits the mask, so that only this one ever sees these signals; blocked before libfcgi
        // installs a handler that would swallow them.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGHUP)
        precondition(pthread_sigmask(SIG_BLOCK, &signals, nil) == 0, "pthread_sigmask failed")
        initializeLibraries()

        guard isSchemaGood() else { return 1 }
        // First of all: where it fails, no sender must have begun anything.
        let listener = try makeListener()
        let requests = DispatchGroup()
        let deliveries = DispatchGroup()
        let queues = settings.delivery == .off ? [] : startDelivery(in: deliveries)
        management.watch(queues, listener: listener?.socket)
        let housekeeper = Housekeeper(live, retention: settings.retention, metrics: management.metrics, log: log)
        if settings.delivery != .off { housekeeper.start(in: deliveries) }
        let reloader = CredentialReloader(live, log: log)
        let authenticator = listener.map { _ in
            Authenticator(settings, requestKeyRefetch: reloader.requestKeyRefetch)
        }
        reloader.start(for: authenticator, in: deliveries)
        let watchers = DispatchGroup()
        if let listener, let authenticator { startWorkers(listener, authenticator, queues, in: requests) }
        log.notice(
            "started",
            metadata: [
                "version": "\(Product.version)", "threads": "\(settings.threads)",
                "delivery": "\(settings.delivery.rawValue)",
            ])

        service.ready("serving")
        // After READY=1, which systemd is to hear before the first WATCHDOG=1 or STATUS.
        let selfCheck = SelfCheck(management, service, log: log)
        selfCheck.start(in: watchers)

        var signal: Int32 = 0
        while sigwait(&signals, &signal) == 0, signal == SIGHUP {
            service.reloading()
            let isReloaded = reloader.reload()
            service.ready(isReloaded ? "serving" : "serving; the settings are not good, the old ones stay")
        }
        service.stopping()
        management.drain()
        log.notice("stopping: finishing requests and messages in flight")
        listener?.stop()
        for queue in queues { queue.stop() }
        housekeeper.stop()
        reloader.stop()
        let areAnswered = requests.wait(timeout: .now() + .seconds(Limits.drainRequestSeconds)) == .success
        let areDelivered = deliveries.wait(timeout: .now() + .seconds(Limits.drainDeliverySeconds)) == .success
        guard areAnswered, areDelivered else {
            log.error("stopped with work in flight; leased messages are sent again when their leases end")
            // Without the clean-up of libraries that other threads are still in.
            _exit(1)
        }
        selfCheck.stop()
        log.notice("stopped")
        // A check of a database that does not answer may still be under way, and is not waited for.
        guard watchers.wait(timeout: .now() + .seconds(1)) == .success, management.database.isIdle(within: 1) else {
            _exit(0)
        }
        return 0
    }

    /// A process that only delivers listens for management requests, where it was given a socket.
    private func makeListener() throws(SettingsError) -> Listener? {
        if settings.delivery == .only, settings.listen == .inherited, !ListeningSocket.isInherited { return nil }
        return try Listener(settings.listen)
    }

    /// Once, before any thread: none of these is thread-safe.
    private func initializeLibraries() {
        precondition(FCGX_Init() == 0, "FCGX_Init failed")
        Curl.initialize()
        // FCGX_Init installs handlers of its own. A write to a disconnected peer must be an error and no signal.
        // signal(2) fails only for a number that is no signal.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGUSR1, SIG_IGN)
    }

    /// Whether the schema is new enough; what else deviates is logged. An unreachable database does not stop the start:
    /// requests get 503 until it answers, and each connection checks again.
    private func isSchemaGood() -> Bool {
        let connection = Connection(settings.database)
        do throws(StoreError) {
            try connection.connect()
            let server = try ServerSettings(connection)
            for problem in server.durability { log.warning("\(problem)") }
            for problem in server.obstacles { log.error("\(problem)") }
            // Not a reason to stay away: most requests may never meet it.
            for deviation in try SchemaDeviation.all(connection) {
                log.error("a table deviates: \(deviation.remedy)", metadata: ["error": "\(deviation)"])
            }
            return true
        } catch {
            log.error("the database cannot be used: \(error.remedy)", metadata: ["error": "\(error)"])
            return error.kind != .schema
        }
    }

    private func startWorkers(
        _ listener: Listener, _ authenticator: Authenticator, _ queues: [ChannelQueue], in group: DispatchGroup
    ) {
        let wake: @Sendable ([QueuedMessage]) -> Void = { messages in
            for queue in queues {
                let due = messages.count { $0.message.channel == queue.channel && $0.message.skipped == nil }
                if due > 0 { queue.wake(messages: due) }
            }
        }
        let interface = Interface(
            rules: rules, allowedOrigins: settings.allowedOrigins, acceptsCookies: settings.tokens.sessionCookie != nil)
        for status in management.workers.threads {
            Worker(
                status: status, management: management, live: live, authenticator: authenticator, interface: interface,
                rules: rules, listener: listener, wakeDelivery: wake, log: log, requestLog: LineLogHandler(settings)
            ).start(in: group)
        }
    }

    private func startDelivery(in group: DispatchGroup) -> [ChannelQueue] {
        let texts = rules.messages
        // A channel that is off sends nothing, and its rows need not wait for that.
        let whatsAppRate = settings.messaging.evolution == nil ? 0 : settings.whatsAppRate
        return [
            startSenders(.whatsapp, settings.whatsAppSenders, rate: whatsAppRate, in: group) { settings in
                settings.messaging.evolution.map { WhatsAppSender($0, texts: texts, pace: .chosen).deliver }
            },
            startSenders(.email, settings.emailSenders, rate: 0, in: group) { settings in
                settings.messaging.smtp.map {
                    EmailSender($0, texts: texts, pace: .chosen, now: { Clock.now }).deliver
                }
            },
        ]
    }

    /// - Parameter makeDeliver: nil for a channel that is off.
    private func startSenders(
        _ channel: Channel, _ count: Int, rate: Int, in group: DispatchGroup,
        _ makeDeliver: @escaping @Sendable (Settings) -> ((ClaimedMessage) -> DeliveryOutcome)?
    ) -> ChannelQueue {
        let queue = ChannelQueue(channel, senders: count, pace: .chosen)
        let live = live
        for status in queue.threads.threads {
            OutboxWorker(
                status: status, queue: queue, live: live, ratePerSecond: rate, pace: .chosen,
                makeDeliver: { live.rebuildingOnReload { makeDeliver($0) ?? { _ in .skipped(.channelOff) } } },
                metrics: management.metrics, log: log
            ).start(in: group)
        }
        return queue
    }
}

extension Pace {
    /// The product's own pace; a debug build takes `ODYS_TIME_SCALE` of it, so that tests need not wait for hours.
    fileprivate static let chosen: Pace = {
        #if DEBUG
            if let text = getenv("ODYS_TIME_SCALE"), let scale = Double(String(cString: text)) {
                return Pace(scale: scale)
            }
        #endif
        return .standard
    }()
}

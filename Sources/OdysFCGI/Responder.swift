internal import CFCGI
internal import Dispatch
internal import Glibc
internal import Logging
internal import OdysCore
internal import OdysDelivery
internal import OdysStore

/// The process: its threads, and the order in which they start and stop.
struct Responder {
    private let settings: Settings
    private let log: Logger
    private let rules: Rules

    init(_ settings: Settings, log: Logger) {
        self.settings = settings
        self.log = log
        rules = Rules(
            enforcesStartTime: settings.enforcesStartTime,
            messages: MessageSetting(appURL: settings.messaging.appURL, civilTime: LocalTime.civil))
    }

    /// Serves until SIGTERM or SIGINT, then finishes what was begun.
    ///
    /// - Returns: the exit code: 0 when everything was finished, 1 when it could not start. A process that has to leave
    ///   something unfinished ends here, with 1.
    func run() throws(SettingsError) -> Int32 {
        // Every thread inherits the mask, so that only this one ever sees these signals; blocked before libfcgi
        // installs a handler that would swallow them.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        initializeLibraries()

        guard isSchemaGood() else { return 1 }
        // First of all: where it fails, no sender must have begun anything.
        let listener = settings.delivery == .only ? nil : try Listener(settings.listen)
        let requests = DispatchGroup()
        let deliveries = DispatchGroup()
        let queues = settings.delivery == .off ? [] : startDelivery(in: deliveries)
        let housekeeper = Housekeeper(settings.database, retention: settings.retention, log: log)
        if settings.delivery != .off { housekeeper.start(in: deliveries) }
        if let listener { startWorkers(listener, queues, in: requests) }
        log.notice(
            "started",
            metadata: [
                "version": "\(Product.version)", "threads": "\(settings.threads)",
                "delivery": "\(settings.delivery.rawValue)",
            ])

        var signal: Int32 = 0
        sigwait(&signals, &signal)
        log.notice("stopping: finishing the requests and messages in hand")
        listener?.stop()
        for queue in queues { queue.stop() }
        housekeeper.stop()
        let areAnswered = requests.wait(timeout: .now() + .seconds(Limits.drainRequestSeconds)) == .success
        let areDelivered = deliveries.wait(timeout: .now() + .seconds(Limits.drainDeliverySeconds)) == .success
        guard areAnswered, areDelivered else {
            log.error("stopped with work in hand; leased messages are sent again when their leases end")
            // Without the clean-up of libraries that other threads are still in.
            _exit(1)
        }
        log.notice("stopped")
        return 0
    }

    /// Once, before any thread: none of these is thread-safe.
    private func initializeLibraries() {
        FCGX_Init()
        Curl.initialize()
        // FCGX_Init installs handlers of its own; a write to a peer that has gone must be an error, nothing more.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGUSR1, SIG_IGN)
    }

    /// Whether the schema is new enough. A database that is away does not stop the start: requests get 503 until it is
    /// back, and each connection checks again.
    private func isSchemaGood() -> Bool {
        let connection = Connection(settings.database)
        do throws(StoreError) {
            try connection.connect()
            for problem in try Durability.problems(connection) { log.warning("\(problem)") }
            return true
        } catch {
            log.error("the database cannot be used: \(error.remedy)", metadata: ["error": "\(error)"])
            return error.kind != .schema
        }
    }

    private func startWorkers(_ listener: Listener, _ queues: [ChannelQueue], in group: DispatchGroup) {
        let wake: @Sendable ([QueuedMessage]) -> Void = { messages in
            for queue in queues {
                let due = messages.count { $0.message.channel == queue.channel && $0.message.skipped == nil }
                if due > 0 { queue.wake(messages: due) }
            }
        }
        for number in 1...settings.threads {
            Worker(
                number: number, settings: settings, rules: rules, listener: listener, wakeOutbox: wake, log: log
            ).start(in: group)
        }
    }

    private func startDelivery(in group: DispatchGroup) -> [ChannelQueue] {
        let texts = rules.messages
        let evolution = settings.messaging.evolution
        let smtp = settings.messaging.smtp
        return [
            // A channel that is off sends nothing, and its rows need not wait for that.
            startSenders(
                .whatsapp, settings.whatsAppSenders, rate: evolution == nil ? 0 : settings.whatsAppRate, in: group
            ) {
                guard let evolution else { return { _ in .skipped(.channelOff) } }
                return WhatsAppSender(evolution, texts: texts, pace: .chosen).deliver
            },
            startSenders(.email, settings.emailSenders, rate: 0, in: group) {
                guard let smtp else { return { _ in .skipped(.channelOff) } }
                return EmailSender(smtp, texts: texts, pace: .chosen, now: { Clock.now }).deliver
            },
        ]
    }

    private func startSenders(
        _ channel: Channel, _ count: Int, rate: Int, in group: DispatchGroup,
        _ makeDeliver: @escaping @Sendable () -> (ClaimedMessage) -> DeliveryOutcome
    ) -> ChannelQueue {
        let queue = ChannelQueue(channel, senders: count, pace: .chosen)
        for number in 1...count {
            OutboxWorker(
                number: number, queue: queue, database: settings.database, ratePerSecond: rate,
                pace: .chosen, makeDeliver: makeDeliver, log: log
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

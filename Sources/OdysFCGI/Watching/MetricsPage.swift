internal import OdysCore
internal import OdysStore

/// `/metrics/N`, in Prometheus's text format. docs/OPERATIONS.md says what each is good for.
struct MetricsPage {
    private let management: ManagementEndpoint
    private var page = PrometheusText()

    var bytes: [UInt8] { page.bytes }

    init(_ management: ManagementEndpoint) {
        self.management = management
        let database = management.database.state()
        page.add(
            "odys_build_info", .gauge, "The version that runs.",
            [(1, [("version", Product.version), ("swift", Self.swift)])])
        addRequests()
        if !management.queues.isEmpty { addDeliveries() }
        addHealth(management.health(database))
        addDatabase(database)
        addProcess()
    }

    private static var swift: String {
        #if compiler(>=6.4)
            "6.4 or newer"
        #else
            "6.3"
        #endif
    }

    private mutating func addRequests() {
        let metrics = management.metrics
        // A series that never counted is left out, but for those that alerts count from.
        page.add(metrics.answers) { $0.value > 0 || ["200", "500", "503"].contains($0.labels.last?.value) }
        page.add(
            "odys_http_request_duration_seconds", "Time from the connection to the end of the answer.",
            [metrics.requestSeconds])
        let busy = management.workers.busy
        page.add("odys_http_requests_in_flight", .gauge, "Requests in hand, this scrape included.", busy)
        page.add(
            "odys_worker_threads", .gauge, "Threads that answer requests.",
            [(busy, [("state", "busy")]), (management.workers.threads.count - busy, [("state", "idle")])])
        page.add(
            "odys_slow_requests_total", .counter, "Requests that took longer than a second.", metrics.slowRequests.count
        )
        page.add(
            "odys_connections_accepted_total", .counter, "Connections from the web server.", metrics.connections.count)
        page.add(
            "odys_connections_broken_total", .counter, "Connections that ended before their request was there.",
            metrics.brokenConnections.count)
        if let queue = management.queueLength {
            page.add("odys_listen_queue_connections", .gauge, "Connections that wait for a thread.", queue)
        }
        page.add(metrics.tokenProblems)
        page.add(metrics.transitions) { $0.value > 0 }
    }

    private mutating func addDeliveries() {
        let metrics = management.metrics
        page.add(metrics.sent) { $0.value > 0 }
        page.add(metrics.failures)
        page.add(metrics.settled)
        page.add("odys_message_duration_seconds", "Time of one attempt to send.", metrics.sendSeconds)
        page.add(
            "odys_breaker_state", .gauge, "1 for the state of the channel's breaker, in this process.",
            management.queues.flatMap { queue in
                let current = queue.phase
                return Self.samples(queue.channel, Breaker.Phase.allCases.map { ($0.rawValue, $0 == current ? 1 : 0) })
            })
        page.add(metrics.pauses)
        page.add(
            "odys_sender_threads", .gauge, "Threads that send messages.",
            management.queues.flatMap { queue in
                let busy = queue.threads.busy
                return Self.samples(queue.channel, [("busy", busy), ("idle", queue.senders - busy)])
            })
    }

    private static func samples(
        _ channel: Channel, _ states: [(name: String, count: Int)]
    ) -> [(value: Int, labels: [PrometheusText.Label])] {
        states.map { ($0.count, [("channel", channel.rawValue), ("state", $0.name)]) }
    }

    private mutating func addHealth(_ report: HealthReport) {
        page.add(
            "odys_ready", .gauge, "1 for the status that readiness has.",
            HealthReport.Status.allCases.map { ($0 == report.status ? 1 : 0, [("status", $0.rawValue)]) })
        page.add(
            "odys_check_ok", .gauge, "Whether a check of readiness passes.",
            report.checks.map { ($0.status == .pass ? 1 : 0, [("check", $0.name)]) })
        page.add(
            "odys_progress_age_seconds", .gauge, "Seconds since any thread of the kind got on.",
            management.loops.map { ($0.silence, [("loop", $0.name)]) })
        page.add(
            "odys_log_lines_dropped_total", .counter, "Lines of the log that nobody took in time.",
            StandardError.dropped)
        page.add(
            "odys_settings_unknown", .gauge, "Variables named ODYS_ that are no settings.",
            management.settings.unknown.count)
    }

    private mutating func addDatabase(_ database: DatabaseState) {
        page.add(management.metrics.databaseErrors)
        page.add("odys_database_up", .gauge, "Whether the database answers.", database.snapshot == nil ? 0 : 1)
        guard let snapshot = database.snapshot else { return }
        page.add(
            "odys_database_schema_version", .gauge, "The newest migration that was applied.", snapshot.schemaVersion)
        page.add(
            "odys_database_durable", .gauge, "Whether the server's settings keep what it acknowledged.",
            snapshot.durabilityProblems.isEmpty ? 1 : 0)
        page.add(
            "odys_outbox_messages", .gauge, "Messages in the outbox, of all instances: take the maximum.",
            snapshot.outbox.flatMap { Self.samples($0.channel, [("pending", $0.pending), ("dead", $0.dead)]) })
        page.add(
            "odys_outbox_oldest_due_seconds", .gauge, "Age of the oldest message that is due; 0 where none is.",
            snapshot.outbox.map { ($0.oldestDueSeconds ?? 0, [("channel", $0.channel.rawValue)]) })
    }

    private mutating func addProcess() {
        page.add(
            "process_start_time_seconds", .gauge, "Start of the process, in seconds since 1970.",
            [(Double(management.startedAt.microseconds) / 1e6, [])])
        guard let facts = ProcessFacts() else { return }
        page.add("process_cpu_seconds_total", .counter, "CPU time used.", [(facts.cpuSeconds, [])])
        page.add("process_resident_memory_bytes", .gauge, "Resident memory.", facts.residentBytes)
        page.add("process_virtual_memory_bytes", .gauge, "Virtual memory.", facts.virtualBytes)
        page.add("process_open_fds", .gauge, "Open descriptors.", facts.openDescriptors)
        page.add("process_max_fds", .gauge, "Descriptors that may be open.", facts.descriptorsMax)
        page.add("process_threads", .gauge, "Threads.", facts.threads)
    }
}

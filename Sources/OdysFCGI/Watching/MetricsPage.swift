internal import OdysCore

/// `/metrics/N`, in Prometheus's text format. docs/OPERATIONS.md says what each is good for.
struct MetricsPage {
    private var page = PrometheusText()

    var bytes: [UInt8] { page.bytes }

    init(_ operations: Operations) {
        let database = operations.database.state()
        about(operations)
        requests(operations)
        deliveries(operations)
        health(operations, database)
        process(operations)
    }

    private static var swift: String {
        #if compiler(>=6.4)
            "6.4 or newer"
        #else
            "6.3"
        #endif
    }

    private mutating func about(_ operations: Operations) {
        page.add(
            "odys_build_info", .gauge, "The version that runs.",
            [.init(1, ("version", Product.version), ("swift", Self.swift))])
    }

    private mutating func requests(_ operations: Operations) {
        let metrics = operations.metrics
        // A series that has never been is left out, but for those that alerts count from.
        let answers = metrics.answers.counts.filter { $0.count > 0 || [200, 500, 503].contains($0.label.status) }
        page.add(
            "odys_http_requests_total", .counter, "Requests answered, by the action that was asked for and the status.",
            answers.map { answer, count in
                let status = answer.status == Metrics.otherStatus ? "other" : String(answer.status)
                return .init(count, ("action", answer.action?.rawValue ?? "none"), ("status", status))
            })
        page.add(
            "odys_http_request_duration_seconds", "Time from the connection to the end of the answer.",
            [metrics.requestSeconds.distribution()])
        let busy = operations.workers.busy
        page.add("odys_http_requests_in_flight", .gauge, "Requests in hand, this scrape included.", busy)
        page.add(
            "odys_worker_threads", .gauge, "Threads that answer requests.",
            [.init(busy, ("state", "busy")), .init(operations.workers.seats.count - busy, ("state", "idle"))])
        page.add(
            "odys_slow_requests_total", .counter, "Requests that took longer than a second.",
            metrics.slowRequests.count)
        page.add(
            "odys_connections_accepted_total", .counter, "Connections from the web server.",
            metrics.connections.count)
        page.add(
            "odys_connections_broken_total", .counter, "Connections that ended before their request was there.",
            metrics.brokenConnections.count)
        if let queue = operations.queueLength {
            page.add("odys_listen_queue_connections", .gauge, "Connections that wait for a thread.", queue)
        }
        page.add(
            "odys_auth_failures_total", .counter, "Requests without a good token.",
            metrics.authenticationFailures.counts.map { .init($0.count, ("reason", $0.label.rawValue)) })
        page.add(
            "odys_transitions_total", .counter, "Changes of appointments that were committed.",
            metrics.transitions.counts.filter { $0.count > 0 }.map { change, count in
                .init(
                    count, ("action", change.action.rawValue), ("from", change.from.rawValue),
                    ("to", change.to.rawValue))
            })
    }

    private mutating func deliveries(_ operations: Operations) {
        let metrics = operations.metrics
        let channels = Set(operations.queues.map(\.channel))
        guard !channels.isEmpty else { return }
        page.add(
            "odys_messages_sent_total", .counter, "Messages that a provider took.",
            metrics.sent.counts.filter { $0.count > 0 }.map { sent, count in
                .init(count, ("channel", sent.channel.rawValue), ("template", sent.template.rawValue))
            })
        page.add(
            "odys_messages_failed_total", .counter, "Attempts that failed, by the class of the outcome.",
            metrics.failures.counts.map { failed, count in
                .init(count, ("channel", failed.channel.rawValue), ("class", failed.failure.rawValue))
            })
        page.add(
            "odys_messages_settled_total", .counter, "Messages that this process finished, by their final state.",
            metrics.settled.counts.map { settled, count in
                .init(count, ("channel", settled.channel.rawValue), ("state", settled.state.rawValue))
            })
        page.add(
            "odys_message_duration_seconds", "Time of one attempt to send.", metrics.sendDistributions)
        page.add(
            "odys_breaker_state", .gauge, "1 for the state of the channel's breaker, in this process.",
            operations.queues.flatMap { queue in
                let current = queue.phase
                return Breaker.Phase.allCases.map { phase in
                    PrometheusText.Sample(
                        phase == current ? 1 : 0, ("channel", queue.channel.rawValue), ("state", phase.rawValue))
                }
            })
        page.add(
            "odys_breaker_pauses_total", .counter, "Times that the channel was paused.",
            metrics.pauses.counts.map { .init($0.count, ("channel", $0.label.rawValue)) })
        page.add(
            "odys_sender_threads", .gauge, "Threads that send messages.",
            operations.queues.flatMap { queue in
                let busy = queue.crew.busy
                return [
                    PrometheusText.Sample(busy, ("channel", queue.channel.rawValue), ("state", "busy")),
                    PrometheusText.Sample(
                        queue.senders - busy, ("channel", queue.channel.rawValue), ("state", "idle")),
                ]
            })
    }

    private mutating func health(_ operations: Operations, _ database: DatabaseState) {
        let report = operations.health(database)
        page.add(
            "odys_ready", .gauge, "1 for the status that readiness has.",
            HealthReport.Status.allCases.map { .init($0 == report.status ? 1 : 0, ("status", $0.rawValue)) })
        page.add(
            "odys_check_ok", .gauge, "Whether a check of readiness passes.",
            report.checks.map { .init($0.status == .pass ? 1 : 0, ("check", $0.name)) })
        page.add(
            "odys_progress_age_seconds", .gauge, "Seconds since any thread of the kind got on.",
            operations.loops.map { .init($0.silence, ("loop", $0.name)) })
        page.add(
            "odys_db_errors_total", .counter, "Failures of the database, by kind.",
            operations.metrics.databaseErrors.counts.map { .init($0.count, ("kind", $0.label.rawValue)) })
        page.add(
            "odys_log_lines_dropped_total", .counter, "Lines of the log that nobody took in time.",
            StandardError.dropped)
        page.add(
            "odys_settings_unknown", .gauge, "Variables named ODYS_ that are no settings.",
            operations.settings.unknown.count)
        guard case .answering(let look) = database else {
            page.add("odys_database_up", .gauge, "Whether the database answers.", 0)
            return
        }
        page.add("odys_database_up", .gauge, "Whether the database answers.", 1)
        page.add("odys_database_schema_version", .gauge, "The newest migration that was applied.", look.schemaVersion)
        page.add(
            "odys_database_durable", .gauge, "Whether the server's settings keep what it acknowledged.",
            look.durabilityProblems.isEmpty ? 1 : 0)
        page.add(
            "odys_outbox_messages", .gauge, "Messages in the outbox, of all instances: take the maximum.",
            look.outbox.flatMap { outbox in
                [
                    PrometheusText.Sample(
                        outbox.pending, ("channel", outbox.channel.rawValue), ("state", OutboxState.pending.rawValue)),
                    PrometheusText.Sample(
                        outbox.dead, ("channel", outbox.channel.rawValue), ("state", OutboxState.dead.rawValue)),
                ]
            })
        page.add(
            "odys_outbox_oldest_due_seconds", .gauge, "Age of the oldest message that is due; 0 where none is.",
            look.outbox.map { .init($0.oldestDueSeconds ?? 0, ("channel", $0.channel.rawValue)) })
    }

    private mutating func process(_ operations: Operations) {
        page.add(
            "process_start_time_seconds", .gauge, "Start of the process, in seconds since 1970.",
            [.init(Double(operations.startedAt.microseconds) / 1e6)])
        guard let facts = ProcessFacts() else { return }
        page.add("process_cpu_seconds_total", .counter, "CPU time used.", [.init(facts.cpuSeconds)])
        page.add("process_resident_memory_bytes", .gauge, "Resident memory.", facts.residentBytes)
        page.add("process_virtual_memory_bytes", .gauge, "Virtual memory.", facts.virtualBytes)
        page.add("process_open_fds", .gauge, "Open descriptors.", facts.openDescriptors)
        page.add("process_max_fds", .gauge, "Descriptors that may be open.", facts.descriptorsMax)
        page.add("process_threads", .gauge, "Threads.", facts.threads)
    }
}

internal import Dispatch
internal import Logging
internal import OdysCore
internal import OdysDelivery
internal import OdysStore

/// One thread that answers requests, with its own database connection and its own FastCGI request.
///
/// It runs on a serial queue of its own: blocking loops on the global queues would starve each other.
struct Worker {
    let number: Int
    let operations: Operations
    let live: LiveSettings
    let authenticator: Authenticator
    let rules: Rules
    let listener: Listener
    let wakeOutbox: @Sendable ([QueuedMessage]) -> Void
    let log: Logger

    /// Starts the loop; the group is left when the listener was stopped and the request in hand is answered.
    func start(in group: DispatchGroup) {
        DispatchQueue(label: "odys.worker.\(number)").async(group: group, execute: run)
    }

    @Sendable private func run() {
        let acceptor = Acceptor(listener)
        let front = FastCGIRequest()
        let seat = operations.workers.seats[number - 1]
        seat.take()
        let last = LastRecord()
        let database = Connection { live.current.database }
        let endpoint = makeEndpoint(
            AppointmentStore(
                database, rules: rules, makeMarker: Identifier.bytes, makeMessageUID: Identifier.text,
                pause: { Clock.pause(milliseconds: $0) }, uptime: { Clock.uptime }),
            AppointmentReader(database), last)
        while let connection = acceptor.next(idle: seat.beat) {
            let begun = Clock.uptime
            operations.metrics.connections.add()
            seat.begin("a request that is not there yet")
            defer { seat.end() }
            guard let request = front.take(connection) else {
                operations.metrics.brokenConnections.add()
                log.debug("a connection ended before its request was there")
                continue
            }
            seat.begin(request.route)
            if let answer = operations.answer(request) {
                front.finish(answer)
                continue
            }
            last.record = nil
            let response = operations.settings.delivery == .only ? Self.onlyDelivers : endpoint.respond(to: request)
            FailPoint.p10.hit()
            front.finish(response)
            // After the answer, so that a slow log holds up this thread and no client.
            let seconds = Clock.uptime - begun
            operations.metrics.note(
                last.record, status: response.status, hasToken: request.field("HTTP_AUTHORIZATION") != .absent,
                seconds: seconds)
            if let record = last.record { log.record(record, request, seconds: seconds) }
        }
    }

    /// What the endpoint said of the request in hand. Belongs to one worker.
    private final class LastRecord {
        var record: AppointmentEndpoint.Record?
    }

    /// A process that only delivers has a socket for its watchers; a web server that sends it requests is mistaken.
    private static let onlyDelivers = Response(
        status: 503, headers: [Header("Content-Type", "text/plain"), Header("Retry-After", "1")],
        body: Array("this process only delivers messages\n".utf8))

    private func makeEndpoint(
        _ store: AppointmentStore, _ reader: AppointmentReader, _ last: LastRecord
    ) -> AppointmentEndpoint {
        AppointmentEndpoint(
            authenticate: authenticator.authenticate,
            apply: { id, request, requestID throws(StoreError) in
                try store.apply(id, request, requestID: requestID)
            },
            readAppointment: { id throws(StoreError) in try reader.appointment(id) },
            readHistory: { id throws(StoreError) in try reader.history(of: id) },
            rules: rules,
            wakeOutbox: wakeOutbox,
            makeRequestID: Identifier.text,
            allowedOrigins: live.current.allowedOrigins,
            acceptsCookies: live.current.tokens.sessionCookie != nil,
            record: { last.record = $0 })
    }
}

extension Logger {
    /// One line for what a request did, or why it failed. Refusals are the caller's affair, and debugging's.
    fileprivate func record(_ record: AppointmentEndpoint.Record, _ request: Request, seconds: Double) {
        var facts = Metadata(minimumCapacity: 12)
        facts["request_id"] = .string(record.requestID)
        facts["status"] = .stringConvertible(record.status)
        facts["code"] = .string(record.code)
        facts["method"] = .string(String(request.method.prefix(16)))
        facts["route"] = .string(request.route)
        facts["duration_ms"] = .stringConvertible(Int((seconds * 1_000).rounded()))
        if let trace = record.traceID { facts["trace_id"] = .string(trace) }
        if let id = record.appointmentID { facts["appointment_id"] = .string(id.description) }
        if let action = record.action { facts["action"] = .string(action.rawValue) }
        if let role = record.role { facts["role"] = .string(role.rawValue) }
        if let transition = record.transition {
            facts["from"] = .string(transition.from.rawValue)
            facts["to"] = .string(transition.to.rawValue)
        }
        if let failure = record.failure {
            facts["error"] = .string(failure.description)
            error("a request failed: \(failure.remedy)", metadata: facts)
        } else if record.code == "read" {
            debug("an appointment was read", metadata: facts)
        } else if record.status == 200 {
            info(record.code == "replayed" ? "an answer was replayed" : "an appointment changed", metadata: facts)
        } else {
            debug("a request was refused", metadata: facts)
        }
    }
}

extension Request {
    /// The path without its ids, of which there are few: for the log and for the status page.
    fileprivate var route: String {
        let appointments = "/api/appointments/"
        if path.utf8.starts(with: appointments.utf8) {
            let rest = path.utf8.dropFirst(appointments.utf8.count)
            guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else { return "/api/appointments/{id}" }
            return rest[slash...].elementsEqual("/history".utf8) ? "/api/appointments/{id}/history" : "none"
        }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count == 3, ["healthz", "readyz", "metrics", "status"].contains(parts[1]) {
            return "/\(parts[1])/{n}"
        }
        return "none"
    }
}

extension StoreError {
    /// What the operator can do about it.
    var remedy: String {
        switch kind {
        case .deadlock: "the database kept aborting it as a deadlock victim; the caller may repeat it"
        case .timeout: "a lock or a statement took too long; look for long transactions in MariaDB's processlist"
        case .connectionLost: "MariaDB does not answer; check that it runs and ODYS_DB_SOCKET or ODYS_DB_HOST is right"
        case .refusing:
            "MariaDB refuses; check user, password, grants, read-only mode, disk space and max_connections"
        case .schema: "the schema is older than this program needs; run 'odysctl migrate up'"
        case .unexpected: "MariaDB or the data are not as expected; report it with this line"
        }
    }
}

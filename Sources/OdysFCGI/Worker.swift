internal import Dispatch
internal import Logging
internal import OdysCore
internal import OdysStore

/// One thread that answers requests, with its own database connection and its own FastCGI request.
///
/// It runs on a serial queue of its own: blocking loops on the global queues would starve each other.
struct Worker {
    let number: Int
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
        let database = Connection { live.current.database }
        let endpoint = makeEndpoint(
            AppointmentStore(
                database, rules: rules, makeMarker: Identifier.bytes, makeMessageUID: Identifier.text,
                pause: { Clock.pause(milliseconds: $0) }, uptime: { Clock.uptime }),
            AppointmentReader(database))
        while let connection = acceptor.next() {
            guard let request = front.take(connection) else {
                log.debug("a connection ended before its request was there")
                continue
            }
            let response = healthAnswer(request) ?? endpoint.respond(to: request)
            FailPoint.p10.hit()
            front.finish(response)
        }
    }

    private func makeEndpoint(_ store: AppointmentStore, _ reader: AppointmentReader) -> AppointmentEndpoint {
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
            record: { log.record($0) })
    }

    /// `/healthz/N`: this process and one of its threads answer. No database is asked.
    private func healthAnswer(_ request: Request) -> Response? {
        guard request.method == "GET", request.path.utf8.starts(with: "/healthz/".utf8) else { return nil }
        let body: JSON = [
            "status": "pass", "version": .string(Product.version), "instance": .string(live.current.instance),
        ]
        return Response(
            status: 200,
            headers: [Header("Content-Type", "application/health+json"), Header("Cache-Control", "no-store")],
            body: body.bytes)
    }
}

extension Logger {
    /// One line for what a request did, or why it failed. Refusals are the caller's affair, and debugging's.
    fileprivate func record(_ record: AppointmentEndpoint.Record) {
        var facts: Metadata = [
            "request_id": "\(record.requestID)", "status": "\(record.status)", "code": "\(record.code)",
        ]
        if let trace = record.traceID { facts["trace_id"] = "\(trace)" }
        if let id = record.appointmentID { facts["appointment_id"] = "\(id)" }
        if let action = record.action { facts["action"] = "\(action.rawValue)" }
        if let role = record.role { facts["role"] = "\(role.rawValue)" }
        if let failure = record.failure {
            facts["error"] = "\(failure)"
            error("a request failed: \(failure.remedy)", metadata: facts)
        } else if record.code == "read" {
            debug("an appointment was read", metadata: facts)
        } else if record.status == 200 {
            info(record.action == nil ? "an answer was replayed" : "an appointment changed", metadata: facts)
        } else {
            debug("a request was refused", metadata: facts)
        }
    }
}

extension StoreError {
    /// What the operator can do about it.
    var remedy: String {
        switch kind {
        case .deadlock: "the database kept aborting it as a deadlock victim; the caller may repeat it"
        case .timeout: "a lock or a statement took too long; look for long transactions in MariaDB's processlist"
        case .connectionLost: "MariaDB does not answer; check that it runs and ODYS_DB_SOCKET or ODYS_DB_HOST is right"
        case .refusing: "MariaDB refuses; check user, password, read-only mode, disk space and max_connections"
        case .schema: "the schema is older than this program needs; run 'odysctl migrate up'"
        case .unexpected: "MariaDB or the data are not as expected; report it with this line"
        }
    }
}

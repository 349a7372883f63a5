internal import Dispatch
internal import Logging
internal import OdysCore
internal import OdysStore

/// One thread that answers requests, with its own database connection and its own FastCGI request.
///
/// It runs on a serial queue of its own: blocking loops on the global queues would starve each other.
struct Worker {
    let number: Int
    let settings: Settings
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
        let endpoint = makeEndpoint(
            AppointmentStore(
                Connection(settings.database), rules: rules, makeMarker: Identifier.bytes,
                makeMessageUID: Identifier.text, pause: { Clock.pause(milliseconds: $0) }, uptime: { Clock.uptime }))
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

    private func makeEndpoint(_ store: AppointmentStore) -> AppointmentEndpoint {
        AppointmentEndpoint(
            authenticate: { request in
                guard let value = request.value("HTTP_AUTHORIZATION"), value.utf8.count <= Limits.headerBytesMax,
                    let token = bearerToken(value)
                else { return nil }
                return settings.tokens.userID(in: token, now: Double(Clock.now.microseconds) / 1e6)
            },
            apply: { id, request, requestID throws(StoreError) in
                try store.apply(id, request, requestID: requestID)
            },
            wakeOutbox: wakeOutbox,
            makeRequestID: Identifier.text,
            allowedOrigins: settings.allowedOrigins,
            record: { log.record($0) })
    }

    /// `/healthz/N`: this process and one of its threads answer. No database is asked.
    private func healthAnswer(_ request: Request) -> Response? {
        guard request.method == "GET", request.path.utf8.starts(with: "/healthz/".utf8) else { return nil }
        let body: JSON = [
            "status": "pass", "version": .string(Product.version), "instance": .string(settings.instance),
        ]
        return Response(
            status: 200,
            headers: [Header("Content-Type", "application/health+json"), Header("Cache-Control", "no-store")],
            body: body.bytes)
    }
}

/// The token of an `Authorization` field with the scheme Bearer, which is written in any letter case (RFC 9110, 11.1).
private func bearerToken(_ value: String) -> String? {
    let parts = value.split(separator: " ", omittingEmptySubsequences: true)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
    return String(parts[1])
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
        case .refusing:
            "MariaDB refuses; check user, password, grants, read-only mode, disk space and max_connections"
        case .schema: "the schema is older than this program needs; run 'odysctl migrate up'"
        case .unexpected: "MariaDB or the data are not as expected; report it with this line"
        }
    }
}

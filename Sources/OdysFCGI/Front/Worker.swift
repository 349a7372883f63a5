internal import Dispatch
internal import Logging
internal import OdysCore
internal import OdysHost
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
        let idle = {
            seat.beat()
            database.endReading()
        }
        while let connection = listener.next(idle: idle) {
            let begun = Clock.uptime
            if !connection.wasKept { operations.metrics.connections.add() }
            seat.begin("a request that is not there yet")
            defer { seat.end() }
            guard let request = front.take(connection) else {
                operations.metrics.brokenConnections.add()
                log.debug("a connection ended before its request was there")
                continue
            }
            seat.begin(request.route)
            if let answer = operations.answer(request) {
                if let kept = front.finish(answer) { listener.keep(kept) }
                continue
            }
            last.record = nil
            let response = operations.settings.delivery == .only ? Self.onlyDelivers : endpoint.respond(to: request)
            FailPoint.p10.hit()
            if let kept = front.finish(response) { listener.keep(kept) }
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

internal import Dispatch
internal import Logging
internal import OdysCore
internal import OdysHost
internal import OdysStore

/// One thread that answers requests, with its own database connection and its own reader.
///
/// It runs on a serial queue of its own: blocking loops on the global queues would starve each other.
struct Worker {
    let status: ThreadStatus
    let management: ManagementEndpoint
    let live: LiveSettings
    let authenticator: Authenticator
    let interface: Interface
    let rules: Rules
    let listener: Listener
    /// Wakes the delivery queues of this process for messages that were committed.
    let wakeDelivery: @Sendable ([QueuedMessage]) -> Void
    let log: Logger
    let requestLog: LineLogHandler

    /// Starts the loop. The group is left when the listener was stopped and the last request is answered.
    func start(in group: DispatchGroup) {
        DispatchQueue(label: "odys.\(status.name)").async(group: group, execute: run)
    }

    @Sendable private func run() {
        status.adoptCurrentThread()
        let tools = Tools(live, rules)
        let idle = {
            status.beat()
            tools.database.endReading()
        }
        while let connection = listener.next(pollFirst: tools.database.isReading, idle: idle) {
            status.begin("reading request")
            serve(connection, tools)
            status.end()
        }
    }

    /// What belongs to the thread.
    private struct Tools {
        let reader = FastCGIReader()
        let buffer = ReceiveBuffer()
        let database: Connection
        let appointments: AppointmentStore
        let readings: AppointmentReader

        init(_ live: LiveSettings, _ rules: Rules) {
            database = Connection { live.current.database }
            appointments = AppointmentStore(database, rules: rules, makeID: Identifier.new)
            readings = AppointmentReader(database)
        }
    }

    private func serve(_ connection: WebConnection, _ tools: Tools) {
        let begun = Clock.uptime
        let metrics = management.metrics
        if !connection.wasKept { metrics.connections.add() }
        guard let parsed = connection.awaitRequest(peekingInto: tools.buffer),
            let request = tools.reader.read(from: connection, parsed)
        else {
            metrics.brokenConnections.add()
            log.debug("a connection ended before its request was there")
            return
        }
        let route = Route(path: request.path)
        status.begin(route.name)
        if case .management(let page) = route {
            return send(management.response(page, request).answering(request), on: connection, parsed, tools.buffer)
        }
        guard management.settings.delivery != .only else {
            return send(Self.onlyDelivers.answering(request), on: connection, parsed, tools.buffer)
        }
        let reply = answer(request, route, tools)
        if !reply.queued.isEmpty { wakeDelivery(reply.queued) }
        FailPoint.p10.hit()
        send(reply.response.answering(request), on: connection, parsed, tools.buffer)
        // After the response, so that a slow log holds up this thread and no client.
        let seconds = Clock.uptime - begun
        metrics.note(reply.record, status: reply.response.status, seconds: seconds)
        if let record = reply.record { requestLog.record(record, request, route, seconds: seconds) }
    }

    private func answer(_ request: Request, _ route: Route, _ tools: Tools) -> Reply {
        let requestID = interface.requestID(of: request) ?? Identifier.text()
        let plan = interface.plan(request, route, caller: authenticator.authenticate(request))
        let outcome = perform(plan, requestID, tools)
        return interface.reply(to: request, route, requestID: requestID, plan, outcome)
    }

    /// One call of the store at most.
    private func perform(_ plan: Plan, _ requestID: String, _ tools: Tools) -> Outcome {
        do throws(StoreError) {
            switch plan {
            case .preflight: return .preflight
            case .refuse(let refusal): return .refused(refusal)
            case .act(let id, let request): return .acted(try tools.appointments.act(id, request, requestID: requestID))
            case .read(let id, let wanted):
                return try tools.readings.appointment(id).map { .read($0, wanted) } ?? .refused(.notFound)
            case .readHistory(let id, let wanted):
                return try tools.readings.history(of: id, wanted).map { .history($0, wanted) } ?? .refused(.notFound)
            }
        } catch { return .failed(error) }
    }

    private func send(
        _ response: Response, on connection: WebConnection, _ parsed: ParsedRequest, _ buffer: ReceiveBuffer
    ) {
        guard connection.send(response.records(for: parsed.requestID)) else { return }
        if parsed.keepsAlive {
            listener.keep(connection)
        } else if !parsed.endsCleanly {
            connection.linger(through: buffer)
        }
    }

    /// A process that only delivers has a socket for management pages; a web server that sends it requests is
    /// misconfigured.
    private static let onlyDelivers = Response(
        status: 503, headers: [Header("Content-Type", "text/plain"), Header("Retry-After", "1")],
        body: Array("this process only delivers messages\n".utf8))
}

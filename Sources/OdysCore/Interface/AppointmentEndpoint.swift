/// A row of `outbox` as the caller sees it.
public struct QueuedMessage: Sendable, Equatable {
    /// The message's identity over all attempts (`outbox.message_uid`).
    public let uid: String
    public let message: OutgoingMessage

    public init(uid: String, message: OutgoingMessage) {
        self.uid = uid
        self.message = message
    }
}

/// A change that is committed.
public struct AppliedChange: Sendable {
    public let appointment: Appointment
    public let decision: Decision
    public let version: Int
    public let at: Instant
    public let messages: [QueuedMessage]
    /// What the caller is told, now and when the request is repeated under its key: the store keeps it, the endpoint
    /// sends it.
    public let answer: StoredAnswer

    public init(
        appointment: Appointment, decision: Decision, version: Int, at: Instant, messages: [QueuedMessage]
    ) {
        self.appointment = appointment
        self.decision = decision
        self.version = version
        self.at = at
        self.messages = messages
        let body = AppliedChange.body(appointment, decision, version: version, at: at, messages)
        answer = StoredAnswer(status: 200, etag: "\"\(version)\"", body: body)
    }
}

/// How the one transaction of a request ended.
public enum ApplyResult: Sendable {
    case notFound
    case refused(Refusal)
    case done(AppliedChange)
    /// The request had been carried out before, under the same idempotency key; nothing was done now.
    case replayed(StoredAnswer)
}

/// What is under `/api/appointments/`: a request becomes an answer. The closures are everything it can do to the world.
/// Acting is here, reading in ReadEndpoint.swift.
public struct AppointmentEndpoint {
    /// Who calls; `unauthenticated` for a missing or a bad token, whatever is wrong with it, and `forbidden` for a good
    /// one in a cookie that another site's page may have made the browser send.
    public var authenticate: (Request) -> Result<UserID, Refusal>
    /// Judges and applies in one transaction; the text is the request id to store.
    public var apply: (AppointmentID, ActionRequest, String) throws(StoreError) -> ApplyResult
    /// Reads without a lock; nil where there is no such appointment.
    public var readAppointment: (AppointmentID) throws(StoreError) -> AppointmentReading?
    public var readHistory: (AppointmentID) throws(StoreError) -> AppointmentHistory?
    /// What `apply` judges by; here only to say what a caller may do.
    public var rules: Rules
    /// Tells the senders of this process that messages were committed. A hint: a lost one costs one poll.
    public var wakeOutbox: ([QueuedMessage]) -> Void
    /// A new request id, for a request that brings none.
    public var makeRequestID: () -> String
    /// Browser origins that may call, as `https://host[:port]`.
    public var allowedOrigins: [String]
    /// Whether callers may come with a session cookie.
    public var acceptsCookies: Bool
    /// For the log: what was done or refused, and what failed. Called after the answer is decided.
    public var record: (Record) -> Void

    /// What the log is told of a request. It holds no personal data.
    public struct Record: Sendable {
        public let requestID: String
        public let traceID: String?
        public let appointmentID: AppointmentID?
        public let status: Int
        public let code: String
        public let action: AppointmentAction?
        public let role: Role?
        /// The statuses before and after, where something was changed.
        public var transition: Transition?
        public let failure: StoreError?
    }

    /// What an action made of an appointment.
    public struct Transition: Sendable, Hashable {
        public let action: AppointmentAction
        public let from: Status
        public let to: Status

        public init(action: AppointmentAction, from: Status, to: Status) {
            self.action = action
            self.from = from
            self.to = to
        }
    }

    public init(
        authenticate: @escaping (Request) -> Result<UserID, Refusal>,
        apply: @escaping (AppointmentID, ActionRequest, String) throws(StoreError) -> ApplyResult,
        readAppointment: @escaping (AppointmentID) throws(StoreError) -> AppointmentReading?,
        readHistory: @escaping (AppointmentID) throws(StoreError) -> AppointmentHistory?,
        rules: Rules,
        wakeOutbox: @escaping ([QueuedMessage]) -> Void,
        makeRequestID: @escaping () -> String,
        allowedOrigins: [String],
        acceptsCookies: Bool,
        record: @escaping (Record) -> Void
    ) {
        self.authenticate = authenticate
        self.apply = apply
        self.readAppointment = readAppointment
        self.readHistory = readHistory
        self.rules = rules
        self.wakeOutbox = wakeOutbox
        self.makeRequestID = makeRequestID
        self.allowedOrigins = allowedOrigins
        self.acceptsCookies = acceptsCookies
        self.record = record
    }

    public func respond(to request: Request) -> Response {
        let requestID = self.requestID(of: request)
        var response: Response
        if request.method == "OPTIONS", let route = Route(path: request.path) {
            response = preflight(request, route)
        } else {
            response = answer(request, requestID)
        }
        response.headers += commonHeaders(requestID) + corsHeaders(request)
        return response
    }

    /// The order of checks of the interface: route, caller; then, to act, form of the body and the transaction.
    private func answer(_ request: Request, _ requestID: String) -> Response {
        guard let route = Route(path: request.path) else { return refuse(.notFound, request, requestID) }
        let id = route.id
        guard route.offers(request.method) else {
            return refuse(.methodNotAllowed(allowed: route.allowedMethods), request, requestID, id)
        }
        let userID: UserID
        switch authenticate(request) {
        case .success(let caller): userID = caller
        case .failure(let refusal): return refuse(refusal, request, requestID, id)
        }
        return request.method == "GET"
            ? read(route, by: userID, request, requestID) : act(on: id, by: userID, request, requestID)
    }

    private func act(
        on id: AppointmentID, by userID: UserID, _ request: Request, _ requestID: String
    ) -> Response {
        switch ActionRequest.read(request, id, by: userID) {
        case .failure(let refusal):
            return refuse(refusal, request, requestID, id)
        case .success(let wanted):
            let action = AppointmentAction(rawValue: wanted.rawAction)
            do throws(StoreError) {
                switch try apply(id, wanted, requestID) {
                case .notFound: return refuse(.notFound, request, requestID, id, action)
                case .refused(let refusal): return refuse(refusal, request, requestID, id, action)
                case .done(let change): return accept(change, request, requestID)
                case .replayed(let answer): return replay(answer, id, action, request, requestID)
                }
            } catch {
                return refuse(
                    error.isUnavailability ? .unavailable : .internalError, request, requestID, id, action, error)
            }
        }
    }

    private func accept(_ change: AppliedChange, _ request: Request, _ requestID: String) -> Response {
        wakeOutbox(change.messages)
        let decision = change.decision
        record(
            Record(
                requestID: requestID, traceID: traceID(of: request), appointmentID: change.appointment.id, status: 200,
                code: "ok",
                action: decision.action, role: decision.actor,
                transition: Transition(
                    action: decision.action, from: change.appointment.status, to: decision.status),
                failure: nil))
        return success(change.answer)
    }

    private func replay(
        _ answer: StoredAnswer, _ id: AppointmentID, _ action: AppointmentAction?, _ request: Request,
        _ requestID: String
    ) -> Response {
        record(
            Record(
                requestID: requestID, traceID: traceID(of: request), appointmentID: id, status: answer.status,
                code: "replayed", action: action,
                role: nil, failure: nil))
        var response = success(answer)
        response.headers.append(Header("Idempotency-Replayed", "true"))
        return response
    }

    private func success(_ answer: StoredAnswer) -> Response {
        Response(
            status: answer.status,
            headers: [Header("Content-Type", "application/json"), Header("ETag", answer.etag)],
            body: answer.body)
    }

    func refuse(
        _ refusal: Refusal, _ request: Request, _ requestID: String, _ id: AppointmentID? = nil,
        _ action: AppointmentAction? = nil, _ failure: StoreError? = nil
    ) -> Response {
        record(
            Record(
                requestID: requestID, traceID: traceID(of: request), appointmentID: id, status: refusal.status,
                code: refusal.code, action: action,
                role: nil, failure: failure))
        let body = JSON.object(
            [
                JSON.Member("error", .string(refusal.error)),
                JSON.Member("code", .string(refusal.code)),
                JSON.Member("status", .integer(refusal.status)),
                JSON.Member("title", .string(refusal.title)),
                JSON.Member("type", "about:blank"),
                JSON.Member("detail", .string(refusal.detail)),
                JSON.Member("requestId", .string(requestID)),
            ] + refusal.members)
        let type = acceptsOnlyPlainJSON(request) ? "application/json" : "application/problem+json"
        return Response(
            status: refusal.status, headers: [Header("Content-Type", type)] + refusal.headers, body: body.bytes)
    }
}

extension AppliedChange {
    private static func body(
        _ appointment: Appointment, _ decision: Decision, version: Int, at: Instant, _ messages: [QueuedMessage]
    ) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("success", true)
            json.object("appointment") { json in
                appointment.write(
                    to: &json, status: decision.status, paymentStatus: decision.paymentStatus, version: version,
                    updatedAt: at)
            }
            json.array("messages") { json in
                for queued in messages {
                    json.object { json in
                        json.member("id", queued.uid)
                        json.member("to", queued.message.role.rawValue)
                        json.member("channel", queued.message.channel.rawValue)
                        json.member("template", queued.message.template.rawValue)
                        json.member("state", queued.message.state.rawValue)
                    }
                }
            }
        }
        return json.bytes
    }
}

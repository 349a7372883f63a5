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

    public init(
        appointment: Appointment, decision: Decision, version: Int, at: Instant, messages: [QueuedMessage]
    ) {
        self.appointment = appointment
        self.decision = decision
        self.version = version
        self.at = at
        self.messages = messages
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

/// `PATCH /api/appointments/{id}`: a request becomes an answer. The closures are everything it can do to the world.
public struct AppointmentEndpoint {
    static let allowedMethods = "PATCH, OPTIONS"
    private static let prefix = "/api/appointments/"

    /// Who calls; nil for a missing or a bad token, whatever is wrong with it.
    public var authenticate: (Request) -> UserID?
    /// Judges and applies in one transaction; the text is the request id to store.
    public var apply: (AppointmentID, ActionRequest, String) throws(StoreError) -> ApplyResult
    /// Tells the senders of this process that messages were committed. A hint: a lost one costs one poll.
    public var wakeOutbox: ([QueuedMessage]) -> Void
    /// A new request id, for a request that brings none.
    public var makeRequestID: () -> String
    /// Browser origins that may call, as `https://host[:port]`.
    public var allowedOrigins: [String]
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
        public let failure: StoreError?
    }

    public init(
        authenticate: @escaping (Request) -> UserID?,
        apply: @escaping (AppointmentID, ActionRequest, String) throws(StoreError) -> ApplyResult,
        wakeOutbox: @escaping ([QueuedMessage]) -> Void,
        makeRequestID: @escaping () -> String,
        allowedOrigins: [String],
        record: @escaping (Record) -> Void
    ) {
        self.authenticate = authenticate
        self.apply = apply
        self.wakeOutbox = wakeOutbox
        self.makeRequestID = makeRequestID
        self.allowedOrigins = allowedOrigins
        self.record = record
    }

    public func respond(to request: Request) -> Response {
        let requestID = self.requestID(of: request)
        var response: Response
        if request.method == "OPTIONS", appointmentID(in: request.path) != nil {
            response = preflight(request)
        } else {
            response = answer(request, requestID)
        }
        response.headers += commonHeaders(requestID) + corsHeaders(request)
        return response
    }

    /// The order of checks of the interface: route, caller, form of the body, then the transaction.
    private func answer(_ request: Request, _ requestID: String) -> Response {
        guard let id = appointmentID(in: request.path) else { return refuse(.notFound, request, requestID) }
        guard request.method == "PATCH" else { return refuse(.methodNotAllowed, request, requestID, id) }
        guard let userID = authenticate(request) else { return refuse(.unauthenticated, request, requestID, id) }
        switch ActionRequest.read(request, id, by: userID) {
        case .failure(let refusal):
            return refuse(refusal, request, requestID, id)
        case .success(let wanted):
            do throws(StoreError) {
                switch try apply(id, wanted, requestID) {
                case .notFound: return refuse(.notFound, request, requestID, id)
                case .refused(let refusal): return refuse(refusal, request, requestID, id)
                case .done(let change): return accept(change, request, requestID)
                case .replayed(let answer): return replay(answer, id, request, requestID)
                }
            } catch {
                return refuse(error.isUnavailability ? .unavailable : .internalError, request, requestID, id, error)
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
                action: decision.action, role: decision.actor, failure: nil))
        return success(change.answer)
    }

    private func replay(
        _ answer: StoredAnswer, _ id: AppointmentID, _ request: Request, _ requestID: String
    ) -> Response {
        record(
            Record(
                requestID: requestID, traceID: traceID(of: request), appointmentID: id, status: answer.status,
                code: "replayed", action: nil,
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

    private func refuse(
        _ refusal: Refusal, _ request: Request, _ requestID: String, _ id: AppointmentID? = nil,
        _ failure: StoreError? = nil
    ) -> Response {
        record(
            Record(
                requestID: requestID, traceID: traceID(of: request), appointmentID: id, status: refusal.status,
                code: refusal.code, action: nil,
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

    private func appointmentID(in path: String) -> AppointmentID? {
        guard path.utf8.starts(with: Self.prefix.utf8) else { return nil }
        return AppointmentID(String(decoding: path.utf8.dropFirst(Self.prefix.utf8.count), as: UTF8.self))
    }
}

extension AppliedChange {
    /// What the caller is told, now and when the request is repeated under its key.
    public var answer: StoredAnswer {
        StoredAnswer(status: 200, etag: "\"\(version)\"", body: json.bytes)
    }

    /// The body of the answer.
    public var json: JSON {
        [
            "success": .bool(true),
            "appointment": [
                "id": .string(appointment.id.description),
                "status": .string(decision.status.rawValue),
                "paymentStatus": .string(decision.paymentStatus.rawValue),
                "startsAt": .string(appointment.startsAt.iso8601),
                "endsAt": .string(appointment.endsAt.iso8601),
                "version": .integer(version),
                "updatedAt": .string(at.iso8601Microseconds),
            ],
            "messages": .array(
                messages.map { queued in
                    [
                        "id": .string(queued.uid),
                        "to": .string(queued.message.role.rawValue),
                        "channel": .string(queued.message.channel.rawValue),
                        "template": .string(queued.message.template.rawValue),
                        "state": .string(queued.message.state.rawValue),
                    ]
                }),
        ]
    }
}

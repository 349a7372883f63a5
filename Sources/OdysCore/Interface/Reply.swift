/// How performing a plan ended.
public enum Outcome: Sendable, Equatable {
    case preflight
    case refused(Refusal)
    case acted(ActResult)
    case read(AppointmentReading, ReadRequest)
    case history(AppointmentHistory, ReadRequest)
    case failed(StoreError)
}

/// What a request leads to: the response, and what the process is told.
public struct Reply: Sendable, Equatable {
    public let response: Response
    /// Nil for a preflight.
    public let record: RequestRecord?
    /// Messages that were committed, for the delivery queues of this process. A hint: a lost one costs one poll.
    public let queued: [QueuedMessage]
}

/// What log and metrics are told of a request. It holds no personal data.
public struct RequestRecord: Sendable, Equatable {
    public let requestID: String
    public let traceID: String?
    public let appointmentID: AppointmentID?
    public let action: AppointmentAction?
    public var status = 200
    public var code = "ok"
    public var role: Role?
    public var transition: Transition?
    public var refusal: Refusal?
    public var failure: StoreError?

    /// What an action changed.
    public struct Transition: Sendable, Hashable, CaseIterable {
        public let action: AppointmentAction
        public let from: Status
        public let to: Status

        public static let allCases = AppointmentAction.allCases.flatMap { action in
            Status.allCases.flatMap { from in Status.allCases.map { Transition(action: action, from: from, to: $0) } }
        }
    }
}

extension Interface {
    /// - Parameter requestID: as `requestID(of:)` found it, or a new one.
    public func reply(
        to request: Request, _ route: Route, requestID: String, _ plan: Plan, _ outcome: Outcome
    ) -> Reply {
        var record = RequestRecord(
            requestID: requestID, traceID: traceID(of: request), appointmentID: route.id, action: plan.action)
        var response: Response
        var queued: [QueuedMessage] = []
        switch outcome {
        case .preflight:
            response = preflight(request, route)
        case .refused(let refusal), .acted(.refused(let refusal)):
            response = refuse(refusal, request, &record)
        case .failed(let error):
            record.failure = error
            response = refuse(error.isUnavailability ? .unavailable : .internalError, request, &record)
        case .acted(.changed(let change)):
            record.role = change.decision.actor
            record.transition = change.transition
            queued = change.messages
            response = Response(change.answer)
        case .acted(.replayed(let answer)):
            record.code = "replayed"
            response = Response(answer)
            response.headers.append(Header("Idempotency-Replayed", "true"))
        case .read(let reading, let wanted):
            // The version is what `If-Match` takes. The response also changes with the clock, so there is no 304.
            let etag = Header("ETag", "\"\(reading.appointment.version)\"")
            response = show(reading.appointment, wanted, [etag], request, &record) { role in
                reading.body(for: role, rules: rules)
            }
        case .history(let history, let wanted):
            response = show(history.appointment, wanted, [], request, &record) { history.json(for: $0).bytes }
        }
        response.headers += commonHeaders(requestID) + corsHeaders(request)
        return Reply(response: response, record: outcome == .preflight ? nil : record, queued: queued)
    }

    private func show(
        _ appointment: Appointment, _ wanted: ReadRequest, _ headers: [Header], _ request: Request,
        _ record: inout RequestRecord, _ body: (Role) -> [UInt8]
    ) -> Response {
        switch appointment.parties(for: wanted.userID) {
        case .failure(let refusal): return refuse(refusal, request, &record)
        case .success where ![nil, appointment.version].contains(wanted.expectedVersion):
            return refuse(.versionMismatch(current: appointment.version), request, &record)
        case .success(let parties):
            record.code = "read"
            record.role = parties.caller
            return Response(
                status: 200, headers: [Header("Content-Type", "application/json")] + headers, body: body(parties.caller)
            )
        }
    }

    private func refuse(_ refusal: Refusal, _ request: Request, _ record: inout RequestRecord) -> Response {
        record.status = refusal.status
        record.code = refusal.code
        record.refusal = refusal
        let body = JSON.object(
            [
                JSON.Member("error", .string(refusal.error)), JSON.Member("code", .string(refusal.code)),
                JSON.Member("status", .integer(refusal.status)),
                JSON.Member("title", .string(refusal.explanation.title)),
                JSON.Member("type", .string("urn:odys:problem:\(refusal.code)")),
                JSON.Member("detail", .string(refusal.explanation.detail)),
                JSON.Member("requestId", .string(record.requestID)),
            ] + refusal.members)
        let type = acceptsOnlyPlainJSON(request) ? "application/json" : "application/problem+json"
        return Response(
            status: refusal.status,
            // `error` is Portuguese; `title` and `detail` are English.
            headers: [Header("Content-Type", type), Header("Content-Language", "pt-BR, en")]
                + refusal.additions.headers, body: body.bytes)
    }
}

extension Response {
    fileprivate init(_ answer: StoredAnswer) {
        self.init(
            status: answer.status,
            headers: [Header("Content-Type", "application/json"), Header("ETag", answer.etag)], body: answer.body)
    }
}

extension AppliedChange {
    fileprivate var transition: RequestRecord.Transition {
        RequestRecord.Transition(action: decision.action, from: appointment.status, to: decision.status)
    }

    /// What the caller is told. The store keeps it under an idempotency key, so that a repetition gets the same bytes.
    public var answer: StoredAnswer {
        var json = JSONWriter()
        json.object { json in
            json.member("success", .bool(true))
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
        return StoredAnswer(status: 200, etag: "\"\(version)\"", body: json.bytes)
    }
}

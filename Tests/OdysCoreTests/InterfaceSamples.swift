import Testing

@testable import OdysCore

/// The interface with a store that answers as it is told. Notes each call of it, and what the process is told, in
/// order.
final class InterfaceWorld {
    var userID: UserID? = UserID("user-p")
    /// What a caller without a user id is told.
    var refusal = Refusal.unauthenticated(tokenPresented: true)
    var acceptsCookies = false
    var result: Result<ActResult, StoreError> = .success(.refused(.notFound))
    var reading: Result<AppointmentReading?, StoreError> = .success(nil)
    var history: Result<AppointmentHistory?, StoreError> = .success(nil)
    var enforcesStartTime = false
    var origins = ["https://app.example"]
    private(set) var effects: [String] = []
    private(set) var records: [RequestRecord] = []

    static let id = "0d5a1d53-0b8e-4d26-9c0e-2d0f0e6a4b11"
    static let madeRequestID = "made-by-us"

    var interface: Interface {
        Interface(
            rules: Rules(enforcesStartTime: enforcesStartTime, messages: MessageSamples.setting),
            allowedOrigins: origins, acceptsCookies: acceptsCookies)
    }

    func respond(to request: Request) -> Response {
        let route = Route(path: request.path)
        let requestID = interface.requestID(of: request) ?? Self.madeRequestID
        let plan = interface.plan(request, route, caller: userID.map(Result.success) ?? .failure(refusal))
        let outcome: Outcome
        do throws(StoreError) { outcome = try perform(plan, requestID) } catch { outcome = .failed(error) }
        let reply = interface.reply(to: request, route, requestID: requestID, plan, outcome)
        if !reply.queued.isEmpty { effects.append("wake \(reply.queued.map(\.uid))") }
        if let record = reply.record {
            effects.append("record \(record.status) \(record.code)")
            records.append(record)
        }
        return reply.response
    }

    private func perform(_ plan: Plan, _ requestID: String) throws(StoreError) -> Outcome {
        switch plan {
        case .preflight: return .preflight
        case .refuse(let refusal): return .refused(refusal)
        case .act(let id, let wanted):
            let (action, reason) = (wanted.action?.rawValue ?? "unknown", wanted.reason ?? "-")
            effects.append("act \(id) \(action) \(reason) \(wanted.userID.text) \(requestID)")
            return .acted(try result.get())
        case .read(let id, let wanted):
            effects.append("read \(id)")
            return try reading.get().map { .read($0, wanted) } ?? .refused(.notFound)
        case .readHistory(let id, let wanted):
            effects.append("read the history of \(id)" + (wanted.before.map { " before \($0)" } ?? ""))
            return try history.get().map { .history($0, wanted) } ?? .refused(.notFound)
        }
    }

    /// A request that is good in every part that is not given.
    static func request(
        _ method: String = "PATCH", _ target: String = "/api/appointments/\(id)",
        type: [String] = ["application/json"], headers: [(String, String)] = [],
        body: Request.Body = .bytes(Array(#"{"action":"confirm"}"#.utf8))
    ) -> Request {
        Request(
            method: method, target: target,
            parameters: type.map { Header("CONTENT_TYPE", $0) } + [Header("REQUEST_ID", "from-nginx")]
                + headers.map { Header($0.0, $0.1) },
            body: body)
    }

    /// A confirmation with one message to send and one that cannot be addressed.
    static func change() throws -> AppliedChange {
        let start = Instant(year: 2026, month: 12, day: 1, hour: 17, minute: 0, second: 0)
        let messages = [
            OutgoingMessage(
                role: .client, channel: .whatsapp, template: .bookingConfirmed, recipient: "5511999999999",
                payload: MessagePayload(), skipped: nil, expiryHours: 24),
            OutgoingMessage(
                role: .professional, channel: .whatsapp, template: .bookingConfirmedReceipt, recipient: "",
                payload: MessagePayload(), skipped: .noPhone, expiryHours: 24),
        ]
        let appointment = Appointment(
            id: try #require(AppointmentID(id)), version: 1, status: .pendingConfirmation, paymentStatus: .none,
            startsAt: start, endsAt: start.advanced(bySeconds: 3_000), professional: PartySamples.professional,
            client: PartySamples.client(nil, email: nil))
        let decision = Decision(
            action: .confirm, actor: .professional, reason: nil, status: .confirmed, paymentStatus: .authorized,
            needsFreeSlot: true, supersedes: false, notification: nil, messages: messages)
        let now = Instant(year: 2026, month: 11, day: 22, hour: 10, minute: 0, second: 0, microsecond: 123_456)
        var uids = ["m1", "m2"][...]
        return AppliedChange(decision, to: appointment, at: now) { uids.removeFirst() }
    }
}

/// What the contract's table of errors says of one refusal.
struct RefusalRow {
    let refusal: Refusal
    let status: Int
    let code: String
    let error: String
    var members: [JSON.Member] = []
    var headers: [Header] = []

    static func all() throws -> [RefusalRow] {
        let other = try #require(AppointmentID("6F1C2C1E-3C0F-4B1E-8D59-57F3F0B7C9AA"))
        let start = Instant(year: 2026, month: 12, day: 1, hour: 17, minute: 0, second: 0)
        let invalid = "Requisição inválida"
        return [
            RefusalRow(refusal: .malformedBody, status: 400, code: "malformed_body", error: invalid),
            RefusalRow(refusal: .invalidHeader, status: 400, code: "invalid_header", error: invalid),
            RefusalRow(
                refusal: .partyMissing, status: 400, code: "party_missing", error: "Profissional ou cliente ausente"),
            RefusalRow(
                refusal: .unknownAction, status: 400, code: "unknown_action", error: "Unknown action",
                members: [
                    .init("allowedActions", .array(["confirm", "reject", "cancel", "paid", "complete", "no_show"]))
                ]),
            RefusalRow(
                refusal: .invalidTransition(.noShow, .authorized, allowed: [.paid]), status: 400,
                code: "invalid_transition", error: "Ação não permitida neste estado",
                members: [
                    .init("currentStatus", "no_show"), .init("currentPaymentStatus", "authorized"),
                    .init("allowedActions", .array(["paid"])),
                ]),
            RefusalRow(
                refusal: .tooEarly(allowedFrom: start), status: 400, code: "too_early", error: "Ainda não é possível",
                members: [.init("allowedFrom", "2026-12-01T17:00:00Z")]),
            RefusalRow(
                refusal: .unauthenticated(tokenPresented: false), status: 401, code: "unauthenticated",
                error: "Não autorizado",
                headers: [Header("WWW-Authenticate", "Bearer realm=\"odys\"")]),
            RefusalRow(
                refusal: .unauthenticated(tokenPresented: true), status: 401, code: "unauthenticated",
                error: "Não autorizado",
                headers: [Header("WWW-Authenticate", "Bearer realm=\"odys\", error=\"invalid_token\"")]),
            RefusalRow(refusal: .forbidden, status: 403, code: "forbidden", error: "Sem permissão"),
            RefusalRow(refusal: .notFound, status: 404, code: "not_found", error: "Não encontrado"),
            RefusalRow(
                refusal: .methodNotAllowed(allowed: "GET, OPTIONS"), status: 405, code: "method_not_allowed",
                error: "Método não permitido", headers: [Header("Allow", "GET, OPTIONS")]),
            RefusalRow(
                refusal: .slotConflict(with: other), status: 409, code: "slot_conflict", error: "Horário já ocupado",
                members: [.init("conflictingAppointmentId", "6f1c2c1e-3c0f-4b1e-8d59-57f3f0b7c9aa")]),
            RefusalRow(
                refusal: .idempotencyInProgress, status: 409, code: "idempotency_in_progress",
                error: "Requisição em andamento", headers: [Header("Retry-After", "1")]),
            RefusalRow(
                refusal: .idempotencyKeyReused, status: 422, code: "idempotency_key_reused",
                error: "Chave de idempotência já usada"),
            RefusalRow(
                refusal: .versionMismatch(current: 7), status: 412, code: "version_mismatch",
                error: "O agendamento mudou", members: [.init("currentVersion", 7)]),
            RefusalRow(refusal: .bodyTooLarge, status: 413, code: "body_too_large", error: invalid),
            RefusalRow(
                refusal: .unsupportedMediaType, status: 415, code: "unsupported_media_type", error: invalid,
                headers: [Header("Accept-Patch", "application/json")]),
            RefusalRow(refusal: .internalError, status: 500, code: "internal", error: "Erro interno"),
            RefusalRow(refusal: .unavailable, status: 503, code: "unavailable", error: "Serviço indisponível"),
        ]
    }
}

extension Response {
    func header(_ name: String) -> String? {
        headers.first { $0.name == name }?.value
    }
}

extension Request {
    /// With CGI parameters under their names; those that are not read are dropped, as by the responder.
    init(method: String, target: String, parameters: [Header], body: Body) {
        let fields = parameters.compactMap { header in
            Parameter(rawValue: header.name).map { (name: $0, value: header.value) }
        }
        self.init(method: method, target: target, fields: fields, body: body)
    }
}

/// Every reason why a request is not carried out, and how HTTP says it. The catalogue of errors has its one home
/// here.
public enum Refusal: Error, Sendable, Equatable {
    case malformedBody
    case invalidHeader
    case partyMissing
    case unknownAction
    case invalidTransition(Status, PaymentStatus, allowed: [AppointmentAction])
    case tooEarly(allowedFrom: Instant)
    /// The token is missing, or bad: the caller is not told which, the metrics are.
    case unauthenticated(tokenPresented: Bool)
    case forbidden
    case notFound
    case methodNotAllowed(allowed: String)
    case idempotencyInProgress
    case idempotencyKeyReused
    case versionMismatch(current: Int)
    case slotConflict(with: AppointmentID)
    case bodyTooLarge
    case unsupportedMediaType
    case internalError
    case unavailable

    public var status: Int {
        switch self {
        case .malformedBody, .invalidHeader, .partyMissing, .unknownAction, .invalidTransition, .tooEarly: 400
        case .unauthenticated: 401
        case .forbidden: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .slotConflict, .idempotencyInProgress: 409
        case .versionMismatch: 412
        case .bodyTooLarge: 413
        case .unsupportedMediaType: 415
        case .idempotencyKeyReused: 422
        case .internalError: 500
        case .unavailable: 503
        }
    }

    /// The stable word for programs.
    public var code: String {
        switch self {
        case .malformedBody: "malformed_body"
        case .invalidHeader: "invalid_header"
        case .partyMissing: "party_missing"
        case .unknownAction: "unknown_action"
        case .invalidTransition: "invalid_transition"
        case .tooEarly: "too_early"
        case .unauthenticated: "unauthenticated"
        case .forbidden: "forbidden"
        case .notFound: "not_found"
        case .methodNotAllowed: "method_not_allowed"
        case .slotConflict: "slot_conflict"
        case .idempotencyInProgress: "idempotency_in_progress"
        case .idempotencyKeyReused: "idempotency_key_reused"
        case .versionMismatch: "version_mismatch"
        case .bodyTooLarge: "body_too_large"
        case .unsupportedMediaType: "unsupported_media_type"
        case .internalError: "internal"
        case .unavailable: "unavailable"
        }
    }

    /// The text for people, in Portuguese; the platform's applications show it as it is.
    public var error: String {
        switch self {
        case .malformedBody, .invalidHeader, .bodyTooLarge, .unsupportedMediaType: "Requisição inválida"
        case .partyMissing: "Profissional ou cliente ausente"
        case .unknownAction: "Unknown action"
        case .invalidTransition: "Ação não permitida neste estado"
        case .tooEarly: "Ainda não é possível"
        case .unauthenticated: "Não autorizado"
        case .forbidden: "Sem permissão"
        case .notFound: "Não encontrado"
        case .methodNotAllowed: "Método não permitido"
        case .slotConflict: "Horário já ocupado"
        case .idempotencyInProgress: "Requisição em andamento"
        case .idempotencyKeyReused: "Chave de idempotência já usada"
        case .versionMismatch: "O agendamento mudou"
        case .internalError: "Erro interno"
        case .unavailable: "Serviço indisponível"
        }
    }

    /// The kind of problem, for the developer who calls.
    public var title: String {
        switch self {
        case .malformedBody: "The request body is not usable"
        case .invalidHeader: "A header field is not usable"
        case .partyMissing: "The appointment has lost its professional or its client"
        case .unknownAction: "There is no such action"
        case .invalidTransition: "The action does not apply to the appointment's state"
        case .tooEarly: "The appointment has not begun"
        case .unauthenticated: "The request carries no valid token"
        case .forbidden: "The caller may not do this"
        case .notFound: "There is nothing at this address"
        case .methodNotAllowed: "The method is not offered here"
        case .slotConflict: "Another appointment holds this time"
        case .idempotencyInProgress: "A request with this key is still running"
        case .idempotencyKeyReused: "The key belongs to another request"
        case .versionMismatch: "The appointment has another version"
        case .bodyTooLarge: "The request body is too large"
        case .unsupportedMediaType: "The request body is not JSON"
        case .internalError: "The request failed"
        case .unavailable: "The service cannot answer now"
        }
    }

    /// What the caller can do about it.
    public var detail: String {
        switch self {
        case .malformedBody:
            "Send a JSON object with the text member 'action', and 'reason' as a text of at most 500 characters "
                + "without control characters, or not at all; no member twice."
        case .invalidHeader:
            "Send 'Idempotency-Key', 'If-Match' and 'Content-Type' at most once: 1 to 255 visible ASCII characters, "
                + "quoted or not; a quoted version or *; application/json."
        case .partyMissing: "Its rows have to be repaired before anything can be done with it."
        case .unknownAction: "Use one of 'allowedActions'."
        case .invalidTransition: "Read 'currentStatus' and 'allowedActions'; the appointment may have changed."
        case .tooEarly: "Repeat the request at or after 'allowedFrom'."
        case .unauthenticated: "Send 'Authorization: Bearer' with a token that is valid now."
        case .forbidden: "Only the parties of an appointment may read it or act on it, each within their role."
        case .notFound: "Check the appointment's id."
        case .methodNotAllowed: "Use one of the methods in the header 'Allow'."
        case .slotConflict:
            "'conflictingAppointmentId' is the one that overlaps; cancel it first, or reject this one."
        case .idempotencyInProgress: "Repeat the request after 'Retry-After' seconds."
        case .idempotencyKeyReused: "Use a new 'Idempotency-Key' for a new request."
        case .versionMismatch: "Read the appointment again and decide anew; 'currentVersion' is its version now."
        case .bodyTooLarge: "A body may have at most \(Limits.bodyBytesMax) bytes."
        case .unsupportedMediaType: "Send 'Content-Type: application/json'."
        case .internalError: "It was recorded under 'requestId'."
        case .unavailable: "Nothing was lost; repeat the request after 'Retry-After' seconds."
        }
    }

    /// Members of the answer beyond those that every error has.
    public var members: [JSON.Member] {
        switch self {
        case .unknownAction:
            [JSON.Member("allowedActions", .actions(AppointmentAction.allCases))]
        case .invalidTransition(let status, let payment, let allowed):
            [
                JSON.Member("currentStatus", .string(status.rawValue)),
                JSON.Member("currentPaymentStatus", .string(payment.rawValue)),
                JSON.Member("allowedActions", .actions(allowed)),
            ]
        case .tooEarly(let allowedFrom): [JSON.Member("allowedFrom", .string(allowedFrom.iso8601))]
        case .slotConflict(let other): [JSON.Member("conflictingAppointmentId", .string(other.description))]
        case .versionMismatch(let current): [JSON.Member("currentVersion", .integer(current))]
        case .malformedBody, .invalidHeader, .partyMissing, .unauthenticated, .forbidden, .notFound,
            .methodNotAllowed, .idempotencyInProgress, .idempotencyKeyReused, .bodyTooLarge,
            .unsupportedMediaType, .internalError, .unavailable:
            []
        }
    }

    /// Header fields of the answer beyond those that every answer has.
    public var headers: [Header] {
        switch self {
        case .unauthenticated: [Header("WWW-Authenticate", "Bearer realm=\"odys\"")]
        case .methodNotAllowed(let allowed): [Header("Allow", allowed)]
        case .unsupportedMediaType: [Header("Accept-Patch", "application/json")]
        case .idempotencyInProgress: [Header("Retry-After", "1")]
        case .unavailable: [Header("Retry-After", "5")]
        case .malformedBody, .invalidHeader, .partyMissing, .unknownAction, .invalidTransition, .tooEarly,
            .forbidden, .notFound, .slotConflict, .idempotencyKeyReused, .versionMismatch, .bodyTooLarge,
            .internalError:
            []
        }
    }
}

extension JSON {
    static func actions(_ actions: [AppointmentAction]) -> JSON {
        .array(actions.map { .string($0.rawValue) })
    }
}

/// Every reason why a request is not carried out. How HTTP says it is in `answer`.
public enum Refusal: Error, Sendable, Equatable {
    case malformedBody
    case invalidHeader
    case partyMissing
    case unknownAction
    case invalidTransition(Status, PaymentStatus, allowed: [AppointmentAction])
    case tooEarly(allowedFrom: Instant)
    /// The token is missing, or bad: what is wrong with it, the caller is not told.
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

    public var status: Int { name.status }
    /// The stable word for programs.
    public var code: String { name.code }
    /// The text for people, in Portuguese; the platform's applications show it as it is.
    public var error: String { name.error }

    private var name: (status: Int, code: String, error: String) {
        switch self {
        case .malformedBody: (400, "malformed_body", "Requisição inválida")
        case .invalidHeader: (400, "invalid_header", "Requisição inválida")
        case .partyMissing: (400, "party_missing", "Profissional ou cliente ausente")
        case .unknownAction: (400, "unknown_action", "Unknown action")
        case .invalidTransition: (400, "invalid_transition", "Ação não permitida neste estado")
        case .tooEarly: (400, "too_early", "Ainda não é possível")
        case .unauthenticated: (401, "unauthenticated", "Não autorizado")
        case .forbidden: (403, "forbidden", "Sem permissão")
        case .notFound: (404, "not_found", "Não encontrado")
        case .methodNotAllowed: (405, "method_not_allowed", "Método não permitido")
        case .slotConflict: (409, "slot_conflict", "Horário já ocupado")
        case .idempotencyInProgress: (409, "idempotency_in_progress", "Requisição em andamento")
        case .versionMismatch: (412, "version_mismatch", "O agendamento mudou")
        case .bodyTooLarge: (413, "body_too_large", "Requisição inválida")
        case .unsupportedMediaType: (415, "unsupported_media_type", "Requisição inválida")
        case .idempotencyKeyReused: (422, "idempotency_key_reused", "Chave de idempotência já usada")
        case .internalError: (500, "internal", "Erro interno")
        case .unavailable: (503, "unavailable", "Serviço indisponível")
        }
    }

    /// For the developer who calls: the kind of problem, and what can be done about it.
    var explanation: (title: String, detail: String) {
        switch self {
        case .malformedBody:
            (
                "The body or the query of the request is not usable",
                "Send a JSON object with the text member 'action', and 'reason' as a text of at most 500 characters "
                    + "without control characters, or not at all; no member twice. In a query, 'before' is one "
                    + "version."
            )
        case .invalidHeader:
            (
                "A header field is not usable",
                "Send 'Idempotency-Key', 'If-Match' and 'Content-Type' at most once: 1 to 255 visible ASCII "
                    + "characters, quoted or not; a quoted version or *; application/json. 'If-None-Match' is a list "
                    + "of entity tags or *."
            )
        case .partyMissing:
            (
                "The appointment has lost its professional or its client",
                "Its rows have to be repaired before anything can be done with it."
            )
        case .unknownAction: ("There is no such action", "Use one of 'allowedActions'.")
        case .invalidTransition:
            (
                "The action does not apply to the appointment's state",
                "Read 'currentStatus' and 'allowedActions'; the appointment may have changed."
            )
        case .tooEarly: ("The appointment has not begun", "Repeat the request at or after 'allowedFrom'.")
        case .unauthenticated:
            ("The request carries no valid token", "Send 'Authorization: Bearer' with a token that is valid now.")
        case .forbidden:
            (
                "The caller may not do this",
                "Only the parties of an appointment may read it or act on it, each within their role."
            )
        case .notFound: ("There is nothing at this address", "Check the appointment's id.")
        case .methodNotAllowed: ("The method is not offered here", "Use one of the methods in the header 'Allow'.")
        case .slotConflict:
            (
                "Another appointment holds this time",
                "'conflictingAppointmentId' is the one that overlaps; cancel it first, or reject this one."
            )
        case .idempotencyInProgress:
            ("A request with this key is still running", "Repeat the request after 'Retry-After' seconds.")
        case .idempotencyKeyReused:
            ("The key belongs to another request", "Use a new 'Idempotency-Key' for a new request.")
        case .versionMismatch:
            (
                "The appointment has another version",
                "Read the appointment again and decide anew; 'currentVersion' is its version now."
            )
        case .bodyTooLarge: ("The request body is too large", "A body may have at most \(Limits.bodyBytesMax) bytes.")
        case .unsupportedMediaType: ("The request body is not JSON", "Send 'Content-Type: application/json'.")
        case .internalError: ("The request failed", "It was recorded under 'requestId'.")
        case .unavailable:
            ("The service cannot answer now", "Nothing was lost; repeat the request after 'Retry-After' seconds.")
        }
    }

    public var members: [JSON.Member] { additions.members }

    /// Members and header fields beyond those that every error has.
    var additions: (members: [JSON.Member], headers: [Header]) {
        switch self {
        case .unknownAction: ([.init("allowedActions", .actions(AppointmentAction.allCases))], [])
        case .invalidTransition(let status, let payment, let allowed):
            (
                [
                    .init("currentStatus", JSON(status)), .init("currentPaymentStatus", JSON(payment)),
                    .init("allowedActions", .actions(allowed)),
                ], []
            )
        case .tooEarly(let allowedFrom): ([.init("allowedFrom", .string(allowedFrom.iso8601))], [])
        case .slotConflict(let other): ([.init("conflictingAppointmentId", .string(other.description))], [])
        case .versionMismatch(let current): ([.init("currentVersion", .integer(current))], [])
        case .unauthenticated(let tokenPresented):
            // RFC 6750, 3.1: no error code for a request without a token.
            (
                [],
                [
                    Header(
                        "WWW-Authenticate",
                        "Bearer realm=\"odys\"" + (tokenPresented ? ", error=\"invalid_token\"" : ""))
                ]
            )
        case .methodNotAllowed(let allowed): ([], [Header("Allow", allowed)])
        case .unsupportedMediaType: ([], [Header("Accept-Patch", "application/json")])
        case .idempotencyInProgress: ([], [Header("Retry-After", "1")])
        case .unavailable: ([], [Header("Retry-After", "5")])
        case .malformedBody, .invalidHeader, .partyMissing, .forbidden, .notFound, .idempotencyKeyReused,
            .bodyTooLarge, .internalError:
            ([], [])
        }
    }
}

extension JSON {
    static func actions(_ actions: [AppointmentAction]) -> JSON { .array(actions.map { JSON($0) }) }
}

/// What a request asks for, decided before the database is asked.
public enum Plan: Sendable, Equatable {
    /// `OPTIONS`, from anybody.
    case preflight
    case refuse(Refusal)
    case read(AppointmentID, ReadRequest)
    case readHistory(AppointmentID, ReadRequest)
    case act(AppointmentID, ActionRequest)

    var action: AppointmentAction? { if case .act(_, let request) = self { request.action } else { nil } }
}

/// The HTTP interface of appointments as pure functions: a request becomes a plan, one call of the store performs it,
/// and its outcome becomes a reply.
public struct Interface: Sendable {
    /// What the store judges by; here only to tell a caller what is allowed.
    let rules: Rules
    /// Browser origins that may call, as `https://host[:port]`.
    let allowedOrigins: [String]
    /// Whether a session cookie is configured.
    let acceptsCookies: Bool

    public init(rules: Rules, allowedOrigins: [String], acceptsCookies: Bool) {
        self.rules = rules
        self.allowedOrigins = allowedOrigins
        self.acceptsCookies = acceptsCookies
    }

    /// The order of checks before the transaction is the order of lines here: route, method, caller, form of the body.
    ///
    /// - Parameter caller: who the request's credentials belong to, or the refusal that they meet.
    public func plan(_ request: Request, _ route: Route, caller: Result<UserID, Refusal>) -> Plan {
        guard route.id != nil else { return .refuse(.notFound) }
        if request.method == "OPTIONS" { return .preflight }
        guard route.offers(request.method) else { return .refuse(.methodNotAllowed(allowed: route.allowedMethods)) }
        let userID: UserID
        switch caller {
        case .success(let known): userID = known
        case .failure(let refusal): return .refuse(refusal)
        }
        switch route {
        case .appointment(let id):
            guard request.isReading else { return ActionRequest.plan(request, id, by: userID) }
            return ReadRequest.plan(request, by: userID, isPaged: false) { .read(id, $0) }
        case .history(let id):
            return ReadRequest.plan(request, by: userID, isPaged: true) { .readHistory(id, $0) }
        case .management, .unknown: return .refuse(.notFound)
        }
    }
}

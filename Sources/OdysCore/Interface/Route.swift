/// The pages for whoever watches a process. Raw values as in the path.
public enum ManagementPage: String, Sendable, CaseIterable {
    case healthz, readyz, metrics, status
}

/// What a path leads to. This is the only router.
public enum Route: Sendable, Equatable {
    case appointment(AppointmentID)
    case history(AppointmentID)
    /// `/healthz/N` and so on. The web server chose the socket by N, so it is not read again here.
    case management(ManagementPage)
    case unknown

    private static let prefix = "/api/appointments/"
    private static let historySuffix = "/history"

    public init(path: String) {
        if path.hasSameStart(as: Self.prefix) {
            let rest = path.utf8.dropFirst(Self.prefix.utf8.count)
            let isHistory = rest.suffix(Self.historySuffix.utf8.count).elementsEqual(Self.historySuffix.utf8)
            let id = AppointmentID(String(Substring(isHistory ? rest.dropLast(Self.historySuffix.utf8.count) : rest)))
            self = id.map(isHistory ? Route.history : Route.appointment) ?? .unknown
        } else {
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            let page = parts.count == 3 && parts[0].isEmpty ? ManagementPage(rawValue: String(parts[1])) : nil
            self = page.map(Route.management) ?? .unknown
        }
    }

    /// The path without its ids, for the log and the status page.
    public var name: String {
        switch self {
        case .appointment: "/api/appointments/{id}"
        case .history: "/api/appointments/{id}/history"
        case .management(let page): "/\(page.rawValue)/{n}"
        case .unknown: "none"
        }
    }

    var id: AppointmentID? {
        switch self {
        case .appointment(let id), .history(let id): id
        case .management, .unknown: nil
        }
    }

    private var methods: [String] {
        switch self {
        case .appointment: ["GET", "HEAD", "PATCH", "OPTIONS"]
        case .history: ["GET", "HEAD", "OPTIONS"]
        case .management: ["GET", "HEAD"]
        case .unknown: []
        }
    }

    /// As in `Allow`.
    public var allowedMethods: String { methods.joined(separator: ", ") }
    public func offers(_ method: String) -> Bool { methods.contains { $0.hasSameBytes(as: method) } }
}

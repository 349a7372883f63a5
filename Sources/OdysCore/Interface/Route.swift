/// What is at an address of the interface.
enum Route: Equatable {
    case appointment(AppointmentID)
    case history(AppointmentID)

    private static let prefix = "/api/appointments/"
    private static let historySuffix = "/history"

    /// Nil where there is nothing at this path.
    init?(path: String) {
        guard path.hasSameStart(as: Self.prefix) else { return nil }
        let rest = path.utf8.dropFirst(Self.prefix.utf8.count)
        if let id = AppointmentID(String(Substring(rest))) {
            self = .appointment(id)
        } else if rest.suffix(Self.historySuffix.utf8.count).elementsEqual(Self.historySuffix.utf8),
            let id = AppointmentID(String(Substring(rest.dropLast(Self.historySuffix.utf8.count))))
        {
            self = .history(id)
        } else {
            return nil
        }
    }

    var id: AppointmentID {
        switch self {
        case .appointment(let id), .history(let id): id
        }
    }

    /// `OPTIONS` is answered before the others, to anybody.
    private var methods: [String] {
        switch self {
        case .appointment: ["GET", "PATCH", "OPTIONS"]
        case .history: ["GET", "OPTIONS"]
        }
    }

    /// As in `Allow`.
    var allowedMethods: String { methods.joined(separator: ", ") }

    func offers(_ method: String) -> Bool {
        methods.contains { $0.hasSameBytes(as: method) }
    }
}

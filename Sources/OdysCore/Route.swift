/// What is at an address of the interface.
enum Route: Equatable {
    case appointment(AppointmentID)
    case history(AppointmentID)

    private static let prefix = "/api/appointments/"
    private static let historySuffix = "/history"

    /// Nil where there is nothing at this path.
    init?(path: String) {
        guard path.utf8.starts(with: Self.prefix.utf8) else { return nil }
        let rest = path.utf8.dropFirst(Self.prefix.utf8.count)
        if let id = AppointmentID(String(decoding: rest, as: UTF8.self)) {
            self = .appointment(id)
        } else if rest.suffix(Self.historySuffix.utf8.count).elementsEqual(Self.historySuffix.utf8),
            let id = AppointmentID(String(decoding: rest.dropLast(Self.historySuffix.utf8.count), as: UTF8.self))
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

    /// As in `Allow`. `OPTIONS` is answered before the others, to anybody.
    var allowedMethods: String {
        switch self {
        case .appointment: "GET, PATCH, OPTIONS"
        case .history: "GET, OPTIONS"
        }
    }

    func offers(_ method: String) -> Bool {
        allowedMethods.split(separator: ", ").contains { $0.utf8.elementsEqual(method.utf8) }
    }
}

/// The id of an appointment: a UUID in its canonical form, lower case with dashes.
public struct AppointmentID: Sendable, Hashable, CustomStringConvertible {
    public let description: String

    /// Accepts a UUID in any letter case, dashes in their places, and nothing else.
    public init?(_ text: String) {
        let bytes = text.utf8Span.span
        guard bytes.count == 36 else { return nil }
        var hasCapitals = false
        for index in bytes.indices {
            let byte = bytes[index]
            let isDash = index == 8 || index == 13 || index == 18 || index == 23
            guard isDash ? byte == UInt8(ascii: "-") : byte.hexDigitValue != nil else { return nil }
            if (65...70).contains(byte) { hasCapitals = true }
        }
        description = hasCapitals ? text.lowercased() : text
    }
}

/// The id of a person as the identity provider names them: opaque text, compared byte by byte.
public struct UserID: Sendable, Hashable {
    public let text: String

    public init(_ text: String) { self.text = text }
    public static func == (left: UserID, right: UserID) -> Bool { left.text.hasSameBytes(as: right.text) }
    public func hash(into hasher: inout Hasher) { for byte in text.utf8 { hasher.combine(byte) } }
}

/// Where an appointment is in its life. Raw values as in `appointments.status`.
public enum Status: String, Sendable, CaseIterable {
    case pendingConfirmation = "pending_confirmation"
    case confirmed, rejected, cancelled, completed
    case noShow = "no_show"

    /// Whether an appointment with this status occupies its time in the professional's calendar.
    public var holdsSlot: Bool {
        switch self {
        case .confirmed, .completed, .noShow: true
        case .pendingConfirmation, .rejected, .cancelled: false
        }
    }
}

/// What is known of the money. Raw values as in `appointments.payment_status`.
public enum PaymentStatus: String, Sendable, CaseIterable {
    case none, authorized, captured, refunded
}

/// The professional of an appointment, as far as the rules and the messages need them.
public struct Professional: Sendable, Equatable {
    public let id: String
    public let userID: UserID
    public let name: String
    public let phone: String
    public let slug: String

    public init(id: String, userID: UserID, name: String, phone: String, slug: String) {
        self.id = id
        self.userID = userID
        self.name = name
        self.phone = phone
        self.slug = slug
    }
}

/// The client of an appointment. Without a user id they are not registered: they cannot call, and have no inbox.
public struct Client: Sendable, Equatable {
    public let userID: UserID?
    public let name: String
    public let phone: String
    public let email: String?

    public init(userID: UserID?, name: String, phone: String, email: String?) {
        self.userID = userID
        self.name = name
        self.phone = phone
        self.email = email
    }
}

/// An appointment with its parties, as read under its row lock.
public struct Appointment: Sendable, Equatable {
    public let id: AppointmentID
    public let version: Int
    public let status: Status
    public let paymentStatus: PaymentStatus
    public let startsAt: Instant
    public let endsAt: Instant
    /// Nil when the row is missing, which foreign keys prevent unless they were off.
    public let professional: Professional?
    public let client: Client?

    public init(
        id: AppointmentID, version: Int, status: Status, paymentStatus: PaymentStatus, startsAt: Instant,
        endsAt: Instant, professional: Professional?, client: Client?
    ) {
        self.id = id
        self.version = version
        self.status = status
        self.paymentStatus = paymentStatus
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.professional = professional
        self.client = client
    }

    /// The side that this person acts for; nil for a stranger. Who is both acts as the professional.
    public func role(of userID: UserID) -> Role? {
        if professional?.userID == userID { return .professional }
        return client?.userID == userID ? .client : nil
    }
}

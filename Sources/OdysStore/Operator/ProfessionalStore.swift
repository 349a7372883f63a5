public import OdysCore

/// What one professional may read: their own appointments and customers. Every statement names the professional.
public struct ProfessionalStore {
    private let connection: Connection
    public let professionalID: String
    public let userID: UserID
    public let profession: String

    public struct Booking: Sendable {
        public let id: String
        public let startsAt: Instant
        public let status: Status
        public let paymentStatus: PaymentStatus
        public let customerName: String
    }

    public struct Customer: Sendable {
        public let id: String
        public let name: String
        public let phone: String
        public let email: String?
    }

    /// Nil where nobody has this id, which is `professionals.id` or else `professionals.user_id`.
    public init?(_ connection: Connection, professional name: String) throws(StoreError) {
        let id = AppointmentID(name).map(SQLValue.id) ?? .null
        let found = try connection.readAlone(
            Self.named, [id, .text(name), id], operation: "look for the professional")
        guard let row = found.first else { return nil }
        self.connection = connection
        professionalID = try row.text(0)
        userID = UserID(try row.text(1))
        profession = try row.text(2)
    }

    static let named =
        "SELECT id, user_id, profession FROM professionals WHERE id = ? OR user_id = ? ORDER BY id = ? DESC"

    /// The database's clock.
    public func now() throws(StoreError) -> Instant {
        try connection.readingAlone { connection throws(StoreError) in try connection.now() }
    }

    /// Whether the appointment is this professional's; nil where there is none. Whose it is never changes.
    public func owns(_ id: AppointmentID) throws(StoreError) -> Bool? {
        try connection.readAlone(
            "SELECT professional_id FROM appointments WHERE id = ?", [.id(id)],
            operation: "look whose the appointment is"
        ).first.map { row throws(StoreError) in try row.text(0) == professionalID }
    }

    /// The first `limit` appointments that start in this time, in order.
    public func bookings(from start: Instant, to end: Instant, limit: Int) throws(StoreError) -> [Booking] {
        try connection.readAlone(
            """
            \(Self.bookings)
            WHERE a.professional_id = ? AND a.starts_at >= ? AND a.starts_at < ?
            ORDER BY a.starts_at, a.id LIMIT ?
            """, [.text(professionalID), .instant(start), .instant(end), .integer(limit)],
            operation: "read the appointments"
        ).map(Booking.init)
    }

    /// The first `limit` customers whose phone is the one that is meant, by name. Phones are stored as typed, so SQL
    /// cannot compare them.
    public func customers(limit: Int, where isMeant: (_ phone: String) -> Bool) throws(StoreError) -> [Customer] {
        var matches: [Customer] = []
        var found: [Customer] = []
        repeat {
            let last = found.last?.id ?? "00000000-0000-0000-0000-000000000000"
            found = try connection.readAlone(
                """
                SELECT id, name, phone, email FROM clients WHERE professional_id = ? AND id > ?
                ORDER BY id LIMIT \(Limits.searchRows)
                """, [.text(professionalID), .text(last)], operation: "read the customers"
            ).map { row throws(StoreError) in
                Customer(
                    id: try row.text(0), name: try row.text(1), phone: try row.text(2), email: try row.optionalText(3))
            }
            matches += found.filter { isMeant($0.phone) }
        } while matches.count < limit && found.count == Limits.searchRows
        return matches.prefix(limit).sorted { ($0.name, $0.id) < ($1.name, $1.id) }
    }

    /// The latest appointments of a customer with this professional, the last first.
    public func bookings(of customer: Customer, limit: Int) throws(StoreError) -> [Booking] {
        try connection.readAlone(
            """
            \(Self.bookings)
            WHERE a.client_id = ? AND a.professional_id = ? ORDER BY a.starts_at DESC, a.id LIMIT ?
            """, [.text(customer.id), .text(professionalID), .integer(limit)],
            operation: "read a customer's appointments"
        ).map(Booking.init)
    }

    /// How many appointments that start in this time are paid, whatever their status, and what one costs today.
    public func revenue(from start: Instant, to end: Instant) throws(StoreError) -> (count: Int, priceCentavos: Int) {
        let found = try connection.readAlone(
            """
            SELECT (SELECT COUNT(*) FROM appointments
                WHERE professional_id = p.id AND payment_status = ? AND starts_at >= ? AND starts_at < ?),
                p.session_price
            FROM professionals p WHERE p.id = ?
            """, [.text(PaymentStatus.captured), .instant(start), .instant(end), .text(professionalID)],
            operation: "count the paid appointments")
        guard let row = found.first else { return (0, 0) }
        return (try row.integer(0), try row.integer(1))
    }

    private static let bookings = """
        SELECT a.id, a.starts_at, a.status, a.payment_status, c.name
        FROM appointments a JOIN clients c ON c.id = a.client_id
        """
}

extension ProfessionalStore.Booking {
    fileprivate init(_ row: Row) throws(StoreError) {
        self.init(
            id: try row.text(0), startsAt: try row.instant(1), status: try row.value(2, as: Status.self),
            paymentStatus: try row.value(3, as: PaymentStatus.self), customerName: try row.text(4))
    }
}

extension Connection {
    fileprivate func readAlone(_ sql: String, _ values: [SQLValue], operation: String) throws(StoreError) -> [Row] {
        try readingAlone { connection throws(StoreError) in
            try connection.query(sql, values, operation: operation)
        }
    }
}

internal import OdysCore

/// An appointment with its parties and the database's clock, as one row. A party is missing only where foreign keys
/// were off; an inner join would hide that appointment.
enum AppointmentRow {
    static let select = """
        SELECT a.version, a.status, a.payment_status, a.starts_at, a.ends_at, UTC_TIMESTAMP(6),
            p.id, p.user_id, p.name, p.phone, p.slug, c.id, c.user_id, c.name, c.phone, c.email, a.updated_at
        """
    /// Of the appointment, for the select. Not `*`: it leaves out invisible columns, and not all may be read.
    static let columns = """
        id, professional_id, client_id, version, status, payment_status, starts_at, ends_at, updated_at
        """
    static let parties = """
            LEFT JOIN professionals p ON p.id = a.professional_id
            LEFT JOIN clients c ON c.id = a.client_id
        """

    static func appointment(_ row: Row, _ id: AppointmentID) throws(StoreError) -> Appointment {
        var professional: Professional?
        if !row.isNull(6) {
            professional = Professional(
                id: try row.text(6), userID: UserID(try row.text(7)), name: try row.text(8),
                // No phone: its messages are skipped.
                phone: try row.optionalText(9) ?? "", slug: try row.text(10))
        }
        var client: Client?
        if !row.isNull(11) {
            client = Client(
                // Some platforms keep an empty text for "not registered".
                userID: try row.optionalText(12).flatMap { $0.isEmpty ? nil : UserID($0) }, name: try row.text(13),
                phone: try row.optionalText(14) ?? "", email: try row.optionalText(15))
        }
        return Appointment(
            id: id, version: try row.integer(0), status: try row.value(1, as: Status.self),
            paymentStatus: try row.value(2, as: PaymentStatus.self), startsAt: try row.instant(3),
            endsAt: try row.instant(4), professional: professional, client: client)
    }

    static func now(_ row: Row) throws(StoreError) -> Instant { try row.instant(5) }
    static func updatedAt(_ row: Row) throws(StoreError) -> Instant { try row.instant(16) }
}

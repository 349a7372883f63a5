public import OdysCore

/// Everything that is known about one appointment, for an operator.
public struct Timeline: Sendable {
    public let id: AppointmentID
    public let status: Status
    public let paymentStatus: PaymentStatus
    public let version: Int
    public let startsAt: Instant
    public let endsAt: Instant
    public let createdAt: Instant
    public let events: [HistoryEvent]
    /// Oldest first.
    public let messages: [OutboxEntry]
    public let operatorActions: [OperatorAction]
}

extension Timeline {
    /// - Returns: nil where there is no such appointment.
    public static func read(_ id: AppointmentID, _ connection: Connection) throws(StoreError) -> Timeline? {
        try connection.transaction { connection throws(StoreError) in
            let key = SQLValue.id(id)
            guard let row = try connection.query(appointment, [key], operation: "read the appointment").first
            else { return nil }
            let anyVersion = SQLValue.integer(Int(UInt32.max))
            return Timeline(
                id: id, status: try row.value(0, as: Status.self),
                paymentStatus: try row.value(1, as: PaymentStatus.self), version: try row.integer(2),
                startsAt: try row.instant(3), endsAt: try row.instant(4), createdAt: try row.instant(5),
                events: try connection.query(AppointmentReader.events, [key, anyVersion], operation: "read the events")
                    .map(HistoryEvent.init),
                messages: try connection.query(messages, [key], operation: "read the messages").map(OutboxEntry.init),
                operatorActions: try connection.query(
                    OperatorAction.ofAppointment, [key], operation: "read what operators did"
                ).map(OperatorAction.init))
        }
    }

    private static let appointment = """
        SELECT status, payment_status, version, starts_at, ends_at, CAST(created_at AS DATETIME(6))
        FROM appointments WHERE id = ?
        """

    static let messages = """
        SELECT \(OutboxEntry.columns) FROM outbox o WHERE o.appointment_id = ? ORDER BY o.created_at, o.id
        """
}

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
    public let messages: [OperatorStore.Entry]
    public let operatorActions: [OperatorAction]
}

/// A row of `operator_actions`.
public struct OperatorAction: Sendable {
    public let operatorName: String
    public let action: String
    public let messageID: Int
    public let detail: String?
    public let at: Instant
}

extension OperatorStore {
    /// - Returns: nil where there is no such appointment.
    public func timeline(_ id: AppointmentID) throws(StoreError) -> Timeline? {
        try connection.transaction { connection throws(StoreError) in
            let key = SQLValue.text(id.description)
            guard let row = try connection.query(Self.appointment, [key], operation: "read the appointment").first
            else { return nil }
            // Every one: an operator sees also what does not fit together.
            let upToAnyVersion = SQLValue.integer(Int(UInt32.max))
            var events: [HistoryEvent] = []
            for row in try connection.query(
                AppointmentReader.events, [key, upToAnyVersion], operation: "read the events")
            {
                events.append(try HistoryEvent(row))
            }
            var messages: [Entry] = []
            for row in try connection.query(Self.messagesOfAppointment, [key], operation: "read the messages") {
                messages.append(try entry(row))
            }
            var actions: [OperatorAction] = []
            for row in try connection.query(Self.actionsOfAppointment, [key], operation: "read what operators did") {
                actions.append(
                    OperatorAction(
                        operatorName: try row.text(0), action: try row.text(1), messageID: try row.integer(2),
                        detail: try row.optionalText(3), at: try row.instant(4)))
            }
            return Timeline(
                id: id, status: try row.value(0, as: Status.self),
                paymentStatus: try row.value(1, as: PaymentStatus.self), version: try row.integer(2),
                startsAt: try row.instant(3), endsAt: try row.instant(4), createdAt: try row.instant(5),
                events: events, messages: messages, operatorActions: actions)
        }
    }

    private static let appointment = """
        SELECT status, payment_status, version, starts_at, ends_at, CAST(created_at AS DATETIME(6))
        FROM appointments WHERE id = ?
        """

    static let messagesOfAppointment = """
        SELECT \(columns) FROM outbox o WHERE o.appointment_id = ? ORDER BY o.created_at, o.id
        """

    static let actionsOfAppointment = """
        SELECT a.operator, a.action, a.outbox_id, a.detail, a.created_at
        FROM outbox o JOIN operator_actions a ON a.outbox_id = o.id
        WHERE o.appointment_id = ? ORDER BY a.id
        """
}

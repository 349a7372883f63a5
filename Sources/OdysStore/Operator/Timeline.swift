public import OdysCore

/// What is known about one appointment, for an operator: of each list the newest, or the newest before a version.
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
    /// Of these messages.
    public let operatorActions: [OperatorAction]
    /// Whether something older was left out.
    public let hasMore: Bool
}

extension Timeline {
    /// - Returns: nil where there is no such appointment.
    public static func read(
        _ id: AppointmentID, before: Int? = nil, _ connection: Connection
    ) throws(StoreError) -> Timeline? {
        try connection.transaction { connection throws(StoreError) in
            guard let row = try connection.query(appointment, [.id(id)], operation: "read the appointment").first
            else { return nil }
            let page = HistoryPage(id: id, below: before ?? .max, isNewest: before == nil)
            let messageValues = page.messageValues(to: Role.allCases)
            let events = HistoryPage.shown(
                try connection.query(HistoryPage.events, page.eventValues, operation: "read the events"))
            let messages = HistoryPage.shown(
                try connection.query(messages, messageValues, operation: "read the messages"))
            let actions = HistoryPage.shown(
                try connection.query(OperatorAction.ofMessages, messageValues, operation: "read what operators did"))
            return Timeline(
                id: id, status: try row.value(0, as: Status.self),
                paymentStatus: try row.value(1, as: PaymentStatus.self), version: try row.integer(2),
                startsAt: try row.instant(3), endsAt: try row.instant(4), createdAt: try row.instant(5),
                events: try events.rows.map(HistoryEvent.init), messages: try messages.rows.map(OutboxEntry.init),
                operatorActions: try actions.rows.map(OperatorAction.init),
                hasMore: events.hasMore || messages.hasMore || actions.hasMore)
        }
    }

    private static let appointment = """
        SELECT status, payment_status, version, starts_at, ends_at, CAST(created_at AS DATETIME(6))
        FROM appointments WHERE id = ?
        """

    static let messages = HistoryPage.messages(to: Role.allCases, OutboxEntry.columns)
}

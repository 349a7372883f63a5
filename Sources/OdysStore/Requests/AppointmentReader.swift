public import OdysCore

/// Reads appointments and their histories for the parties, without a lock.
public struct AppointmentReader {
    private let connection: Connection

    public init(_ connection: Connection) { self.connection = connection }

    /// - Returns: nil where there is no such appointment.
    public func appointment(_ id: AppointmentID) throws(StoreError) -> AppointmentReading? {
        try connection.reading { connection throws(StoreError) in
            guard let row = try select(id) else { return nil }
            return AppointmentReading(
                appointment: try AppointmentRow.appointment(row, id), updatedAt: try AppointmentRow.updatedAt(row),
                now: try AppointmentRow.now(row))
        }
    }

    /// - Returns: nil where there is no such appointment.
    public func history(of id: AppointmentID) throws(StoreError) -> AppointmentHistory? {
        try connection.reading { connection throws(StoreError) in
            guard let row = try select(id) else { return nil }
            let appointment = try AppointmentRow.appointment(row, id)
            let values: [SQLValue] = [.id(id), .integer(appointment.version)]
            return AppointmentHistory(
                appointment: appointment,
                events: try connection.query(Self.events, values, operation: "read the events").map(HistoryEvent.init),
                messages: try connection.query(Self.messages, values, operation: "read the messages")
                    .map(HistoryMessage.init))
        }
    }

    static let appointment = """
        \(AppointmentRow.select)
        FROM appointments a
        \(AppointmentRow.parties)
        WHERE a.id = ?
        """

    private func select(_ id: AppointmentID) throws(StoreError) -> Row? {
        try connection.query(Self.appointment, [.id(id)], operation: "read the appointment").first
    }

    /// READ COMMITTED shows each statement what was committed when it began. Events and messages end at the version
    /// read first; otherwise the event of a later action could come without its messages.
    static let events = """
        SELECT version, action, actor_role, actor_user_id, reason, from_status, to_status, from_payment_status,
            to_payment_status, created_at
        FROM appointment_events WHERE appointment_id = ? AND version <= ? ORDER BY version
        """

    static let messages = """
        SELECT message_uid, appointment_version, recipient_role, channel, template, state, attempts, created_at,
            finished_at, last_error
        FROM outbox
        WHERE appointment_id = ? AND (appointment_version IS NULL OR appointment_version <= ?)
        ORDER BY created_at, id
        """
}

extension HistoryEvent {
    /// A row of `AppointmentReader.events`.
    init(_ row: Row) throws(StoreError) {
        self.init(
            version: try row.integer(0), action: try row.value(1, as: AppointmentAction.self),
            actor: try row.value(2, as: Role.self), actorID: UserID(try row.text(3)),
            reason: try row.optionalText(4), fromStatus: try row.value(5, as: Status.self),
            toStatus: try row.value(6, as: Status.self), fromPayment: try row.value(7, as: PaymentStatus.self),
            toPayment: try row.value(8, as: PaymentStatus.self), at: try row.instant(9))
    }
}

extension HistoryMessage {
    /// A row of `AppointmentReader.messages`.
    init(_ row: Row) throws(StoreError) {
        self.init(
            uid: try row.text(0), version: try row.optionalInteger(1),
            role: try row.value(2, as: Role.self), channel: try row.value(3, as: Channel.self),
            template: try row.text(4), state: try row.value(5, as: OutboxState.self), attempts: try row.integer(6),
            createdAt: try row.instant(7), finishedAt: try row.optionalInstant(8),
            error: try row.optionalText(9))
    }
}

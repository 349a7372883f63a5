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

    /// What the caller may see of the newest 200 events and messages, or of those before a version.
    ///
    /// - Returns: nil where there is no such appointment.
    public func history(of id: AppointmentID, _ request: ReadRequest) throws(StoreError) -> AppointmentHistory? {
        try connection.reading { connection throws(StoreError) in
            guard let row = try select(id) else { return nil }
            let appointment = try AppointmentRow.appointment(row, id)
            // A stranger is refused, whatever there is.
            guard let role = appointment.role(of: request.userID) else {
                return AppointmentHistory(appointment: appointment, events: [], messages: [])
            }
            // READ COMMITTED shows each statement what was committed when it began. Events and messages end at the
            // version read first; otherwise the event of a later action could come without its messages.
            let page = HistoryPage(
                id: id, below: min(request.before ?? .max, appointment.version + 1), isNewest: request.before == nil)
            let roles = role == .professional ? Role.allCases : [role]
            let events = HistoryPage.shown(
                try connection.query(HistoryPage.events, page.eventValues, operation: "read the events"))
            let messages = HistoryPage.shown(
                try connection.query(
                    role == .professional ? Self.messagesToAll : Self.messagesToClient, page.messageValues(to: roles),
                    operation: "read the messages"))
            return AppointmentHistory(
                appointment: appointment, events: try events.rows.map(HistoryEvent.init),
                messages: try messages.rows.map(HistoryMessage.init), hasMore: events.hasMore || messages.hasMore)
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

    static let messagesToAll = HistoryPage.messages(to: Role.allCases, messageColumns)
    static let messagesToClient = HistoryPage.messages(to: [.client], messageColumns)

    private static let messageColumns = """
        o.message_uid, o.appointment_version, o.recipient_role, o.channel, o.template, o.state, o.attempts,
            o.created_at, o.finished_at, o.last_error
        """
}

extension HistoryEvent {
    /// A row of `HistoryPage.events`.
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
    /// A row of `AppointmentReader.messagesToAll`.
    init(_ row: Row) throws(StoreError) {
        self.init(
            uid: try row.text(0), version: try row.optionalInteger(1),
            role: try row.value(2, as: Role.self), channel: try row.value(3, as: Channel.self),
            template: try row.text(4), state: try row.value(5, as: OutboxState.self), attempts: try row.integer(6),
            createdAt: try row.instant(7), finishedAt: try row.optionalInstant(8),
            error: try row.optionalText(9))
    }
}

public import OdysCore

/// The request's transaction: lock the row, judge it, write what was decided. Two round trips.
///
/// Used by one thread, with a connection of its own.
public final class AppointmentStore {
    private let connection: Connection
    private let rules: Rules
    /// Made for each try: 16 bytes that nobody else makes (see `appointment_events.marker`).
    private let makeMarker: () -> [UInt8]
    /// The UUID of a new message, as text.
    private let makeMessageUID: () -> String
    /// Blocks the thread between two tries of a transaction.
    private let pause: (_ milliseconds: Int) -> Void
    /// Seconds on a clock that only goes forward.
    private let uptime: () -> Double

    public init(
        _ connection: Connection, rules: Rules, makeMarker: @escaping () -> [UInt8],
        makeMessageUID: @escaping () -> String, pause: @escaping (_ milliseconds: Int) -> Void,
        uptime: @escaping () -> Double
    ) {
        self.connection = connection
        self.rules = rules
        self.makeMarker = makeMarker
        self.makeMessageUID = makeMessageUID
        self.pause = pause
        self.uptime = uptime
    }

    /// Judges the request and applies it, all or nothing.
    ///
    /// The whole transaction runs again after a deadlock, and after a connection that broke before anything was
    /// written. Where the answer to a COMMIT was lost, the outcome is looked up by the event's marker.
    ///
    /// - Parameter requestID: stored with the event.
    public func act(
        _ id: AppointmentID, _ request: ActionRequest, requestID: String
    ) throws(StoreError) -> ActResult {
        let deadline = uptime() + Double(Limits.requestSeconds)
        var tries = 0
        while true {
            tries += 1
            var unclear: AppliedChange?
            let marker = makeMarker()
            do throws(StoreError) {
                return try connection.transaction { connection throws(StoreError) in
                    try self.tryOnce(connection, id, request, requestID, marker, writing: &unclear)
                }
            } catch {
                guard uptime() < deadline - Double(Limits.lockWaitSeconds) else { throw error }
                switch error.kind {
                case .connectionLost:
                    if let change = unclear, try isCommitted(id, marker) { return .changed(change) }
                    guard tries < 2, uptime() < deadline - Double(Limits.lockWaitSeconds) else { throw error }
                case .deadlock:
                    guard tries < Limits.transactionTriesMax else { throw error }
                    pause(Int.random(in: Limits.retryDelayMilliseconds))
                case .timeout:
                    // The limit on a statement can strike when the block has committed already.
                    if let change = unclear, try isCommitted(id, marker) { return .changed(change) }
                    throw error
                case .refusing, .schema, .unexpected:
                    throw error
                }
            }
        }
    }

    private func tryOnce(
        _ connection: Connection, _ id: AppointmentID, _ request: ActionRequest, _ requestID: String,
        _ marker: [UInt8], writing unclear: inout AppliedChange?
    ) throws(StoreError) -> ActResult {
        FailPoint.p1.hit()
        if let key = request.idempotencyKey {
            switch try IdempotencyStore.reserve(key, connection) {
            case .reserved: break
            case .answered(let answer): return .replayed(answer)
            case .refused(let refusal): return .refused(refusal)
            }
        }
        FailPoint.p2.hit()
        let rows = try connection.query(Self.lock, [.text(id.description)], operation: "lock the appointment")
        guard let row = rows.first else { return .refused(.notFound) }
        let appointment = try AppointmentRow.appointment(row, id)
        let now = try AppointmentRow.now(row)
        FailPoint.p3.hit()
        switch appointment.judge(request, now: now, rules: rules) {
        case .refused(let refusal):
            return .refused(refusal)
        case .accepted(let decision):
            let change = AppliedChange(decision, to: appointment, at: now, makeUID: makeMessageUID)
            unclear = change
            do throws(StoreError) {
                try write(change, request, requestID, marker, connection)
                return .changed(change)
            } catch {
                guard error.code == Signal.slotConflict.rawValue,
                    let holder = error.signal.flatMap({ AppointmentID($0) })
                else { throw error }
                return .refused(.slotConflict(with: holder))
            }
        }
    }

    /// `FOR UPDATE` stands in a derived table, because in a join it would lock the rows of both parties too, and
    /// MariaDB has no `OF`.
    static let lock = """
        \(AppointmentRow.select)
        FROM (SELECT * FROM appointments WHERE id = ? FOR UPDATE) a
        \(AppointmentRow.parties)
        """

    // MARK: Write

    private func write(
        _ change: AppliedChange, _ request: ActionRequest, _ requestID: String, _ marker: [UInt8],
        _ connection: Connection
    ) throws(StoreError) {
        let decision = change.decision
        let block = WriteBlock(
            checksSlot: decision.needsFreeSlot, notifies: decision.notification != nil, supersedes: decision.supersedes,
            keepsAnswer: request.idempotencyKey != nil, messages: change.messages.count)
        let row = WrittenRow(change)
        var values: [SQLValue] = []
        values.reserveCapacity(32 + 14 * change.messages.count)
        if block.checksSlot { values += slotValues(row) }
        values += changeValues(row, by: request.userID, requestID, marker)
        if let notification = decision.notification { values += notificationValues(notification, row) }
        if block.supersedes { values += [row.now, row.id] }
        for queued in change.messages { values += outboxValues(queued, row) }
        if let key = request.idempotencyKey { values += IdempotencyStore.values(key, keeping: change.answer) }
        for point in [FailPoint.p4, .p5, .p6, .p7, .p8] { point.hitSoon() }
        try connection.execute(block.sql, values, operation: "write the change")
        FailPoint.p9.hit()
    }

    /// A change, with the values that most of its rows share.
    private struct WrittenRow {
        let change: AppliedChange
        let id: SQLValue
        let now: SQLValue

        init(_ change: AppliedChange) {
            self.change = change
            id = .text(change.appointment.id.description)
            now = .instant(change.at)
        }
    }

    private func slotValues(_ row: WrittenRow) -> [SQLValue] {
        let appointment = row.change.appointment
        return [
            row.id, .instant(appointment.endsAt), .instant(appointment.startsAt),
            .text(appointment.professional?.id),
        ]
    }

    private func changeValues(
        _ row: WrittenRow, by userID: UserID, _ requestID: String, _ marker: [UInt8]
    ) -> [SQLValue] {
        let (before, decision) = (row.change.appointment, row.change.decision)
        let status = SQLValue.text(decision.status.rawValue)
        let payment = SQLValue.text(decision.paymentStatus.rawValue)
        return [
            status, payment, row.now, row.id, .integer(before.version),
            row.id, .integer(row.change.version), .text(decision.action.rawValue), .text(userID.text),
            .text(decision.actor.rawValue), .text(decision.reason),
            .text(before.status.rawValue), status,
            .text(before.paymentStatus.rawValue), payment,
            .text(requestID), .bytes(marker), row.now,
        ]
    }

    private func notificationValues(_ notification: InAppNotification, _ row: WrittenRow) -> [SQLValue] {
        [
            .text(notification.recipient.text), .text(notification.recipientRole.rawValue),
            .text(notification.type.rawValue), .text(notification.title), .text(notification.body), row.now, row.id,
        ]
    }

    private func outboxValues(_ queued: QueuedMessage, _ row: WrittenRow) -> [SQLValue] {
        let message = queued.message
        let expires = row.change.at.advanced(bySeconds: Double(message.expiryHours) * 3_600)
        return [
            .text(queued.uid), row.id, .integer(row.change.version),
            .text(message.channel.rawValue), .text(message.role.rawValue), .text(message.recipient),
            .text(message.template.rawValue), .utf8(message.payload.bytes), .text(message.state.rawValue),
            .text(message.skipped?.rawValue), row.now, .instant(expires), row.now,
            message.skipped == nil ? .null : row.now,
        ]
    }

    // MARK: After a lost COMMIT

    /// Whether the transaction with this marker was committed. The lock on the appointment waits until the server has
    /// ended the old transaction; only then does the absence of the marker mean anything.
    private func isCommitted(_ id: AppointmentID, _ marker: [UInt8]) throws(StoreError) -> Bool {
        try connection.transaction { connection throws(StoreError) in
            _ = try connection.query(
                "SELECT version FROM appointments WHERE id = ? FOR UPDATE", [.text(id.description)],
                operation: "wait for the lost transaction")
            let rows = try connection.query(
                "SELECT version FROM appointment_events WHERE marker = ?", [.bytes(marker)],
                operation: "look the marker up")
            return !rows.isEmpty
        }
    }
}

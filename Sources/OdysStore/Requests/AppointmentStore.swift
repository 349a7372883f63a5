internal import Glibc
public import OdysCore

/// The request's transaction: lock the row, judge it, write what was decided. Two round trips.
public final class AppointmentStore {
    private let connection: Connection
    private let rules: Rules
    private let makeID: () -> UniqueID
    private let operatorName: String?

    /// - Parameter operatorName: who lets an assistant act, which is recorded with each change; nil where callers act.
    public init(
        _ connection: Connection, rules: Rules, makeID: @escaping () -> UniqueID, operatorName: String? = nil
    ) {
        self.connection = connection
        self.rules = rules
        self.makeID = makeID
        self.operatorName = operatorName
    }

    /// Judges the request and applies it, all or nothing.
    ///
    /// Repeats the transaction after a deadlock, and after a connection that broke before anything was written. Where
    /// the answer to a COMMIT was lost, the event's marker tells whether it happened.
    ///
    /// - Parameter requestID: stored with the event.
    public func act(_ id: AppointmentID, _ request: ActionRequest, requestID: String) throws(StoreError) -> ActResult {
        let deadline = ContinuousClock.now + .seconds(Limits.requestSeconds - Limits.lockWaitSeconds)
        var tries = 0
        while true {
            tries += 1
            var unclear: AppliedChange?
            let marker = makeID().bytes
            do throws(StoreError) {
                return try connection.transaction { connection throws(StoreError) in
                    try self.tryOnce(id, request, requestID, marker, writing: &unclear)
                }
            } catch {
                guard ContinuousClock.now < deadline else { throw error }
                switch error.kind {
                case .connectionLost:
                    if let change = unclear, try isCommitted(id, marker) { return .changed(change) }
                    guard tries < 2, ContinuousClock.now < deadline else { throw error }
                case .deadlock:
                    guard tries < Limits.transactionTriesMax else { throw error }
                    usleep(UInt32.random(in: Limits.retryDelayMicroseconds))
                case .timeout, .unknown:
                    // max_statement_time can end the block after its COMMIT, and who knows what an unknown error does.
                    if let change = unclear, try isCommitted(id, marker) { return .changed(change) }
                    throw error
                case .refusing, .schema, .unexpected: throw error
                }
            }
        }
    }

    private func tryOnce(
        _ id: AppointmentID, _ request: ActionRequest, _ requestID: String, _ marker: [UInt8],
        writing unclear: inout AppliedChange?
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
        guard let row = try connection.query(Self.lock, [.id(id)], operation: "lock the appointment").first
        else { return .refused(.notFound) }
        let appointment = try AppointmentRow.appointment(row, id)
        let now = try AppointmentRow.now(row)
        FailPoint.p3.hit()
        switch appointment.judge(request, now: now, rules: rules) {
        case .refused(let refusal): return .refused(refusal)
        case .accepted(let decision):
            let change = AppliedChange(decision, to: appointment, at: now, makeUID: { makeID().text })
            if let operatorName {
                let detail = "\(decision.action.rawValue) of appointment \(id), version \(change.version)"
                try connection.record("mcp", of: nil, by: operatorName, detail: detail)
            }
            unclear = change
            do throws(StoreError) {
                try write(change, request, requestID, marker)
                return .changed(change)
            } catch {
                guard error.code == Signal.slotConflict.rawValue,
                    let holder = error.signal.flatMap({ AppointmentID($0) })
                else { throw error }
                return .refused(.slotConflict(with: holder))
            }
        }
    }

    /// `FOR UPDATE` in a join would lock the rows of both parties too, and MariaDB has no `OF`.
    static let lock = """
        \(AppointmentRow.select)
        FROM (SELECT \(AppointmentRow.columns) FROM appointments WHERE id = ? FOR UPDATE) a
        \(AppointmentRow.parties)
        """

    private func write(
        _ change: AppliedChange, _ request: ActionRequest, _ requestID: String, _ marker: [UInt8]
    ) throws(StoreError) {
        let decision = change.decision
        let block = WriteBlock(
            checksSlot: decision.needsFreeSlot, notifies: decision.notification != nil, supersedes: decision.supersedes,
            keepsAnswer: request.idempotencyKey != nil, messages: change.messages.count)
        var values: [[SQLValue]] = []
        values.reserveCapacity(8)
        if block.checksSlot { values.append(change.slotValues) }
        values.append(change.values(by: request.userID, requestID, marker))
        if let notification = decision.notification { values.append(change.values(notification)) }
        if block.supersedes { values.append([change.now, change.id]) }
        for message in change.messages { values.append(change.values(message)) }
        if let key = request.idempotencyKey { values.append(IdempotencyStore.values(key, keeping: change.answer)) }
        for point in [FailPoint.p4, .p5, .p6, .p7, .p8] { point.hitSoon() }
        try connection.execute(block.sql, groups: values, operation: "write the change")
        FailPoint.p9.hit()
    }

    /// Whether the transaction with this marker was committed. The lock waits until the server has ended it; before
    /// that, a missing marker means nothing.
    private func isCommitted(_ id: AppointmentID, _ marker: [UInt8]) throws(StoreError) -> Bool {
        try connection.transaction { connection throws(StoreError) in
            _ = try connection.query(
                "SELECT version FROM appointments WHERE id = ? FOR UPDATE", [.id(id)],
                operation: "wait for the lost transaction")
            return try !connection.query(
                "SELECT version FROM appointment_events WHERE marker = ?", [.bytes(marker)],
                operation: "look the marker up"
            ).isEmpty
        }
    }
}

/// The parameters of `WriteBlock`.
extension AppliedChange {
    fileprivate var id: SQLValue { .id(appointment.id) }
    fileprivate var now: SQLValue { .instant(at) }

    fileprivate var slotValues: [SQLValue] {
        [id, .instant(appointment.endsAt), .instant(appointment.startsAt), .text(appointment.professional?.id)]
    }

    fileprivate func values(by userID: UserID, _ requestID: String, _ marker: [UInt8]) -> [SQLValue] {
        [
            .text(decision.status), .text(decision.paymentStatus), now, id, .integer(appointment.version),
            id, .integer(version), .text(decision.action), .text(userID.text), .text(decision.actor),
            .text(decision.reason), .text(appointment.status), .text(decision.status),
            .text(appointment.paymentStatus), .text(decision.paymentStatus), .text(requestID), .bytes(marker), now,
        ]
    }

    fileprivate func values(_ notification: InAppNotification) -> [SQLValue] {
        [
            .text(notification.recipient.text), .text(notification.recipientRole), .text(notification.type),
            .text(notification.title), .text(notification.body), now, id,
        ]
    }

    fileprivate func values(_ queued: QueuedMessage) -> [SQLValue] {
        let message = queued.message
        let expires = at.advanced(bySeconds: Double(message.expiryHours) * 3_600)
        return [
            .text(queued.uid), id, .integer(version), .text(message.channel), .text(message.role),
            .text(message.recipient), .text(message.template), .utf8(message.payload.bytes), .text(message.state),
            .text(message.skipped), now, .instant(expires), now, message.skipped == nil ? .null : now,
        ]
    }
}

public import OdysCore

/// The sender's side of the outbox: claim a message, settle it. Used by one thread, with a connection of its own.
///
/// To claim is to push `available_at` to the end of a lease and to leave a token in the row; there is no "sending"
/// state. A sender that dies leaves a row that is simply due again when the lease ends: the claim is the rescuer.
public final class OutboxStore {
    private let connection: Connection
    private let channel: Channel
    /// Recipients that may be excluded from one claim: as many as other senders of this process can have in hand.
    private let exclusions: Int
    let candidatesSQL: String
    /// 16 bytes that nobody else makes.
    private let makeLeaseToken: () -> [UInt8]

    public init(
        _ connection: Connection, channel: Channel, exclusions: Int, makeLeaseToken: @escaping () -> [UInt8]
    ) {
        self.connection = connection
        self.channel = channel
        self.exclusions = exclusions
        self.makeLeaseToken = makeLeaseToken
        let places = Array(repeating: "?", count: max(exclusions, 1)).joined(separator: ", ")
        candidatesSQL = """
            SELECT id FROM outbox FORCE INDEX (outbox_claim)
            WHERE state = 'pending' AND channel = ? AND available_at <= UTC_TIMESTAMP(6)
                AND recipient NOT IN (\(places))
            ORDER BY available_at, id LIMIT \(Limits.claimCandidates)
            """
    }

    /// How an attempt to claim ended.
    public enum Claim: Sendable {
        case claimed(ClaimedMessage)
        /// Others took every message that was due a moment ago; there may be more.
        case contended
        case nothingDue
    }

    /// Claims one due message. Candidates are read without a lock and then locked by primary key: a locking read
    /// that has to sort locks every row it passes.
    ///
    /// - Parameter busy: recipients that this process is sending to at the moment; they are passed over, so that one
    ///   slow recipient holds one sender and not all.
    public func claim(passingOver busy: [String]) throws(StoreError) -> Claim {
        try connection.transaction { connection throws(StoreError) in
            let excluded = (0..<max(exclusions, 1)).map { SQLValue.text($0 < busy.count ? busy[$0] : "") }
            let candidates = try connection.query(
                candidatesSQL, [.text(channel.rawValue)] + excluded, doing: "look for due messages")
            guard !candidates.isEmpty else { return .nothingDue }
            var ids: [SQLValue] = []
            for candidate in candidates { ids.append(.integer(try candidate.integer(0))) }
            while ids.count < Limits.claimCandidates { ids.append(.integer(0)) }
            guard let row = try connection.query(Self.lock, ids, doing: "lock a due message").first
            else { return .contended }
            let token = makeLeaseToken()
            let message = try Self.message(row, token)
            try connection.execute(
                Self.lease, [.bytes(token), .integer(Limits.leaseSeconds), .integer(message.id)],
                doing: "lease a message")
            return .claimed(message)
        }
    }

    /// Rows are passed in the order of the primary key and the first that is still due is taken: no sort, so that no
    /// other row stays locked.
    static let lock = """
        SELECT id, message_uid, channel, recipient_role, recipient, template, payload, appointment_id, attempts,
            unclear, lost_claims, expires_at <= UTC_TIMESTAMP(6)
        FROM outbox FORCE INDEX (PRIMARY)
        WHERE id IN (\(Array(repeating: "?", count: Limits.claimCandidates).joined(separator: ", ")))
            AND state = 'pending' AND available_at <= UTC_TIMESTAMP(6)
        LIMIT 1 FOR UPDATE SKIP LOCKED
        """

    private static let lease = """
        BEGIN NOT ATOMIC
            UPDATE outbox SET attempts = attempts + 1, lost_claims = lost_claims + 1, lease_token = ?,
                available_at = UTC_TIMESTAMP(6) + INTERVAL ? SECOND
                WHERE id = ?;
            COMMIT;
        END
        """

    private static func message(_ row: Row, _ token: [UInt8]) throws(StoreError) -> ClaimedMessage {
        ClaimedMessage(
            id: try row.integer(0), uid: try row.text(1), channel: try row.value(2, as: Channel.self),
            role: try row.value(3, as: Role.self), recipient: try row.text(4), template: try row.text(5),
            payload: try row.text(6), appointmentID: try row.optionalText(7), attempts: try row.integer(8) + 1,
            unclear: try row.integer(9), lostClaims: try row.integer(10), isExpired: try row.integer(11) != 0,
            leaseToken: token)
    }

    /// Writes what became of a claimed message, if the lease is still the sender's.
    ///
    /// - Returns: false when somebody else had claimed the message since; then nothing was changed.
    public func record(_ message: ClaimedMessage, _ settlement: Settlement) throws(StoreError) -> Bool {
        do throws(StoreError) {
            try connection.transaction { connection throws(StoreError) in
                try Self.write(message, settlement, connection)
            }
            return true
        } catch {
            guard error.code == Signal.leaseLost.rawValue else { throw error }
            return try isRecorded(message, settlement)
        }
    }

    private static func write(
        _ message: ClaimedMessage, _ settlement: Settlement, _ connection: Connection
    ) throws(StoreError) {
        let row: [SQLValue] = [.integer(message.id), .bytes(message.leaseToken)]
        switch settlement {
        case .retry(let delay, let error, let counted, let unclear):
            try connection.execute(
                postpone,
                [.seconds(delay), .integer(counted ? 0 : 1), .integer(unclear ? 1 : 0), .text(clipped(error))] + row,
                doing: "postpone a message")
        case .sent(let providerID, let recipient):
            let finish: [SQLValue] = [.text("sent"), .integer(0), .text(providerID.map(clipped)), .null] + row
            if message.channel == .whatsapp, message.role == .client, let appointment = message.appointmentID {
                try connection.execute(
                    finishWithContext,
                    finish + [.text(recipient), .integer(Limits.replyContextSeconds), .text(appointment)],
                    doing: "record a sent message")
            } else {
                try connection.execute(finishAlone, finish, doing: "record a sent message")
            }
        case .dead(let error):
            let uncounted = message.settlementBeforeSending == nil ? 0 : 1
            try finish(row, .dead, error, uncounted: uncounted, connection)
        case .skipped(let reason):
            try finish(row, .skipped, reason.rawValue, uncounted: 1, connection)
        case .expired:
            try finish(row, .expired, nil, uncounted: 1, connection)
        }
    }

    private static func finish(
        _ row: [SQLValue], _ state: OutboxState, _ error: String?, uncounted: Int, _ connection: Connection
    ) throws(StoreError) {
        try connection.execute(
            finishAlone,
            [.text(state.rawValue), .integer(uncounted), .null, .text(error.map(clipped))] + row,
            doing: "record a \(state.rawValue) message")
    }

    private static let postpone = """
        BEGIN NOT ATOMIC
            UPDATE outbox SET available_at = LEAST(UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND, expires_at),
                attempts = attempts - ?, unclear = unclear + ?, lost_claims = 0, lease_token = NULL, last_error = ?
                WHERE id = ? AND lease_token = ? AND state = 'pending';
            IF ROW_COUNT() <> 1 THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 45003, MESSAGE_TEXT = 'lease'; END IF;
            COMMIT;
        END
        """

    /// The token stays in a finished row, so that a settlement whose COMMIT was unclear recognises itself.
    private static let finish = """
        BEGIN NOT ATOMIC
            UPDATE outbox SET state = ?, attempts = attempts - ?, lost_claims = 0, provider_id = ?, last_error = ?,
                finished_at = UTC_TIMESTAMP(6)
                WHERE id = ? AND lease_token = ? AND state = 'pending';
            IF ROW_COUNT() <> 1 THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 45003, MESSAGE_TEXT = 'lease'; END IF;
        """

    private static let finishAlone = finish + " COMMIT; END"

    /// Whom a reply from this phone is meant for; the last message wins.
    private static let finishWithContext =
        finish + """
             INSERT INTO whatsapp_contexts (phone, professional_id, appointment_id, expires_at)
                SELECT ?, professional_id, id, UTC_TIMESTAMP(6) + INTERVAL ? SECOND FROM appointments WHERE id = ?
                ON DUPLICATE KEY UPDATE professional_id = VALUES(professional_id),
                    appointment_id = VALUES(appointment_id), expires_at = VALUES(expires_at);
            COMMIT; END
            """

    /// Whether the row already is what the settlement would make of it, by this very claim: then an earlier
    /// attempt to record it was committed although its answer was lost.
    private func isRecorded(_ message: ClaimedMessage, _ settlement: Settlement) throws(StoreError) -> Bool {
        try connection.transaction { connection throws(StoreError) in
            let rows = try connection.query(
                "SELECT id FROM outbox WHERE id = ? AND lease_token = ? AND state = ?",
                [.integer(message.id), .bytes(message.leaseToken), .text(settlement.state.rawValue)],
                doing: "look at a settled message")
            return !rows.isEmpty
        }
    }

    private static func clipped(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(Limits.lastErrorScalarsMax)))
    }
}

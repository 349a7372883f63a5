public import OdysCore

/// The sender's side of the outbox: claim a message, settle it.
///
/// A claim moves `available_at` to the end of a lease and stores a token; there is no "sending" state. When a sender
/// dies, its message is due again at the end of the lease.
public final class OutboxStore {
    private let connection: Connection
    private let channel: Channel
    /// How many recipients one claim can exclude: as many as the other senders of this process.
    private let exclusions: Int
    let candidatesSQL: String
    /// 16 random bytes.
    private let makeLeaseToken: () -> [UInt8]
    /// Messages a second of this channel, over all processes; 0 means no limit.
    private let ratePerSecond: Int
    private let pace: Pace

    public init(
        _ connection: Connection, channel: Channel, exclusions: Int, ratePerSecond: Int = 0, pace: Pace = .standard,
        makeLeaseToken: @escaping () -> [UInt8]
    ) {
        self.connection = connection
        self.channel = channel
        self.exclusions = exclusions
        self.ratePerSecond = ratePerSecond
        self.pace = pace
        self.makeLeaseToken = makeLeaseToken
        let places = Self.places(max(exclusions, 1))
        candidatesSQL = """
            SELECT id FROM outbox o FORCE INDEX (outbox_claim)
            WHERE state = 'pending' AND channel = ? AND available_at <= UTC_TIMESTAMP(6)
                AND recipient NOT IN (\(places))
                AND NOT EXISTS (
                    SELECT 1 FROM outbox earlier FORCE INDEX (outbox_once)
                    WHERE earlier.appointment_id = o.appointment_id
                        AND earlier.appointment_version < o.appointment_version
                        AND earlier.channel = o.channel AND earlier.recipient_role = o.recipient_role
                        AND earlier.state = 'pending')
            ORDER BY available_at, id LIMIT \(Limits.claimCandidates)
            """
    }

    public enum Claim: Sendable {
        case claimed(ClaimedMessage)
        /// Others took every candidate; more may be due.
        case contended
        case nothingDue
        /// The channel's rate is used up for this time.
        case limited(seconds: Double)
    }

    /// Claims one due message: never one while an earlier message about the same appointment, for the same recipient
    /// and channel, is unfinished. Versions are committed in their order, so an earlier one cannot appear later.
    ///
    /// Candidates are read without a lock and then locked by primary key: a locking read that sorts locks every row
    /// it passes.
    ///
    /// - Parameter inFlight: recipients that this process is sending to. They are skipped, so that a slow recipient
    ///   blocks one sender, not all.
    public func claim(passingOver inFlight: [String]) throws(StoreError) -> Claim {
        try connection.transaction { connection throws(StoreError) in
            let excluded = (0..<max(exclusions, 1)).map {
                SQLValue.text($0 < inFlight.count ? inFlight[$0] : Self.nobody)
            }
            let candidates = try connection.query(
                candidatesSQL, [.text(channel)] + excluded, operation: "look for due messages")
            guard !candidates.isEmpty else { return .nothingDue }
            var ids = candidates.flatMap(\.values)
            while ids.count < Limits.claimCandidates { ids.append(.integer(0)) }
            guard let row = try connection.query(Self.lock, ids, operation: "lock a due message").first
            else { return .contended }
            let token = makeLeaseToken()
            let message = try message(row, token)
            if message.settlementBeforeSending == nil, let seconds = try waitForRate() {
                return .limited(seconds: seconds)
            }
            try connection.execute(
                Self.lease, [.bytes(token), .seconds(pace.lease), .integer(message.id)], operation: "lease a message")
            return .claimed(message)
        }
    }

    /// Takes the first by primary key that is still due: without a sort, no other row stays locked.
    static let lock = """
        SELECT id, message_uid, channel, recipient_role, recipient, template,
            LEFT(payload, \(Limits.payloadScalarsMax)), appointment_id, attempts, unclear, lost_claims,
            expires_at <= UTC_TIMESTAMP(6), appointment_version
        FROM outbox FORCE INDEX (PRIMARY)
        WHERE id IN (\(places(Limits.claimCandidates)))
            AND state = 'pending' AND available_at <= UTC_TIMESTAMP(6)
        LIMIT 1 FOR UPDATE SKIP LOCKED
        """

    private static let lease = """
        BEGIN NOT ATOMIC
            UPDATE outbox SET attempts = attempts + 1, lost_claims = lost_claims + 1, lease_token = ?,
                available_at = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND
                WHERE id = ?;
            COMMIT;
        END
        """

    /// Fills the places of unused exclusions. Not the empty text, which a row may have as its recipient.
    private static let nobody = "(nobody)"

    private static func places(_ count: Int) -> String { Array(repeating: "?", count: count).joined(separator: ", ") }

    /// The rate over all processes: one row says when the next message may be sent. Returns seconds to wait, or nil
    /// when the message may be sent now, which is then counted.
    private func waitForRate() throws(StoreError) -> Double? {
        guard ratePerSecond > 0 else { return nil }
        let row = try connection.query(
            """
            SELECT TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), next_at) FROM channel_rate WHERE channel = ? FOR UPDATE
            """, [.text(channel)], operation: "read the channel's rate")
        guard let next = row.first else { throw StoreError(kind: .schema, operation: "read the channel's rate") }
        let wait = Double(try next.integer(0)) / 1e6
        if wait > 0 { return wait }
        try connection.execute(
            """
            UPDATE channel_rate
            SET next_at = GREATEST(next_at, UTC_TIMESTAMP(6) - INTERVAL ? MICROSECOND) + INTERVAL ? MICROSECOND
            WHERE channel = ?
            """, [.seconds(Limits.rateSlackSeconds), .seconds(1 / Double(ratePerSecond)), .text(channel)],
            operation: "use the channel's rate")
        return nil
    }

    private func message(_ row: Row, _ token: [UInt8]) throws(StoreError) -> ClaimedMessage {
        let role = try row.value(3, as: Role.self)
        let template = try row.text(5)
        let appointmentID = try row.optionalText(7)
        let version = try row.optionalInteger(12)
        let isSuperseded =
            if let appointmentID, let template = Template(rawValue: template) {
                try isSuperseded(template, appointmentID, version, role)
            } else { false }
        return ClaimedMessage(
            id: try row.integer(0), uid: try row.text(1), channel: try row.value(2, as: Channel.self), role: role,
            recipient: try row.text(4), template: template, payload: try row.text(6), appointmentID: appointmentID,
            appointmentVersion: version, attempts: try row.integer(8) + 1, unclear: try row.integer(9),
            lostClaims: try row.integer(10), isExpired: try row.bool(11), isSuperseded: isSuperseded, leaseToken: token)
    }

    /// Whether the appointment's status, or a newer status message for the same recipient and channel, makes a message
    /// pointless. An appointment that was deleted has no status.
    private func isSuperseded(
        _ template: Template, _ appointment: String, _ version: Int?, _ role: Role
    ) throws(StoreError) -> Bool {
        let rows = try connection.query(
            Self.standing, [.text(appointment), .integer(version), .text(channel), .text(role), .text(appointment)],
            operation: "look at the message's appointment")
        return template.isSuperseded(
            status: Status(rawValue: try rows.first?.text(0) ?? ""), hasNewer: try rows.first?.bool(1) ?? false)
    }

    private static let standing = """
        SELECT status, EXISTS (
            SELECT 1 FROM outbox WHERE appointment_id = ? AND appointment_version > ? AND channel = ?
                AND recipient_role = ? AND template IN (\(WriteBlock.statusTemplates)))
        FROM appointments WHERE id = ?
        """

    /// Stores the result of a claimed message, if the lease is still the sender's. Returns false when another sender
    /// has claimed the message since; then nothing was changed.
    public func record(_ message: ClaimedMessage, _ settlement: Settlement) throws(StoreError) -> Bool {
        do throws(StoreError) {
            try connection.transaction { _ throws(StoreError) in try write(message, settlement) }
            return true
        } catch {
            guard error.code == Signal.leaseLost.rawValue else { throw error }
            return try isRecorded(message, settlement)
        }
    }

    private func write(_ message: ClaimedMessage, _ settlement: Settlement) throws(StoreError) {
        let row: [SQLValue] = [.integer(message.id), .bytes(message.leaseToken)]
        let settlement = try settlement.adjusted(isSuperseded: isSuperseded(message, by: settlement))
        let uncounted = settlement.countsAttempt ? 0 : 1
        func finish(_ error: String?) throws(StoreError) {
            try connection.execute(
                Self.finishAlone,
                [.text(settlement.state), .integer(uncounted), .null, .text(error.map(Self.clipped))] + row,
                operation: "record a \(settlement.state.rawValue) message")
        }
        switch settlement {
        case .retry(let delay, let error, _, let unclear):
            try connection.execute(
                Self.postpone,
                [.seconds(delay), .integer(uncounted), .integer(unclear ? 1 : 0), .text(Self.clipped(error))] + row,
                operation: "postpone a message")
        case .sent(let providerID, let recipient):
            let provider = SQLValue.text(providerID.map(Self.clipped))
            let finish = [.text(settlement.state), .integer(0), provider, .null] + row
            if message.channel == .whatsapp, message.role == .client, let appointment = message.appointmentID {
                try connection.execute(
                    Self.finishWithContext,
                    finish + [.text(recipient), .integer(Limits.replyContextSeconds), .text(appointment)],
                    operation: "record a sent message")
            } else {
                try connection.execute(Self.finishAlone, finish, operation: "record a sent message")
            }
        case .dead(let error, _): try finish(error)
        case .skipped(let reason): try finish(reason.rawValue)
        case .expired, .superseded: try finish(nil)
        }
    }

    /// Whether a status message that is to be retried has become pointless since its claim.
    private func isSuperseded(_ message: ClaimedMessage, by settlement: Settlement) throws(StoreError) -> Bool {
        guard settlement.state == .pending, let appointmentID = message.appointmentID,
            let template = Template(rawValue: message.template), template.isStatusMessage
        else { return false }
        return try isSuperseded(template, appointmentID, message.appointmentVersion, message.role)
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

    /// The token stays in a finished row, for `isRecorded`.
    private static let finish = """
        BEGIN NOT ATOMIC
            UPDATE outbox SET state = ?, attempts = attempts - ?, lost_claims = 0, provider_id = ?, last_error = ?,
                finished_at = UTC_TIMESTAMP(6)
                WHERE id = ? AND lease_token = ? AND state = 'pending';
            IF ROW_COUNT() <> 1 THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 45003, MESSAGE_TEXT = 'lease'; END IF;
        """

    private static let finishAlone = finish + " COMMIT; END"

    /// Stores whom a reply from this phone is for; the last message wins.
    private static let finishWithContext =
        finish + """
             INSERT INTO whatsapp_contexts (phone, professional_id, appointment_id, expires_at)
                SELECT ?, professional_id, id, UTC_TIMESTAMP(6) + INTERVAL ? SECOND FROM appointments WHERE id = ?
                ON DUPLICATE KEY UPDATE professional_id = VALUES(professional_id),
                    appointment_id = VALUES(appointment_id), expires_at = VALUES(expires_at);
            COMMIT; END
            """

    /// Whether this claim has already stored the settlement: an earlier attempt was committed, but its answer was lost.
    private func isRecorded(_ message: ClaimedMessage, _ settlement: Settlement) throws(StoreError) -> Bool {
        try connection.transaction { connection throws(StoreError) in
            try !connection.query(
                "SELECT id FROM outbox WHERE id = ? AND lease_token = ? AND state = ?",
                [.integer(message.id), .bytes(message.leaseToken), .text(settlement.state)],
                operation: "look at a settled message"
            ).isEmpty
        }
    }

    private static func clipped(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(Limits.lastErrorScalarsMax)))
    }
}

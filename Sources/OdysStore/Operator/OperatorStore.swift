public import OdysCore

/// The operator's hand on the outbox. Every change is recorded in `operator_actions`, in the same transaction.
public struct OperatorStore {
    let connection: Connection

    public init(_ connection: Connection) {
        self.connection = connection
    }

    /// Which messages are meant; nil and empty mean any.
    public struct Filter: Sendable {
        public var ids: [Int] = []
        public var state: OutboxState?
        public var channel: Channel?
        public var template: String?
        public var appointmentID: AppointmentID?
        /// Only messages made in the last so many hours.
        public var withinHours: Int?
        public var limit = 50

        public init() {}

        fileprivate func with(_ state: OutboxState) -> Filter {
            var filter = self
            filter.state = state
            return filter
        }
    }

    /// A message as an operator sees it.
    public struct Entry: Sendable {
        public let id: Int
        public let uid: String
        public let appointmentID: String?
        public let version: Int?
        public let channel: Channel
        public let role: Role
        public let recipient: String
        public let template: String
        public let state: OutboxState
        public let attempts: Int
        public let createdAt: Instant
        public let availableAt: Instant
        public let expiresAt: Instant
        public let finishedAt: Instant?
        public let providerID: String?
        public let lastError: String?
        public let isLeased: Bool
        /// When recipient and payload were emptied; then the message cannot be sent again.
        public let emptiedAt: Instant?
        public let payload: String
    }

    /// - Parameter operatorName: who sees recipients and payloads in full, which is recorded; nil where nobody does.
    public func list(_ filter: Filter, revealingTo operatorName: String? = nil) throws(StoreError) -> [Entry] {
        try connection.transaction { connection throws(StoreError) in
            let entries = try select(filter, connection)
            if let operatorName {
                for entry in entries { try record("reveal", entry.id, by: operatorName, detail: nil, connection) }
                try connection.commit()
            }
            return entries
        }
    }

    /// Makes finished messages due again, under their old identity: what was unclear may arrive twice.
    ///
    /// - Returns: the messages that were changed. Messages that were sent or emptied are left alone.
    public func retry(_ filter: Filter, by operatorName: String, hours: Int) throws(StoreError) -> [Entry] {
        try change(
            filter, by: operatorName, action: "retry", where: [.dead, .skipped, .expired, .superseded],
            sql: """
                UPDATE outbox SET state = 'pending', available_at = UTC_TIMESTAMP(6), unclear = 0, lost_claims = 0,
                    lease_token = NULL, finished_at = NULL,
                    expires_at = GREATEST(expires_at, UTC_TIMESTAMP(6) + INTERVAL ? HOUR)
                    WHERE id = ? AND state <> 'pending' AND state <> 'sent' AND emptied_at IS NULL
                """, first: .integer(hours), detail: nil)
    }

    /// Gives pending messages up, unless a sender has them in hand.
    public func discard(_ filter: Filter, by operatorName: String, reason: String) throws(StoreError) -> [Entry] {
        try change(
            filter, by: operatorName, action: "discard", where: [.pending],
            sql: """
                UPDATE outbox SET state = 'dead', finished_at = UTC_TIMESTAMP(6), last_error = ?
                    WHERE id = ? AND state = 'pending' AND (lease_token IS NULL OR available_at <= UTC_TIMESTAMP(6))
                """, first: .text("discarded"), detail: reason)
    }

    /// Messages by channel and state, and how long the oldest due one has waited, in seconds.
    public func stats() throws(StoreError) -> (counts: [(Channel, OutboxState, Int)], oldestDue: [(Channel, Double)]) {
        try connection.transaction { connection throws(StoreError) in
            var counts: [(Channel, OutboxState, Int)] = []
            for row in try connection.query(
                "SELECT channel, state, COUNT(*) FROM outbox GROUP BY channel, state ORDER BY channel, state", [],
                operation: "count the messages")
            {
                counts.append(
                    (try row.value(0, as: Channel.self), try row.value(1, as: OutboxState.self), try row.integer(2)))
            }
            var oldest: [(Channel, Double)] = []
            for row in try connection.query(
                """
                SELECT channel, TIMESTAMPDIFF(MICROSECOND, MIN(available_at), UTC_TIMESTAMP(6)) FROM outbox
                WHERE state = 'pending' AND available_at <= UTC_TIMESTAMP(6) GROUP BY channel ORDER BY channel
                """, [], operation: "look for the oldest due message")
            {
                oldest.append((try row.value(0, as: Channel.self), Double(try row.integer(1)) / 1e6))
            }
            return (counts, oldest)
        }
    }

    private func change(
        _ filter: Filter, by operatorName: String, action: String, where states: [OutboxState], sql: String,
        first: SQLValue, detail: String?
    ) throws(StoreError) -> [Entry] {
        try connection.transaction { connection throws(StoreError) in
            var changed: [Entry] = []
            var found: [Entry] = []
            for state in states where filter.state == nil || filter.state == state {
                found += try select(filter.with(state), connection)
            }
            for entry in found {
                guard try connection.execute(sql, [first, .integer(entry.id)], operation: "\(action) a message") == 1
                else { continue }
                try record(action, entry.id, by: operatorName, detail: detail, connection)
                changed.append(entry)
            }
            try connection.commit()
            return changed
        }
    }

    func record(
        _ action: String, _ id: Int, by operatorName: String, detail: String?, _ connection: Connection
    ) throws(StoreError) {
        try connection.execute(
            "INSERT INTO operator_actions (operator, action, outbox_id, detail) VALUES (?, ?, ?, ?)",
            [.text(operatorName), .text(action), .integer(id), .text(detail)], operation: "record what the operator did"
        )
    }

    /// What an entry is read from, of `outbox o`.
    static let columns = """
        o.id, o.message_uid, o.appointment_id, o.appointment_version, o.channel, o.recipient_role, o.recipient,
            o.template, o.state, o.attempts, o.created_at, o.available_at, o.expires_at, o.finished_at,
            o.provider_id, o.last_error,
            o.state = 'pending' AND o.lease_token IS NOT NULL AND o.available_at > UTC_TIMESTAMP(6), o.payload,
            o.emptied_at
        """

    /// One constant statement for every filter: a part that is not asked for is NULL.
    private static let entries = """
        SELECT \(columns)
        FROM outbox o
        WHERE (? IS NULL OR id = ?) AND (? IS NULL OR state = ?) AND (? IS NULL OR channel = ?)
            AND (? IS NULL OR template = ?) AND (? IS NULL OR appointment_id = ?)
            AND (? IS NULL OR created_at >= UTC_TIMESTAMP(6) - INTERVAL ? HOUR)
        ORDER BY id DESC LIMIT ?
        """

    private func select(_ filter: Filter, _ connection: Connection) throws(StoreError) -> [Entry] {
        var entries: [Entry] = []
        let ids: [Int?] = filter.ids.isEmpty ? [nil] : filter.ids
        for id in ids {
            let parts: [SQLValue] = [
                id.map { .integer($0) } ?? .null, .text(filter.state?.rawValue), .text(filter.channel?.rawValue),
                .text(filter.template), .text(filter.appointmentID?.description),
                filter.withinHours.map { .integer($0) } ?? .null,
            ]
            let values = parts.flatMap { [$0, $0] } + [.integer(filter.limit)]
            for row in try connection.query(Self.entries, values, operation: "read the outbox") {
                entries.append(try entry(row))
            }
        }
        return entries
    }

    func entry(_ row: Row) throws(StoreError) -> Entry {
        Entry(
            id: try row.integer(0), uid: try row.text(1), appointmentID: try row.optionalText(2),
            version: try row.isNull(3) ? nil : row.integer(3), channel: try row.value(4, as: Channel.self),
            role: try row.value(5, as: Role.self), recipient: try row.text(6), template: try row.text(7),
            state: try row.value(8, as: OutboxState.self), attempts: try row.integer(9),
            createdAt: try row.instant(10), availableAt: try row.instant(11), expiresAt: try row.instant(12),
            finishedAt: try row.isNull(13) ? nil : row.instant(13), providerID: try row.optionalText(14),
            lastError: try row.optionalText(15), isLeased: try row.integer(16) != 0,
            emptiedAt: try row.isNull(18) ? nil : row.instant(18), payload: try row.text(17))
    }
}

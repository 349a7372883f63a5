public import OdysCore

/// Lists and changes messages of the outbox, for an operator. Every change is recorded in the same transaction.
public struct OutboxAdmin {
    let connection: Connection

    public init(_ connection: Connection) { self.connection = connection }

    /// Nil and empty mean any.
    public struct Filter: Sendable {
        /// `limit` does not apply to them.
        public var ids: [Int] = []
        public var state: OutboxState?
        public var channel: Channel?
        public var template: String?
        public var appointmentID: AppointmentID?
        /// Made in the last so many hours.
        public var withinHours: Int?
        public var limit = 50

        public init() {}
    }

    /// A change of messages. The same condition selects for a dry run and for the change.
    public struct Change: Sendable {
        /// As in `operator_actions.action`.
        fileprivate let name: String
        fileprivate let condition: String
        /// Of an UPDATE; `value` is bound to the one `?` in them.
        fileprivate let assignments: String
        fileprivate let value: SQLValue
        fileprivate var detail: String?

        /// Makes finished messages due again, but none that was sent or emptied. They keep their `message_uid`; one
        /// whose outcome was unclear may arrive twice.
        public static func retry(expiringAfterHours hours: Int) -> Change {
            Change(
                name: "retry", condition: "state NOT IN ('pending', 'sent') AND emptied_at IS NULL",
                assignments: """
                    state = 'pending', available_at = UTC_TIMESTAMP(6), unclear = 0, lost_claims = 0,
                    lease_token = NULL, finished_at = NULL,
                    expires_at = GREATEST(expires_at, UTC_TIMESTAMP(6) + INTERVAL ? HOUR)
                    """, value: .integer(hours))
        }

        /// Makes pending messages dead, unless a sender has claimed them.
        public static func discard(reason: String) -> Change {
            Change(
                name: "discard",
                condition: "state = 'pending' AND (lease_token IS NULL OR available_at <= UTC_TIMESTAMP(6))",
                assignments: "state = 'dead', finished_at = UTC_TIMESTAMP(6), last_error = ?",
                value: .text("discarded"), detail: reason)
        }
    }

    /// The messages of a filter, the newest first.
    ///
    /// - Parameter operatorName: who sees recipients and payloads in full, which is recorded; nil where nobody does.
    public func list(_ filter: Filter, revealingTo operatorName: String? = nil) throws(StoreError) -> [OutboxEntry] {
        try connection.transaction { connection throws(StoreError) in
            let entries = try select("TRUE", filter)
            try connection.recordReveal(of: entries, to: operatorName)
            return entries
        }
    }

    /// The messages that `apply` would change now: of those whose state allows it, the newest `filter.limit`.
    public func selection(for change: Change, _ filter: Filter) throws(StoreError) -> [OutboxEntry] {
        try connection.transaction { _ throws(StoreError) in try select(change.condition, filter) }
    }

    /// Changes what `selection` finds. Returns the messages as they were before.
    public func apply(_ change: Change, to filter: Filter, by operatorName: String) throws(StoreError) -> [OutboxEntry]
    {
        try connection.transaction { connection throws(StoreError) in
            var changed: [OutboxEntry] = []
            for entry in try select(change.condition, filter) {
                // A sender may have claimed it since; the statement checks again.
                let count = try connection.execute(
                    "UPDATE outbox SET \(change.assignments) WHERE id = ? AND \(change.condition)",
                    [change.value, .integer(entry.id)], operation: "\(change.name) a message")
                guard count == 1 else { continue }
                try connection.record(change.name, of: entry.id, by: operatorName, detail: change.detail)
                changed.append(entry)
            }
            try connection.commit()
            return changed
        }
    }

    /// Messages by channel and state, and the age of the oldest due one in seconds.
    public func stats() throws(StoreError) -> (counts: [(Channel, OutboxState, Int)], oldestDue: [(Channel, Double)]) {
        try connection.transaction { connection throws(StoreError) in
            let counts = try connection.query(
                "SELECT channel, state, COUNT(*) FROM outbox GROUP BY channel, state ORDER BY channel, state",
                operation: "count the messages"
            ).map { row throws(StoreError) in
                (try row.value(0, as: Channel.self), try row.value(1, as: OutboxState.self), try row.integer(2))
            }
            let oldest = try connection.query(
                """
                SELECT channel, TIMESTAMPDIFF(MICROSECOND, MIN(available_at), UTC_TIMESTAMP(6)) FROM outbox
                WHERE state = 'pending' AND available_at <= UTC_TIMESTAMP(6) GROUP BY channel ORDER BY channel
                """, operation: "look for the oldest due message"
            ).map { row throws(StoreError) in (try row.value(0, as: Channel.self), Double(try row.integer(1)) / 1e6) }
            return (counts, oldest)
        }
    }

    /// One constant statement for every filter: a part that means any is NULL.
    private func select(_ condition: String, _ filter: Filter) throws(StoreError) -> [OutboxEntry] {
        let sql = """
            SELECT \(OutboxEntry.columns)
            FROM outbox o
            WHERE (? IS NULL OR id = ?) AND (? IS NULL OR state = ?) AND (? IS NULL OR channel = ?)
                AND (? IS NULL OR template = ?) AND (? IS NULL OR appointment_id = ?)
                AND (? IS NULL OR created_at >= UTC_TIMESTAMP(6) - INTERVAL ? HOUR)
                AND \(condition)
            ORDER BY id DESC LIMIT ?
            """
        var entries: [OutboxEntry] = []
        let ids: [Int?] = filter.ids.isEmpty ? [nil] : filter.ids
        for id in ids {
            let parts: [SQLValue] = [
                .integer(id), .text(filter.state), .text(filter.channel), .text(filter.template),
                .text(filter.appointmentID?.description), .integer(filter.withinHours),
            ]
            let values = parts.flatMap { [$0, $0] } + [.integer(filter.limit)]
            entries += try connection.query(sql, values, operation: "read the outbox").map(OutboxEntry.init)
        }
        return entries
    }
}

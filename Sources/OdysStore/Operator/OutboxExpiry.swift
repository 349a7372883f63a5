public import OdysCore

/// Gives up the pending messages of a restored database: nobody knows which of them were sent since the backup.
public struct OutboxExpiry {
    /// `outbox.last_error` of a message that was given up so.
    static let error = "expired by hand"

    /// One condition for what is counted, recorded and expired.
    private static let selection = "state = 'pending' AND created_at < ?"

    private let connection: Connection

    /// - Parameter connection: made with `SessionLimits.migration`, since the table may be full of messages.
    public init(_ connection: Connection) {
        self.connection = connection
    }

    /// The database's clock.
    public func now() throws(StoreError) -> Instant {
        try connection.transaction { connection throws(StoreError) in try connection.now() }
    }

    /// Pending messages made before a time, by channel and template.
    public func pending(before time: Instant) throws(StoreError) -> [(channel: Channel, template: String, count: Int)] {
        try connection.transaction { connection throws(StoreError) in
            try connection.query(
                """
                SELECT channel, template, COUNT(*) FROM outbox WHERE \(Self.selection)
                GROUP BY channel, template ORDER BY channel, template
                """, [.instant(time)], operation: "count the messages to expire"
            ).map { row throws(StoreError) in
                (try row.value(0, as: Channel.self), try row.text(1), try row.integer(2))
            }
        }
    }

    /// Expires the messages that `pending` counts.
    ///
    /// A claimed message too: in a restored database its sender is gone, and its lease would only make it due later.
    /// A sender that does live loses its lease by this, and records nothing.
    ///
    /// - Returns: how many were changed; each is recorded.
    public func expire(before time: Instant, by operatorName: String) throws(StoreError) -> Int {
        try connection.transaction { connection throws(StoreError) in
            // Locked first, so that what is recorded is what is changed.
            _ = try connection.query(
                "SELECT id FROM outbox WHERE \(Self.selection) FOR UPDATE", [.instant(time)],
                operation: "lock the messages to expire")
            try connection.execute(
                """
                INSERT INTO operator_actions (operator, action, outbox_id)
                SELECT ?, 'expire', id FROM outbox WHERE \(Self.selection)
                """, [.text(operatorName), .instant(time)], operation: "record what the operator did")
            let changed = try connection.execute(
                """
                UPDATE outbox SET state = 'expired', finished_at = UTC_TIMESTAMP(6), lease_token = NULL, last_error = ?
                WHERE \(Self.selection)
                """, [.text(Self.error), .instant(time)], operation: "expire messages")
            try connection.commit()
            return changed
        }
    }
}

public import OdysCore

/// Expires the pending messages of a restored database: nobody knows which of them were sent since the backup. Needs a
/// connection made with `SessionLimits.migration`, since there may be many.
extension OutboxAdmin {
    /// What is counted, recorded and expired.
    private static let expiring = "state = 'pending' AND created_at < ?"

    /// The database's clock.
    public func now() throws(StoreError) -> Instant {
        try connection.transaction { connection throws(StoreError) in try connection.now() }
    }

    /// Pending messages made before a time, by channel and template.
    public func pending(before time: Instant) throws(StoreError) -> [(channel: Channel, template: String, count: Int)] {
        try connection.transaction { connection throws(StoreError) in
            try connection.query(
                """
                SELECT channel, template, COUNT(*) FROM outbox WHERE \(Self.expiring)
                GROUP BY channel, template ORDER BY channel, template
                """, [.instant(time)], operation: "count the messages to expire"
            ).map { row throws(StoreError) in (try row.value(0, as: Channel.self), try row.text(1), try row.integer(2))
            }
        }
    }

    /// Expires the messages that `pending` counts, and records each.
    ///
    /// Claimed ones too: in a restored database their senders are gone. A live sender loses its lease and records
    /// nothing. Returns how many.
    public func expire(before time: Instant, by operatorName: String) throws(StoreError) -> Int {
        try connection.transaction { connection throws(StoreError) in
            // Locked first, so that what is recorded is what is changed.
            _ = try connection.query(
                "SELECT COUNT(*) FROM outbox WHERE \(Self.expiring) FOR UPDATE", [.instant(time)],
                operation: "lock the messages to expire")
            try connection.execute(
                """
                INSERT INTO operator_actions (operator, action, outbox_id)
                SELECT ?, 'expire', id FROM outbox WHERE \(Self.expiring)
                """, [.text(operatorName), .instant(time)], operation: "record what the operator did")
            let changed = try connection.execute(
                """
                UPDATE outbox SET state = 'expired', finished_at = UTC_TIMESTAMP(6), lease_token = NULL, last_error = ?
                WHERE \(Self.expiring)
                """, [.text("expired by hand"), .instant(time)], operation: "expire messages")
            try connection.commit()
            return changed
        }
    }
}

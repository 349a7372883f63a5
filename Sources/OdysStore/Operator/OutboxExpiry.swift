public import OdysCore

extension OperatorStore {
    /// `outbox.last_error` of a message that was given up so.
    static let expiredByHand = "expired by hand"

    /// The database's clock.
    public func now() throws(StoreError) -> Instant {
        try connection.transaction { connection throws(StoreError) in
            guard let row = try connection.query("SELECT UTC_TIMESTAMP(6)", [], operation: "read the clock").first
            else {
                throw StoreError(kind: .unexpected, operation: "read the clock")
            }
            return try row.instant(0)
        }
    }

    /// Pending messages made before a time, by channel and template.
    public func pending(before time: Instant) throws(StoreError) -> [(channel: Channel, template: String, count: Int)] {
        try connection.transaction { connection throws(StoreError) in
            var found: [(channel: Channel, template: String, count: Int)] = []
            for row in try connection.query(
                """
                SELECT channel, template, COUNT(*) FROM outbox WHERE state = 'pending' AND created_at < ?
                GROUP BY channel, template ORDER BY channel, template
                """, [.instant(time)], operation: "count the messages to expire")
            {
                found.append((try row.value(0, as: Channel.self), try row.text(1), try row.integer(2)))
            }
            return found
        }
    }

    /// Gives up every pending message made before a time: after a restore, when nobody knows which of them were sent.
    ///
    /// A claimed message too: in a restored database its sender is gone, and its lease would only make it due later.
    /// A sender that does live loses its lease by this, and records nothing.
    ///
    /// - Returns: how many were changed; each is recorded.
    public func expire(before time: Instant, by operatorName: String) throws(StoreError) -> Int {
        try connection.transaction { connection throws(StoreError) in
            // Locked first, so that what is recorded is what is changed.
            _ = try connection.query(
                "SELECT id FROM outbox WHERE state = 'pending' AND created_at < ? FOR UPDATE", [.instant(time)],
                operation: "lock the messages to expire")
            try connection.execute(
                """
                INSERT INTO operator_actions (operator, action, outbox_id)
                SELECT ?, 'expire', id FROM outbox WHERE state = 'pending' AND created_at < ?
                """, [.text(operatorName), .instant(time)], operation: "record what the operator did")
            let changed = try connection.execute(
                """
                UPDATE outbox SET state = 'expired', finished_at = UTC_TIMESTAMP(6), lease_token = NULL, last_error = ?
                WHERE state = 'pending' AND created_at < ?
                """, [.text(Self.expiredByHand), .instant(time)], operation: "expire messages")
            try connection.commit()
            return changed
        }
    }
}

public import OdysCore

/// Deletes what nobody needs any more: finished messages past their retention, expired idempotency keys and reply
/// contexts. Some time before that, it empties finished messages of what they said and to whom. In small batches and
/// by primary key, so that it neither holds up nor deadlocks with anybody.
public struct Housekeeping {
    /// Rows of one batch.
    private static let batchRows = 500

    private let connection: Connection

    public init(_ connection: Connection) {
        self.connection = connection
    }

    /// How many rows of each table were deleted, and how many messages were emptied.
    public struct Result: Sendable, Equatable {
        public var messages = 0
        public var emptied = 0
        public var keys = 0
        public var contexts = 0

        public init() {}

        public var total: Int { messages + emptied + keys + contexts }
    }

    /// Deletes at most one batch of each kind.
    ///
    /// - Parameters:
    ///   - retentionDays: how long finished messages are kept.
    ///   - payloadDays: how long their recipients and payloads are.
    public func prune(retentionDays: Int, payloadDays: Int) throws(StoreError) -> Result {
        var result = Result()
        for state in OutboxState.allCases where state != .pending {
            for channel in Channel.allCases {
                result.messages += try pruneBatch(
                    Self.finished, [.text(state.rawValue), .text(channel.rawValue), .integer(retentionDays)],
                    "DELETE FROM outbox WHERE id = ?", operation: "prune messages")
            }
        }
        result.emptied = try pruneBatch(
            Self.unemptied, [.integer(payloadDays)],
            """
            UPDATE outbox SET recipient = '', payload = '{}', emptied_at = UTC_TIMESTAMP(6)
            WHERE id = ? AND state <> 'pending' AND emptied_at IS NULL
            """, operation: "empty messages")
        result.keys = try pruneBatch(
            """
            SELECT actor_hash, key_hash FROM idempotency_keys WHERE expires_at <= UTC_TIMESTAMP(6)
            LIMIT \(Self.batchRows)
            """, [],
            "DELETE FROM idempotency_keys WHERE actor_hash = ? AND key_hash = ? AND expires_at <= UTC_TIMESTAMP(6)",
            operation: "prune idempotency keys")
        result.contexts = try pruneBatch(
            "SELECT phone FROM whatsapp_contexts WHERE expires_at <= UTC_TIMESTAMP(6) LIMIT \(Self.batchRows)", [],
            "DELETE FROM whatsapp_contexts WHERE phone = ? AND expires_at <= UTC_TIMESTAMP(6)",
            operation: "prune reply contexts")
        return result
    }

    /// The index of the claim serves here too: a finished row's `available_at` is about when it was finished.
    static let finished = """
        SELECT id FROM outbox FORCE INDEX (outbox_claim)
        WHERE state = ? AND channel = ? AND available_at < UTC_TIMESTAMP(6) - INTERVAL ? DAY
        ORDER BY available_at, id LIMIT \(batchRows)
        """

    /// A message that was made due again has no `finished_at` any more.
    static let unemptied = """
        SELECT id FROM outbox FORCE INDEX (outbox_finished)
        WHERE emptied_at IS NULL AND finished_at < UTC_TIMESTAMP(6) - INTERVAL ? DAY
        ORDER BY finished_at LIMIT \(batchRows)
        """

    private func pruneBatch(
        _ select: String, _ values: [SQLValue], _ change: String, operation: String
    ) throws(StoreError) -> Int {
        try connection.transaction { connection throws(StoreError) in
            var changed = 0
            for row in try connection.query(select, values, operation: operation) {
                var key: [SQLValue] = []
                for value in row.values {
                    switch value {
                    case .integer(let number): key.append(.integer(number))
                    case .text(let text): key.append(.text(text))
                    case .bytes(let bytes): key.append(.bytes(bytes))
                    case .instant, .null: throw StoreError(kind: .unexpected, operation: operation)
                    }
                }
                changed += try connection.execute(change, key, operation: operation)
            }
            try connection.commit()
            return changed
        }
    }
}

public import OdysCore

/// Deletes finished messages past their retention, expired idempotency keys and reply contexts; before that, the
/// recipients and payloads of finished messages. In small batches by primary key, so that it neither blocks others nor
/// deadlocks.
public struct Housekeeping {
    private static let batchRows = 500

    private let connection: Connection

    public init(_ connection: Connection) { self.connection = connection }

    /// Rows deleted of each table, and messages emptied.
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
    ///   - retentionDays: for finished messages.
    ///   - payloadDays: for their recipients and payloads.
    public func prune(retentionDays: Int, payloadDays: Int) throws(StoreError) -> Result {
        var result = Result()
        for state in OutboxState.allCases where state != .pending {
            for channel in Channel.allCases {
                result.messages += try pruneBatch(
                    Self.finished, [.text(state), .text(channel), .integer(retentionDays)],
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

    /// Uses the claim's index: a finished row's `available_at` is close to `finished_at`.
    static let finished = """
        SELECT id FROM outbox FORCE INDEX (outbox_claim)
        WHERE state = ? AND channel = ? AND available_at < UTC_TIMESTAMP(6) - INTERVAL ? DAY
        ORDER BY available_at, id LIMIT \(batchRows)
        """

    /// A message that was made due again has no `finished_at`.
    static let unemptied = """
        SELECT id FROM outbox FORCE INDEX (outbox_finished)
        WHERE emptied_at IS NULL AND finished_at < UTC_TIMESTAMP(6) - INTERVAL ? DAY
        ORDER BY finished_at LIMIT \(batchRows)
        """

    /// Deletes at most one batch of what operators did before so many days. Needs the account of migrations: the
    /// application's can add to the record, and cannot remove from it.
    public func pruneActions(days: Int) throws(StoreError) -> Int {
        try pruneBatch(
            Self.oldActions, [.integer(days)], "DELETE FROM operator_actions WHERE id = ?",
            operation: "prune what operators did")
    }

    /// Whether `pruneActions` has work.
    public func hasOldActions(days: Int) throws(StoreError) -> Bool {
        try connection.transaction { connection throws(StoreError) in
            try !connection.query(Self.oldActions, [.integer(days)], operation: "look at what operators did").isEmpty
        }
    }

    /// Rows are in the order of time by their key, so the first ones tell.
    static let oldActions = """
        SELECT id FROM (SELECT id, created_at FROM operator_actions ORDER BY id LIMIT \(batchRows)) oldest
        WHERE created_at < UTC_TIMESTAMP(6) - INTERVAL ? DAY
        """

    private func pruneBatch(
        _ select: String, _ values: [SQLValue], _ change: String, operation: String
    ) throws(StoreError) -> Int {
        // The server may have closed the connection since the last time.
        try connection.reconnecting { connection throws(StoreError) in
            try connection.transaction { connection throws(StoreError) in
                var changed = 0
                for row in try connection.query(select, values, operation: operation) {
                    changed += try connection.execute(change, row.values, operation: operation)
                }
                try connection.commit()
                return changed
            }
        }
    }
}

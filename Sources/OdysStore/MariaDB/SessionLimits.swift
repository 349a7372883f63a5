internal import OdysCore

/// What a session may take, and how long.
public struct SessionLimits: Sendable {
    /// Seconds without an answer from the server before it is given up.
    let readSeconds: Int
    let sql: String
    /// Whether a connection is only good with the schema that this program needs.
    let needsSchema: Bool

    /// READ COMMITTED, because under REPEATABLE READ a sender that finds nothing locks the end of the outbox's index
    /// and every enqueueing request waits for it. Strict mode, because a text that does not fit must fail.
    private static let session =
        "SET SESSION autocommit = 0, time_zone = '+00:00',"
        + " sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"

    /// For requests and senders: whatever waits, gives up before the one who waits for it does. The last limit is for
    /// a process that is frozen inside a transaction, on a suspended machine: its locks do not outlast its deadline.
    public static let request = SessionLimits(
        readSeconds: Limits.statementSeconds + 1,
        sql: session + ", innodb_lock_wait_timeout = \(Limits.lockWaitSeconds),"
            + " max_statement_time = \(Limits.statementSeconds), idle_transaction_timeout = \(Limits.requestSeconds)",
        needsSchema: true)

    /// For a look from outside. The schema's version is what it looks for, so it needs none.
    public static let look = SessionLimits(
        readSeconds: Limits.lookStatementSeconds + 1,
        sql: session + ", max_statement_time = \(Limits.lookStatementSeconds)", needsSchema: false)

    /// For changes of the schema, which may rebuild large tables.
    public static let migration = SessionLimits(
        readSeconds: 3_600, sql: session + ", lock_wait_timeout = 60, innodb_lock_wait_timeout = 60",
        needsSchema: false)
}

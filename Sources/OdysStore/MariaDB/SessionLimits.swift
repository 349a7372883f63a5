internal import OdysCore

/// The timeouts of a session.
public struct SessionLimits: Sendable {
    /// Socket timeout.
    let readSeconds: Int
    let sql: String
    /// Whether to refuse a schema older than this program needs.
    let needsSchema: Bool

    /// Strict mode, because a text that does not fit must fail.
    private static let session =
        "SET SESSION autocommit = 0, time_zone = '+00:00',"
        + " sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"

    /// For requests and senders: each timeout is shorter than that of whoever waits for it. The last one ends the
    /// transaction, and the locks, of a process that is frozen.
    public static let request = SessionLimits(
        readSeconds: Limits.statementSeconds + 1,
        sql: session + ", innodb_lock_wait_timeout = \(Limits.lockWaitSeconds),"
            + " max_statement_time = \(Limits.statementSeconds), idle_transaction_timeout = \(Limits.requestSeconds)",
        needsSchema: true)

    /// For checks of the database, whatever its schema.
    public static let look = SessionLimits(
        readSeconds: Limits.lookStatementSeconds + 1,
        sql: session + ", max_statement_time = \(Limits.lookStatementSeconds)", needsSchema: false)

    /// For schema changes, which may rebuild large tables.
    public static let migration = SessionLimits(
        readSeconds: 3_600, sql: session + ", lock_wait_timeout = 60, innodb_lock_wait_timeout = 60",
        needsSchema: false)
}

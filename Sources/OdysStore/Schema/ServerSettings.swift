public import OdysCore

/// The settings of the server that this program depends on.
public struct ServerSettings: Sendable {
    /// Why the server may lose what it has acknowledged when its host dies, for the operator.
    public private(set) var durability: [String] = []
    /// Why it cannot do the work of a request now, for the operator: reads would go on and not notice.
    public private(set) var obstacles: [String] = []

    public init(_ connection: Connection) throws(StoreError) {
        let row = try connection.transaction { connection throws(StoreError) in
            try connection.query(Self.select, operation: "read the server's settings")[0]
        }
        let writesLog = try row.bool(1)
        if ![1, 3].contains(try row.integer(0)) {
            durability.append(
                "MariaDB may lose acknowledged changes when its host dies: set innodb_flush_log_at_trx_commit = 1")
        }
        if writesLog, try row.integer(2) != 1 {
            durability.append(
                "MariaDB's binary log may lack acknowledged changes when its host dies: set sync_binlog = 1")
        }
        if writesLog, try row.text(3) == "STATEMENT" {
            obstacles.append("\(Self.statementFormat): \(Self.statementFormatRemedy)")
        }
        if try row.integer(4) <= 0 {
            obstacles.append("MariaDB prepares no further statement: raise max_prepared_stmt_count")
        }
    }

    /// The format that new sessions get; older ones keep theirs until they connect again.
    private static let select = """
        SELECT CAST(@@innodb_flush_log_at_trx_commit AS SIGNED), CAST(@@log_bin AS SIGNED),
            CAST(@@sync_binlog AS SIGNED), CAST(@@global.binlog_format AS CHAR),
            CAST(@@max_prepared_stmt_count AS SIGNED) - CAST((
                SELECT variable_value FROM information_schema.global_status
                WHERE variable_name = 'PREPARED_STMT_COUNT') AS SIGNED)
        """

    static let statementFormat = "MariaDB writes nothing of READ COMMITTED to a binary log of statements"
    static let statementFormatRemedy = "set binlog_format = MIXED or ROW"
}

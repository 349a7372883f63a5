public import OdysCore

/// Whether the server keeps what it has acknowledged when its host dies.
public enum Durability {
    /// The problems of the server's settings, as texts for the operator.
    public static func problems(_ connection: Connection) throws(StoreError) -> [String] {
        try connection.transaction { connection throws(StoreError) in
            let row = try connection.query(
                """
                SELECT CAST(@@innodb_flush_log_at_trx_commit AS SIGNED), CAST(@@log_bin AS SIGNED),
                    CAST(@@sync_binlog AS SIGNED)
                """, operation: "read the server's settings")[0]
            var problems: [String] = []
            if ![1, 3].contains(try row.integer(0)) {
                problems.append(
                    "MariaDB may lose acknowledged changes when its host dies: set innodb_flush_log_at_trx_commit = 1")
            }
            if try row.integer(1) != 0, try row.integer(2) != 1 {
                problems.append(
                    "MariaDB's binary log may lack acknowledged changes when its host dies: set sync_binlog = 1")
            }
            return problems
        }
    }
}

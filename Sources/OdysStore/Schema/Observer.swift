public import OdysCore

/// Reads what probes and metrics need from the database. Cheap enough for once a second: each query reads the end of an
/// index, or the entries of unfinished messages.
public struct Observer {
    private let connection: Connection

    /// - Parameter connection: made with `SessionLimits.look`.
    public init(_ connection: Connection) {
        self.connection = connection
    }

    public func look() throws(StoreError) -> DatabaseLook {
        try connection.connect()
        let version = try Migrations.schemaVersion(connection)
        let problems = try Durability.problems(connection)
        let outbox = version < Migrations.requiredVersion ? [] : try self.outbox()
        return DatabaseLook(schemaVersion: version, durabilityProblems: problems, outbox: outbox)
    }

    private func outbox() throws(StoreError) -> [DatabaseLook.Outbox] {
        try connection.transaction { connection throws(StoreError) in
            try Channel.allCases.map { channel throws(StoreError) in
                let due = try connection.query(
                    Self.oldestDue, [.text(channel.rawValue)], operation: "look for the oldest due message")
                return DatabaseLook.Outbox(
                    channel: channel, pending: try count(.pending, channel, connection),
                    dead: try count(.dead, channel, connection),
                    oldestDueSeconds: try due.first.map { row throws(StoreError) in Double(try row.integer(0)) / 1e6 })
            }
        }
    }

    private func count(_ state: OutboxState, _ channel: Channel, _ connection: Connection) throws(StoreError) -> Int {
        try connection.query(
            Self.count, [.text(state.rawValue), .text(channel.rawValue)], operation: "count messages")[0].integer(0)
    }

    /// Both in the order of the claim's index. Finished messages are not counted: they are as many as the retention
    /// allows, and the counters of each process tell how many there were.
    static let count = "SELECT COUNT(*) FROM outbox FORCE INDEX (outbox_claim) WHERE state = ? AND channel = ?"

    static let oldestDue = """
        SELECT TIMESTAMPDIFF(MICROSECOND, available_at, UTC_TIMESTAMP(6)) FROM outbox FORCE INDEX (outbox_claim)
        WHERE state = 'pending' AND channel = ? AND available_at <= UTC_TIMESTAMP(6) ORDER BY available_at, id LIMIT 1
        """
}

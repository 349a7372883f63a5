public import OdysCore

/// What was seen of the database.
public struct DatabaseSnapshot: Sendable, Equatable {
    /// The unfinished messages of a channel.
    public struct Outbox: Sendable, Equatable {
        public let channel: Channel
        public let pending: Int
        public let dead: Int
        /// Age of the oldest message that is due and not in flight; nil where none is.
        public let oldestDueSeconds: Double?

        public init(channel: Channel, pending: Int, dead: Int, oldestDueSeconds: Double?) {
            self.channel = channel
            self.pending = pending
            self.dead = dead
            self.oldestDueSeconds = oldestDueSeconds
        }
    }

    public let schemaVersion: Int
    /// What is wrong with the server's settings, in words for the operator.
    public let durabilityProblems: [String]
    /// Empty where the schema is too old to be asked.
    public let outbox: [Outbox]

    public init(schemaVersion: Int, durabilityProblems: [String], outbox: [Outbox]) {
        self.schemaVersion = schemaVersion
        self.durabilityProblems = durabilityProblems
        self.outbox = outbox
    }
}

/// Reads what probes and metrics need from the database. Cheap enough for once a second: each query reads the end of
/// an index, or the entries of unfinished messages.
public struct Observer {
    private let connection: Connection

    /// - Parameter connection: made with `SessionLimits.look`.
    public init(_ connection: Connection) {
        self.connection = connection
    }

    public func look() throws(StoreError) -> DatabaseSnapshot {
        try connection.connect()
        let version = try Migrations.schemaVersion(connection)
        let problems = try Durability.problems(connection)
        let outbox = version < Migrations.requiredVersion ? [] : try self.outbox()
        return DatabaseSnapshot(schemaVersion: version, durabilityProblems: problems, outbox: outbox)
    }

    private func outbox() throws(StoreError) -> [DatabaseSnapshot.Outbox] {
        try connection.transaction { connection throws(StoreError) in
            try Channel.allCases.map { channel throws(StoreError) in
                let due = try connection.query(
                    Self.oldestDue, [.text(channel.rawValue)], operation: "look for the oldest due message")
                return DatabaseSnapshot.Outbox(
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

public import OdysCore

/// What probes and metrics need from the database.
public struct DatabaseSnapshot: Sendable, Equatable {
    /// The unfinished messages of a channel.
    public struct Outbox: Sendable, Equatable {
        public let channel: Channel
        public let pending: Int
        public let dead: Int
        /// Age of the oldest message that is due and not leased; nil where none is.
        public let oldestDueSeconds: Double?
    }

    public let schemaVersion: Int
    /// As `ServerSettings.durability` says.
    public let durabilityProblems: [String]
    /// As `ServerSettings.obstacles` says.
    public var obstacles: [String] = []
    /// Empty where the schema is too old.
    public let outbox: [Outbox]
}

extension DatabaseSnapshot {
    /// Reads it. Cheap enough for once a second: each query reads the end of an index, or the entries of unfinished
    /// messages.
    ///
    /// Once more on a new connection where the old one was lost: a server that has restarted is well.
    ///
    /// - Parameter connection: made with `SessionLimits.look`.
    public init(_ connection: Connection) throws(StoreError) {
        self = try connection.reconnecting { connection throws(StoreError) in
            try DatabaseSnapshot(reading: connection)
        }
    }

    private init(reading connection: Connection) throws(StoreError) {
        try connection.connect()
        schemaVersion = try Migrations.schemaVersion(connection)
        let settings = try ServerSettings(connection)
        durabilityProblems = settings.durability
        obstacles = settings.obstacles
        outbox = schemaVersion < Migrations.requiredVersion ? [] : try Self.outbox(connection)
    }

    private static func outbox(_ connection: Connection) throws(StoreError) -> [Outbox] {
        try connection.transaction { connection throws(StoreError) in
            try Channel.allCases.map { channel throws(StoreError) in
                let due = try connection.query(
                    oldestDue, [.text(channel)], operation: "look for the oldest due message")
                return Outbox(
                    channel: channel, pending: try count(.pending, channel, connection),
                    dead: try count(.dead, channel, connection),
                    oldestDueSeconds: try due.first.map { row throws(StoreError) in Double(try row.integer(0)) / 1e6 })
            }
        }
    }

    private static func count(
        _ state: OutboxState, _ channel: Channel, _ connection: Connection
    ) throws(StoreError) -> Int {
        try connection.query(count, [.text(state), .text(channel)], operation: "count messages")[0].integer(0)
    }

    /// Finished messages are not counted: too many; the counters of each process have them.
    static let count = "SELECT COUNT(*) FROM outbox FORCE INDEX (outbox_claim) WHERE state = ? AND channel = ?"

    static let oldestDue = """
        SELECT TIMESTAMPDIFF(MICROSECOND, available_at, UTC_TIMESTAMP(6)) FROM outbox FORCE INDEX (outbox_claim)
        WHERE state = 'pending' AND channel = ? AND available_at <= UTC_TIMESTAMP(6) ORDER BY available_at, id LIMIT 1
        """
}

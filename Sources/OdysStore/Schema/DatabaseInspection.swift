public import OdysCore

/// The state of the server, and of the account that logs in there.
public struct DatabaseInspection: Sendable {
    public let serverVersion: String
    public let schemaVersion: Int
    /// The rights that the program needs and the account lacks, such as `INSERT on outbox`.
    public let missingGrants: [String]
    public let settings: ServerSettings
    /// What of the tables is not what the statements of this program need.
    public let deviations: [SchemaDeviation]
    /// The server's clock.
    public let now: Instant
    /// Where the server keeps its data, on its own host.
    public let dataDirectory: String

    /// A schema that is too old is not an error.
    public init(_ settings: DatabaseSettings) throws(StoreError) {
        let connection = Connection(settings, limits: .look)
        try connection.connect()
        schemaVersion = try Migrations.schemaVersion(connection)
        self.settings = try ServerSettings(connection)
        (serverVersion, dataDirectory, now) = try connection.transaction { connection throws(StoreError) in
            let row = try connection.query(
                "SELECT VERSION(), @@datadir, UTC_TIMESTAMP(6)", operation: "read the server's version and clock")[0]
            return (try row.text(0), try row.text(1), try row.instant(2))
        }
        let missing = try Grants.missing(connection, schemaVersion: schemaVersion)
        missingGrants = missing
        // What may not be read does not show.
        deviations = try SchemaDeviation.all(connection).filter { missing.isEmpty || !$0.isAbsence }
    }

    /// Whether this program works with a server of this version.
    public static func isSupported(_ version: String) -> Bool {
        let parts = version.split(separator: ".")
        guard version.contains("MariaDB"), parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1])
        else { return false }
        return (major, minor) >= (10, 11)
    }
}

internal import Crypto
public import OdysCore

/// One file of `sql/`.
public struct Migration: Sendable, Equatable {
    public let version: Int
    public let name: String
    public let sql: String

    /// SHA-256 of the file, in hexadecimal digits.
    public var checksum: String {
        SHA256.hash(data: Array(sql.utf8)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}

extension Migration {
    /// From a file's name, such as `0001_platform.sql`; nil where it is not a migration's.
    public init?(fileName: String, sql: String) {
        guard fileName.hasSuffix(".sql") else { return nil }
        let parts = fileName.dropLast(4).split(separator: "_", maxSplits: 1)
        guard parts.count == 2, parts[0].utf8.count == 4, let version = Int(parts[0]) else { return nil }
        self.init(version: version, name: String(parts[1]), sql: sql)
    }

    fileprivate var label: String { "\(version)_\(name)" }
}

/// Brings the schema up to date, and reports its state.
public struct Migrations {
    /// The oldest schema that this program works with.
    public static let requiredVersion = 5

    private let connection: Connection

    public init(_ connection: Connection) { self.connection = connection }

    public enum State: String, Sendable {
        case applied, pending
        /// Applied by hand, so the checksum is unknown. `up` runs the file again.
        case unverified
        /// The file is not the one that was applied.
        case changed
    }

    /// The newest version that the schema has; 0 where there is none.
    public static func schemaVersion(_ connection: Connection) throws(StoreError) -> Int {
        try record(orElse: 0) { () throws(StoreError) in
            try connection.transaction { connection throws(StoreError) in
                guard try isRecorded(connection) else { return 0 }
                return try connection.query(
                    """
                    SELECT CAST(COALESCE(MAX(IF(checksum IS NULL, version, version)), 0) AS SIGNED)
                    FROM schema_migrations
                    """, operation: "read the schema's version")[0].integer(0)
            }
        }
    }

    /// What is read of the table of migrations. One without our columns is that of a framework, and records nothing.
    private static func record<Value>(
        orElse none: Value, _ read: () throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        do throws(StoreError) { return try read() } catch {
            guard error.isOfMissingColumn else { throw error }
            return none
        }
    }

    /// Whether the table of migrations exists. Asked first, since an error would close the connection and release the
    /// migration lock. Not by the list of columns, for which a full disk has no room.
    private static func isRecorded(_ connection: Connection) throws(StoreError) -> Bool {
        try !connection.query(
            """
            SELECT 1 FROM information_schema.tables
            WHERE table_schema = DATABASE() AND table_name = 'schema_migrations'
            """, operation: "look for the applied migrations"
        ).isEmpty
    }

    public func status(_ migrations: [Migration]) throws(StoreError) -> [(migration: Migration, state: State)] {
        let applied = try checksums()
        return migrations.map { migration in
            switch applied[migration.version] {
            case nil: (migration, .pending)
            case .some(nil): (migration, .unverified)
            case .some(let checksum): (migration, checksum == migration.checksum ? .applied : .changed)
            }
        }
    }

    /// Applies what is missing, in order, under a lock that all hosts share.
    ///
    /// - Parameter report: called after each file.
    public func up(_ migrations: [Migration], report: (Migration) -> Void) throws(StoreError) {
        try connection.connect()
        let taken = try connection.query("SELECT GET_LOCK('odys_migrate', 30)", operation: "take the migration lock")
        guard try taken[0].integer(0) == 1 else {
            throw StoreError(kind: .timeout, operation: "wait for another migration to end")
        }
        try checkSchema()
        for (migration, state) in try status(migrations) {
            switch state {
            case .applied: continue
            case .changed:
                throw StoreError(
                    kind: .schema, operation: "check \(migration.label), which was changed after it was applied")
            case .pending, .unverified:
                try apply(migration)
                report(migration)
            }
        }
        _ = try connection.query("SELECT RELEASE_LOCK('odys_migrate')", operation: "release the migration lock")
        try connection.commit()
    }

    /// What of the tables is not what this program needs.
    public func deviations() throws(StoreError) -> [SchemaDeviation] { try SchemaDeviation.all(connection) }

    /// Refuses tables that deviate: a migration would fail midway, or requests afterwards.
    private func checkSchema() throws(StoreError) {
        let deviations = try deviations()
        guard !deviations.isEmpty else { return }
        throw StoreError(
            kind: .schema, operation: "look at the tables before anything is changed",
            cause: StoreError.Cause(
                "these deviate" + deviations.map { "\n  \($0)\n    \($0.remedy)" }.joined(),
                "nothing was changed; docs/DEPLOY.md says why each is needed and how it is mended"))
    }

    private func apply(_ migration: Migration) throws(StoreError) {
        let file = migration.label
        try connection.executeScript(migration.sql, operation: "apply \(file)")
        let recorded = try connection.execute(
            "UPDATE schema_migrations SET checksum = ? WHERE version = ?",
            [.text(migration.checksum), .integer(migration.version)], operation: "record \(file)")
        guard recorded == 1 else {
            throw StoreError(kind: .schema, operation: "record \(file), which does not record its own version")
        }
        try connection.commit()
    }

    private func checksums() throws(StoreError) -> [Int: String?] {
        try Self.record(orElse: [:]) { () throws(StoreError) in
            try connection.transaction { connection throws(StoreError) in
                guard try Self.isRecorded(connection) else { return [:] }
                let rows = try connection.query(
                    "SELECT version, checksum FROM schema_migrations", operation: "read the applied migrations"
                ).map { row throws(StoreError) in (try row.integer(0), try row.optionalText(1)) }
                return Dictionary(uniqueKeysWithValues: rows)
            }
        }
    }
}

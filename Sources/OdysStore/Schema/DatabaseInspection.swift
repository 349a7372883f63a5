public import OdysCore

/// What an operator has to know of the server and of the account that logs in there. It changes nothing.
public struct DatabaseInspection: Sendable {
    public let serverVersion: String
    public let schemaVersion: Int
    /// What the account may not do although the program needs it, such as `INSERT on outbox`.
    public let missingGrants: [String]
    /// What is wrong with the server's durability, in words for the operator.
    public let durability: [String]
    /// The server's clock.
    public let now: Instant
    /// Where the server keeps its data, on its own host.
    public let dataDirectory: String

    /// Logs in and looks. A schema that is too old is a finding, no failure.
    public init(_ settings: DatabaseSettings) throws(StoreError) {
        let connection = Connection(settings, limits: .look)
        try connection.connect()
        schemaVersion = try Migrations.schemaVersion(connection)
        durability = try Durability.problems(connection)
        (serverVersion, dataDirectory, now) = try connection.transaction { connection throws(StoreError) in
            let row = try connection.query(
                "SELECT VERSION(), @@datadir, UTC_TIMESTAMP(6)", [], operation: "read the server's version and clock")[
                    0]
            return (try row.text(0), try row.text(1), try row.instant(2))
        }
        var missing: [String] = []
        if schemaVersion >= Migrations.requiredVersion {
            for (grant, statement) in Self.needs where try !Self.isAllowed(statement, connection) {
                missing.append(grant)
            }
        }
        missingGrants = missing
    }

    /// Whether this program works with a server of this version.
    public static func isSupported(_ version: String) -> Bool {
        let parts = version.split(separator: ".")
        guard version.contains("MariaDB"), parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1])
        else { return false }
        return (major, minor) >= (10, 11)
    }

    /// The server checks an account's rights before it looks at a row, and no row is looked at.
    private static func isAllowed(_ statement: String, _ connection: Connection) throws(StoreError) -> Bool {
        do throws(StoreError) {
            try connection.transaction { connection throws(StoreError) in
                _ = try connection.query(statement, [], operation: "try a grant")
            }
            return true
        } catch {
            // ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR
            guard error.code == 1142 || error.code == 1143 else {
                if error.invalidatesConnection { throw error }
                return true
            }
            return false
        }
    }

    /// What the responders and `odysctl` do to each table.
    private static let needs: [(String, String)] = [
        ("SELECT on schema_migrations", "SELECT version FROM schema_migrations WHERE FALSE"),
        ("SELECT on professionals", "SELECT id FROM professionals WHERE FALSE"),
        ("SELECT on clients", "SELECT id FROM clients WHERE FALSE"),
        ("SELECT on appointments", "SELECT id FROM appointments WHERE FALSE"),
        ("UPDATE on appointments", "UPDATE appointments SET status = 'confirmed' WHERE FALSE"),
        ("INSERT on notifications", "INSERT INTO notifications (title) SELECT 'x' FROM DUAL WHERE FALSE"),
        ("SELECT on appointment_events", "SELECT version FROM appointment_events WHERE FALSE"),
        ("INSERT on appointment_events", "INSERT INTO appointment_events (version) SELECT 1 FROM DUAL WHERE FALSE"),
        ("SELECT on outbox", "SELECT id FROM outbox WHERE FALSE"),
        ("INSERT on outbox", "INSERT INTO outbox (recipient) SELECT 'x' FROM DUAL WHERE FALSE"),
        ("UPDATE on outbox", "UPDATE outbox SET attempts = 1 WHERE FALSE"),
        ("DELETE on outbox", "DELETE FROM outbox WHERE FALSE"),
        ("SELECT on idempotency_keys", "SELECT status FROM idempotency_keys WHERE FALSE"),
        ("INSERT on idempotency_keys", "INSERT INTO idempotency_keys (status) SELECT 1 FROM DUAL WHERE FALSE"),
        ("UPDATE on idempotency_keys", "UPDATE idempotency_keys SET status = 1 WHERE FALSE"),
        ("DELETE on idempotency_keys", "DELETE FROM idempotency_keys WHERE FALSE"),
        ("SELECT on whatsapp_contexts", "SELECT phone FROM whatsapp_contexts WHERE FALSE"),
        ("INSERT on whatsapp_contexts", "INSERT INTO whatsapp_contexts (phone) SELECT 'x' FROM DUAL WHERE FALSE"),
        ("UPDATE on whatsapp_contexts", "UPDATE whatsapp_contexts SET phone = 'x' WHERE FALSE"),
        ("DELETE on whatsapp_contexts", "DELETE FROM whatsapp_contexts WHERE FALSE"),
        ("SELECT on channel_rate", "SELECT channel FROM channel_rate WHERE FALSE"),
        ("UPDATE on channel_rate", "UPDATE channel_rate SET next_at = UTC_TIMESTAMP(6) WHERE FALSE"),
        ("INSERT on operator_actions", "INSERT INTO operator_actions (operator) SELECT 'x' FROM DUAL WHERE FALSE"),
    ]
}

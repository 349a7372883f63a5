internal import OdysCore

/// The rights of the application's user: exactly what the statements of this program need. `odysctl migrate grants`
/// prints them, and `odysctl doctor` tries each.
public enum Grants {
    private struct Privilege {
        enum Verb: String {
            case select = "SELECT"
            case insert = "INSERT"
            case update = "UPDATE"
            case delete = "DELETE"
        }

        let verb: Verb
        /// Empty: of the whole table.
        var columns: [String] = []

        static let select = Privilege(verb: .select)
        static let insert = Privilege(verb: .insert)
        static let delete = Privilege(verb: .delete)
        static func select(_ columns: [String]) -> Privilege { Privilege(verb: .select, columns: columns) }
        static func update(_ columns: [String]) -> Privilege { Privilege(verb: .update, columns: columns) }

        var sql: String { verb.rawValue + (columns.isEmpty ? "" : " (\(columns.joined(separator: ", ")))") }
    }

    private static let rights: KeyValuePairs<String, [Privilege]> = [
        // Of the platform's tables only what is used: not notes, keys for payments or what comes later.
        migrations: [.select],
        "professionals": [.select(["id", "user_id", "name", "slug", "phone", "profession", "session_price"])],
        "clients": [.select(["id", "user_id", "professional_id", "name", "phone", "email"])],
        "appointments": [
            .select([
                "id", "professional_id", "client_id", "starts_at", "ends_at", "status", "payment_status", "version",
                "created_at", "updated_at",
            ]), .update(["status", "payment_status", "version", "updated_at"]),
        ],
        "notifications": [.insert], "appointment_events": [.select, .insert],
        "outbox": [
            .select, .insert,
            .update([
                "recipient", "payload", "state", "attempts", "lost_claims", "unclear", "available_at", "expires_at",
                "lease_token", "provider_id", "last_error", "finished_at", "emptied_at",
            ]), .delete,
        ], "idempotency_keys": [.select, .insert, .update(["status", "etag", "body"]), .delete],
        // Of INSERT … SELECT … ON DUPLICATE KEY UPDATE, MariaDB checks every inserted column, the key too.
        "whatsapp_contexts": [
            .select, .insert, .update(["phone", "professional_id", "appointment_id", "expires_at"]), .delete,
        ], "channel_rate": [.select, .update(["next_at"])], "operator_actions": [.select, .insert],
    ]
    private static let migrations = "schema_migrations"

    /// One statement for each table. The tables must exist, and so must the user.
    public static func statements(database: String, user: String, host: String) -> [String] {
        rights.map { table, privileges in
            "GRANT \(privileges.map(\.sql).joined(separator: ", ")) ON \(identifier(database)).\(identifier(table))"
                + " TO \(text(user))@\(text(host))"
        }
    }

    /// The rights that the account of a connection lacks, such as `INSERT on outbox` or `UPDATE (state) on outbox`.
    ///
    /// - Parameter schemaVersion: an older schema may lack a column; then only the right to read its version is tried.
    static func missing(_ connection: Connection, schemaVersion: Int) throws(StoreError) -> [String] {
        var missing: [String] = []
        for (table, privileges) in rights where schemaVersion >= Migrations.requiredVersion || table == migrations {
            for privilege in privileges {
                if let lacking = try lacking(privilege, table, connection) { missing.append("\(lacking) on \(table)") }
            }
        }
        return missing
    }

    /// The privilege, or its columns, that the account lacks; nil where it has all.
    private static func lacking(
        _ privilege: Privilege, _ table: String, _ connection: Connection
    ) throws(StoreError) -> String? {
        func probe(_ column: String) -> String {
            switch privilege.verb {
            case .select: "SELECT \(column) FROM \(table) WHERE FALSE"
            // The column count may be wrong, since rights are checked first.
            case .insert: "INSERT INTO \(table) SELECT NULL FROM DUAL WHERE FALSE"
            case .update: "UPDATE \(table) SET \(column) = NULL WHERE FALSE"
            case .delete: "DELETE FROM \(table) WHERE FALSE"
            }
        }
        let columns = privilege.columns.isEmpty ? ["*"] : privilege.columns
        var denied: [String] = []
        for column in columns where try isDenied(probe(column), connection) { denied.append(column) }
        if denied.isEmpty { return nil }
        return denied == columns ? privilege.verb.rawValue : Privilege(verb: privilege.verb, columns: denied).sql
    }

    /// The server checks rights first; no row is read or changed.
    private static func isDenied(_ statement: String, _ connection: Connection) throws(StoreError) -> Bool {
        do throws(StoreError) {
            try connection.transaction { connection throws(StoreError) in
                _ = try connection.query(statement, operation: "try a grant")
            }
            return false
        } catch {
            // A table that does not exist is not a missing right.
            if !error.isDenied, error.invalidatesConnection, error.kind != .schema { throw error }
            return error.isDenied
        }
    }

    private static func identifier(_ name: String) -> String { "`\(doubling("`", in: name))`" }

    private static func text(_ value: String) -> String { "'\(doubling("\\'", in: value))'" }

    /// By scalars: to `replacing`, a quote with a combining mark behind it is another character.
    private static func doubling(_ special: String, in text: String) -> String {
        var doubled = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if special.unicodeScalars.contains(scalar) { doubled.append(scalar) }
            doubled.append(scalar)
        }
        return String(doubled)
    }
}

internal import OdysCore

/// What the application's user may do: what the statements of this program need, table by table, and nothing else. No
/// DDL, no files, no other schema; of the platform's tables, only the columns that an action changes.
///
/// This is the only list: `odysctl migrate grants` prints it, and `odysctl doctor` tries each of its rights.
public enum Grants {
    private enum Privilege {
        case select, insert, delete
        case update([String])

        var sql: String {
            switch self {
            case .select: "SELECT"
            case .insert: "INSERT"
            case .delete: "DELETE"
            case .update(let columns): "UPDATE (\(columns.joined(separator: ", ")))"
            }
        }
    }

    private static let rights: [(table: String, privileges: [Privilege])] = [
        (migrations, [.select]),
        ("professionals", [.select]),
        ("clients", [.select]),
        ("appointments", [.select, .update(["status", "payment_status", "version", "updated_at"])]),
        ("notifications", [.insert]),
        ("appointment_events", [.select, .insert]),
        (
            "outbox",
            [
                .select, .insert,
                .update([
                    "recipient", "payload", "state", "attempts", "lost_claims", "unclear", "available_at", "expires_at",
                    "lease_token", "provider_id", "last_error", "finished_at", "emptied_at",
                ]),
                .delete,
            ]
        ),
        ("idempotency_keys", [.select, .insert, .update(["status", "etag", "body"]), .delete]),
        (
            // Of INSERT … SELECT … ON DUPLICATE KEY UPDATE, MariaDB checks every inserted column, the key too.
            "whatsapp_contexts",
            [.select, .insert, .update(["phone", "professional_id", "appointment_id", "expires_at"]), .delete]
        ),
        ("channel_rate", [.select, .update(["next_at"])]),
        ("operator_actions", [.select, .insert]),
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
    /// - Parameter schemaVersion: where the tables are older than this program, they may lack a column or a grant
    ///   that the next migration brings; then only the right to read that version is tried.
    static func missing(_ connection: Connection, schemaVersion: Int) throws(StoreError) -> [String] {
        var missing: [String] = []
        for (table, privileges) in rights where schemaVersion >= Migrations.requiredVersion || table == migrations {
            for privilege in privileges {
                if let lacking = try lacking(privilege, table, connection) { missing.append("\(lacking) on \(table)") }
            }
        }
        return missing
    }

    /// The privilege, or the columns of it, that the account does not have; nil where it has all.
    private static func lacking(
        _ privilege: Privilege, _ table: String, _ connection: Connection
    ) throws(StoreError) -> String? {
        let probe: String
        switch privilege {
        case .select: probe = "SELECT * FROM \(table) WHERE FALSE"
        // The number of columns is wrong on purpose: rights are checked first, and no column has to be named.
        case .insert: probe = "INSERT INTO \(table) SELECT NULL FROM DUAL WHERE FALSE"
        case .delete: probe = "DELETE FROM \(table) WHERE FALSE"
        case .update(let columns):
            var denied: [String] = []
            for column in columns
            where try isDenied("UPDATE \(table) SET \(column) = NULL WHERE FALSE", connection) {
                denied.append(column)
            }
            if denied.isEmpty { return nil }
            return denied == columns ? "UPDATE" : Privilege.update(denied).sql
        }
        return try isDenied(probe, connection) ? privilege.sql : nil
    }

    /// The server checks an account's rights before anything else; no row is read or changed.
    private static func isDenied(_ statement: String, _ connection: Connection) throws(StoreError) -> Bool {
        do throws(StoreError) {
            try connection.transaction { connection throws(StoreError) in
                _ = try connection.query(statement, [], operation: "try a grant")
            }
            return false
        } catch {
            // ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR
            if error.code == 1142 || error.code == 1143 { return true }
            // A table that does not exist is not a missing right.
            if error.invalidatesConnection, error.kind != .schema { throw error }
            return false
        }
    }

    private static func identifier(_ name: String) -> String { "`\(name.replacing("`", with: "``"))`" }

    private static func text(_ value: String) -> String {
        "'\(value.replacing("\\", with: "\\\\").replacing("'", with: "''"))'"
    }
}

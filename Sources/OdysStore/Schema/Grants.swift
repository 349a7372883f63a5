/// What the application's user may do: what the statements of this program need, table by table, and nothing else. No
/// DDL, no files, no other schema; of the platform's tables, only the columns that an action changes.
public enum Grants {
    private static let rights: [(table: String, privileges: [String])] = [
        ("schema_migrations", ["SELECT"]),
        ("professionals", ["SELECT"]),
        ("clients", ["SELECT"]),
        ("appointments", ["SELECT", update("status", "payment_status", "version", "updated_at")]),
        ("notifications", ["INSERT"]),
        ("appointment_events", ["SELECT", "INSERT"]),
        (
            "outbox",
            [
                "SELECT", "INSERT",
                update(
                    "recipient", "payload", "state", "attempts", "lost_claims", "unclear", "available_at", "expires_at",
                    "lease_token", "provider_id", "last_error", "finished_at", "emptied_at"),
                "DELETE",
            ]
        ),
        ("idempotency_keys", ["SELECT", "INSERT", update("status", "etag", "body"), "DELETE"]),
        (
            // Of INSERT … SELECT … ON DUPLICATE KEY UPDATE, MariaDB checks every inserted column, the key too.
            "whatsapp_contexts",
            ["SELECT", "INSERT", update("phone", "professional_id", "appointment_id", "expires_at"), "DELETE"]
        ),
        ("channel_rate", ["SELECT", update("next_at")]),
        ("operator_actions", ["SELECT", "INSERT"]),
    ]

    /// One statement for each table. The tables must exist, and so must the user.
    public static func statements(database: String, user: String, host: String) -> [String] {
        rights.map { table, privileges in
            "GRANT \(privileges.joined(separator: ", ")) ON \(identifier(database)).\(identifier(table))"
                + " TO \(text(user))@\(text(host))"
        }
    }

    private static func update(_ columns: String...) -> String { "UPDATE (\(columns.joined(separator: ", ")))" }

    private static func identifier(_ name: String) -> String { "`\(name.replacing("`", with: "``"))`" }

    private static func text(_ value: String) -> String {
        "'\(value.replacing("\\", with: "\\\\").replacing("'", with: "''"))'"
    }
}

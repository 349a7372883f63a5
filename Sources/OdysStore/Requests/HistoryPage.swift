internal import OdysCore

/// The newest events and messages of an appointment, or the newest before a version. Others insert messages too, as
/// many as they like, so every list is read along an index from its new end, and only so far.
struct HistoryPage {
    let id: AppointmentID
    /// Versions below this one are shown.
    let below: Int
    /// Messages of other programs have no version. The newest of them are on the newest page.
    let isNewest: Bool

    private static let rowsMax = Limits.historyRowsMax

    static let events = """
        SELECT version, action, actor_role, actor_user_id, reason, from_status, to_status, from_payment_status,
            to_payment_status, created_at
        FROM appointment_events WHERE appointment_id = ? AND version < ? ORDER BY version DESC LIMIT \(rowsMax + 1)
        """

    var eventValues: [SQLValue] { [.id(id), .integer(below)] }

    /// The messages to these roles, in the columns of `outbox o`. Each role has a part for messages with a version and
    /// one for those without, since an index keeps the order only within each. Left to itself, the server would
    /// sometimes read the whole table from its end. Rows are only read of the messages that are shown.
    static func messages(to roles: [Role], _ columns: String) -> String {
        func part(_ role: Role, _ condition: String, _ order: String) -> String {
            """
            (SELECT id, created_at FROM outbox FORCE INDEX (outbox_history)
                WHERE appointment_id = ? AND recipient_role = '\(role.rawValue)' AND \(condition)
                ORDER BY \(order) LIMIT \(rowsMax + 1))
            """
        }
        let parts = roles.flatMap { role in
            [
                part(role, "appointment_version < ?", "appointment_version DESC"),
                part(role, "appointment_version IS NULL AND ?", "created_at DESC, id DESC"),
            ]
        }
        return """
            SELECT \(columns)
            FROM (
                SELECT id FROM (\(parts.joined(separator: "\nUNION ALL\n"))) candidates
                ORDER BY created_at DESC, id DESC LIMIT \(rowsMax + 1)
            ) newest STRAIGHT_JOIN outbox o ON o.id = newest.id
            ORDER BY o.created_at DESC, o.id DESC
            """
    }

    func messageValues(to roles: [Role]) -> [SQLValue] {
        roles.flatMap { _ in eventValues + [.id(id), .integer(isNewest ? 1 : 0)] }
    }

    /// What is shown of rows that come newest first: the newest, oldest first.
    static func shown<Element>(_ newestFirst: [Element]) -> (rows: [Element], hasMore: Bool) {
        (newestFirst.prefix(rowsMax).reversed(), newestFirst.count > rowsMax)
    }
}

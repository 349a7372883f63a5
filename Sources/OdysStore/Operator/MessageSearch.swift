public import OdysCore

/// Whose messages to look for.
public enum Addressee: Sendable, Equatable {
    /// Digits, as `Phone.normalise` makes them.
    case phone(String)
    case email(String)
    /// Of a client, a professional, a user, an appointment or a message.
    case id(String)

    /// Nil where the text is none of these.
    public init?(typed text: String) {
        if text.isEmpty || text.utf8.count > 254 {
            return nil
        } else if text.contains("@") {
            self = .email(text)
        } else if AppointmentID(text) == nil, let digits = Phone.normalise(text) {
            self = .phone(digits)
        } else {
            self = .id(text)
        }
    }

    /// For LIKE: however a number is written, it ends with these digits. Longer ones are found too.
    static func pattern(of digits: String) -> String { "%" + digits.suffix(8).map { "\($0)%" }.joined() }
}

extension OutboxAdmin {
    /// The messages to somebody, sent or not, the newest first.
    ///
    /// - Parameter operatorName: who sees recipients in full, which is recorded; nil where nobody does.
    public func messages(
        to addressee: Addressee, state: OutboxState?, withinHours hours: Int?, limit: Int,
        revealingTo operatorName: String? = nil
    ) throws(StoreError) -> [OutboxEntry] {
        try connection.transaction { connection throws(StoreError) in
            let filter: [SQLValue] = [.text(state), .text(state), .integer(hours), .integer(hours)]
            var entries: [OutboxEntry] = []
            var found: [OutboxEntry] = []
            repeat {
                let last = found.last?.id ?? .max
                found = try rows(to: addressee, filter + [.integer(last)]).map(OutboxEntry.init)
                entries += found.filter { entry in
                    // The pattern also finds longer numbers with the same last digits.
                    if case .phone(let digits) = addressee { Phone.normalise(entry.recipient) == digits } else { true }
                }
            } while entries.count < limit && found.count == Limits.searchRows
            entries = Array(entries.prefix(limit))
            try connection.recordReveal(of: entries, to: operatorName)
            return entries
        }
    }

    private func rows(to addressee: Addressee, _ filter: [SQLValue]) throws(StoreError) -> [Row] {
        switch addressee {
        case .phone(let digits):
            return try connection.query(
                Self.select + "WHERE o.channel = 'whatsapp' AND o.recipient LIKE ? \(Self.condition)",
                [.text(Addressee.pattern(of: digits))] + filter, operation: "look for the phone")
        case .email(let address):
            // Case-insensitive by the column's collation.
            return try connection.query(
                Self.select + "WHERE o.channel = 'email' AND o.recipient = ? \(Self.condition)",
                [.text(address)] + filter, operation: "look for the address")
        case .id(let id):
            // Comparing a UUID column with another text is an error.
            let uuid = SQLValue.text(AppointmentID(id)?.description)
            return try connection.query(
                Self.byID, [uuid, uuid, uuid, .text(id), uuid, .text(id)] + filter, operation: "look for the id")
        }
    }

    private static let condition = """
        AND (? IS NULL OR o.state = ?) AND (? IS NULL OR o.created_at >= UTC_TIMESTAMP(6) - INTERVAL ? HOUR)
            AND o.id < ?
        ORDER BY o.id DESC LIMIT \(Limits.searchRows)
        """

    private static let select = "SELECT \(OutboxEntry.columns) FROM outbox o "

    /// By way of the appointments: also finds messages whose recipient was emptied or has changed.
    static let byID = """
        SELECT \(OutboxEntry.columns)
        FROM (
            SELECT id FROM outbox WHERE message_uid = ?
            UNION SELECT id FROM outbox WHERE appointment_id = ?
            UNION SELECT o.id FROM clients c JOIN appointments a ON a.client_id = c.id
                JOIN outbox o ON o.appointment_id = a.id AND o.recipient_role = 'client'
                WHERE c.id = ? OR c.user_id = ?
            UNION SELECT o.id FROM professionals p JOIN appointments a ON a.professional_id = p.id
                JOIN outbox o ON o.appointment_id = a.id AND o.recipient_role = 'professional'
                WHERE p.id = ? OR p.user_id = ?
        ) found STRAIGHT_JOIN outbox o ON o.id = found.id
        WHERE TRUE \(condition)
        """
}

public import OdysCore

/// What the database holds about one client beside the platform's own rows: for a person who wants to see it, or to be
/// forgotten. Found by their appointments, so it holds what either party was sent.
///
/// It needs the account of migrations: the application's can neither read nor delete notifications, nor change events.
public struct PersonStore {
    let connection: Connection

    /// - Parameter connection: made with `SessionLimits.migration`, since a person may have many rows.
    public init(_ connection: Connection) { self.connection = connection }

    /// What an erasure changes.
    public struct Erasure: Sendable, Equatable {
        /// Emptied of recipient, payload and the provider's words.
        public var messages = 0
        /// Of these, so many were not sent yet, and never will be.
        public var pending = 0
        /// Deleted, those to the professional too.
        public var notifications = 0
        /// Emptied of the reason, and of the client's user id where the client acted.
        public var events = 0
        /// Stored responses, deleted.
        public var answers = 0
        /// Reply contexts, deleted.
        public var contexts = 0
        /// What operators wrote about these messages, emptied.
        public var remarks = 0
        /// Further rows of `clients` with the same user id: the same person with other professionals.
        public let otherClients: [String]
    }

    /// Erases what is held about a client, in one transaction, and records who did it.
    ///
    /// The client's own row and their appointments are the platform's, and stay. A message that is being handed to a
    /// provider at this moment still arrives; its sender has lost the lease and records nothing.
    ///
    /// - Parameter operatorName: nil for a dry run, which is the same transaction, rolled back.
    /// - Returns: nil where there is no such client.
    public func erase(_ id: AppointmentID, by operatorName: String?) throws(StoreError) -> Erasure? {
        try connection.transaction { connection throws(StoreError) in
            guard let client = try client(id) else { return nil }
            // An action that is under way ends first, and its rows are found then.
            _ = try connection.query(
                "SELECT id FROM appointments WHERE client_id = ? FOR UPDATE", [.id(id)],
                operation: "lock the appointments")
            var erasure = Erasure(otherClients: try others(of: client))
            for message in try messages(about: client) {
                let row = [SQLValue.integer(message.id)]
                erasure.messages += try connection.execute(Self.emptying, row, operation: "empty a message")
                if message.state == .pending { erasure.pending += 1 }
                erasure.remarks += try connection.execute(
                    "UPDATE operator_actions SET detail = NULL WHERE outbox_id = ? AND detail IS NOT NULL", row,
                    operation: "empty what operators wrote")
            }
            // Read first: without an index, a DELETE would lock the rows of others.
            for row in try connection.query(Self.notifications, [.id(id)], operation: "look for notifications") {
                erasure.notifications += try connection.execute(
                    "DELETE FROM notifications WHERE id = ?", row.values, operation: "delete a notification")
            }
            for row in try connection.query(Self.answers, [.id(id)], operation: "look for stored responses") {
                erasure.answers += try connection.execute(
                    "DELETE FROM idempotency_keys WHERE actor_hash = ? AND key_hash = ?", row.values,
                    operation: "delete a stored response")
            }
            erasure.contexts = try connection.execute(
                """
                DELETE w FROM whatsapp_contexts w JOIN appointments a ON a.id = w.appointment_id WHERE a.client_id = ?
                """, [.id(id)], operation: "delete reply contexts")
            erasure.events = try connection.execute(Self.emptyingEvents, [.id(id)], operation: "empty events")
            guard let operatorName else { return erasure }
            try connection.record("erase", of: nil, by: operatorName, detail: "client \(id)")
            try connection.commit()
            return erasure
        }
    }

    /// It has no payload any more, so no sender takes it, and `outbox retry` refuses it.
    private static let emptying = """
        UPDATE outbox SET recipient = '', payload = '{}', provider_id = NULL,
            last_error = IF(state = 'pending', 'erased', NULL), lease_token = NULL,
            finished_at = COALESCE(finished_at, UTC_TIMESTAMP(6)), emptied_at = COALESCE(emptied_at, UTC_TIMESTAMP(6)),
            state = IF(state = 'pending', 'dead', state)
        WHERE id = ?
        """

    private static let emptyingEvents = """
        UPDATE appointment_events e JOIN appointments a ON a.id = e.appointment_id
        SET e.reason = NULL, e.actor_user_id = IF(e.actor_role = 'client', 'erased', e.actor_user_id),
            e.request_id = IF(e.actor_role = 'client', 'erased', e.request_id)
        WHERE a.client_id = ? AND (e.reason IS NOT NULL OR e.actor_role = 'client')
        """

    private static let notifications = """
        SELECT n.id FROM notifications n JOIN appointments a ON a.id = n.appointment_id WHERE a.client_id = ?
        """

    private static let answers = "SELECT k.actor_hash, k.key_hash " + answersOfClient

    /// The responses hold no client; only a key's hash would tell who has sent it.
    static let answersOfClient = """
        FROM idempotency_keys k JOIN appointments a ON a.id = CAST(JSON_VALUE(k.body, '$.appointment.id') AS UUID)
        WHERE a.client_id = ?
        """
}

/// The platform's row of a client, as far as it tells which messages are about them.
struct PersonRow {
    let id: AppointmentID
    let name: String
    let phone: String
    let email: String?
    let userID: String?
    let professionalPhone: String?

    /// Whether a message without an appointment, which another program of the platform has made, is about the client.
    /// A family may share a phone, so a name that is another's counts.
    func isMeant(by role: Role, _ recipient: String, naming name: String?) -> Bool {
        switch role {
        case .client: (name == nil || name == self.name) && [phone, email].contains { Self.isSame(recipient, $0) }
        case .professional: name == self.name && Self.isSame(recipient, professionalPhone)
        }
    }

    private static func isSame(_ recipient: String, _ typed: String?) -> Bool {
        guard let typed, !typed.isEmpty else { return false }
        let number = Phone.normalise(typed)
        return recipient.lowercased() == typed.lowercased() || number != nil && Phone.normalise(recipient) == number
    }
}

extension PersonStore {
    func client(_ id: AppointmentID) throws(StoreError) -> PersonRow? {
        try connection.query(
            """
            SELECT c.name, c.phone, c.email, c.user_id, p.phone
            FROM clients c LEFT JOIN professionals p ON p.id = c.professional_id WHERE c.id = ?
            """, [.id(id)], operation: "look for the client"
        ).first.map { row throws(StoreError) in
            PersonRow(
                id: id, name: try row.text(0), phone: try row.text(1), email: try row.optionalText(2),
                userID: try row.optionalText(3), professionalPhone: try row.optionalText(4))
        }
    }

    func others(of client: PersonRow) throws(StoreError) -> [String] {
        try connection.query(
            "SELECT id FROM clients WHERE user_id = ? AND id <> ? ORDER BY id", [.text(client.userID), .id(client.id)],
            operation: "look for the person's other rows"
        ).map { row throws(StoreError) in try row.text(0) }
    }

    /// Those about their appointments, to both parties, and those that no appointment has.
    func messages(about client: PersonRow) throws(StoreError) -> [(id: Int, state: OutboxState)] {
        let linked = try connection.query(
            """
            SELECT o.id, o.state FROM appointments a JOIN outbox o ON o.appointment_id = a.id WHERE a.client_id = ?
            """, [.id(client.id)], operation: "look for messages")
        let (phone, name) = (SQLValue.text(client.phone), SQLValue.text(client.name))
        let pattern = SQLValue.text(Phone.normalise(client.phone).map(Addressee.pattern(of:)))
        let loose = try connection.query(
            """
            SELECT id, state, recipient_role, recipient, JSON_VALUE(payload, '$.clientName') FROM outbox
            WHERE appointment_id IS NULL AND emptied_at IS NULL
                AND (recipient LIKE ? OR recipient IN (?, ?) OR JSON_VALUE(payload, '$.clientName') = ?)
            """, [pattern, phone, .text(client.email), name], operation: "look for messages without an appointment")
        var found: [(id: Int, state: OutboxState)] = []
        for row in linked + loose {
            // The condition finds similar texts too.
            if row.values.count > 2 {
                let role = try row.value(2, as: Role.self)
                guard client.isMeant(by: role, try row.text(3), naming: try row.optionalText(4)) else { continue }
            }
            found.append((try row.integer(0), try row.value(1, as: OutboxState.self)))
        }
        return found
    }
}

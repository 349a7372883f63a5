public import OdysCore

extension PersonStore {
    /// All that is held about a client, as one document; that somebody read it is recorded.
    ///
    /// Of the platform's tables it has the columns that this program knows.
    ///
    /// - Returns: nil where there is no such client.
    public func export(_ id: AppointmentID, by operatorName: String) throws(StoreError) -> JSON? {
        try connection.transaction { connection throws(StoreError) in
            guard let client = try client(id) else { return nil }
            var document: [JSON.Member] = []
            for (name, sql) in Self.parts { document.append(JSON.Member(name, .array(try objects(sql, .id(id))))) }
            var messages: [JSON] = []
            var actions: [JSON] = []
            for message in try self.messages(about: client) {
                messages += try objects(Self.message, .integer(message.id))
                actions += try objects(Self.action, .integer(message.id))
            }
            document += [
                JSON.Member("messages", .array(messages)), JSON.Member("operatorActions", .array(actions)),
                JSON.Member("otherClients", JSON(try others(of: client), each: JSON.string)),
            ]
            try connection.record("export", of: nil, by: operatorName, detail: "client \(id)")
            try connection.commit()
            return .object(document)
        }
    }

    /// The server writes each row as JSON: nothing is decoded and named a second time here.
    private func objects(_ sql: String, _ id: SQLValue) throws(StoreError) -> [JSON] {
        try connection.query(sql, [id], operation: "export what is held").map { row throws(StoreError) in
            let text = try row.text(0)
            do { return try JSON(reading: Array(text.utf8)) } catch {
                throw StoreError(kind: .unexpected, operation: "read an exported row")
            }
        }
    }

    private static func at(_ column: String) -> String { "DATE_FORMAT(\(column), '%Y-%m-%dT%H:%i:%s.%fZ')" }

    private static let parts: KeyValuePairs<String, String> = [
        "clients": """
        SELECT JSON_OBJECT('id', id, 'userId', user_id, 'professionalId', professional_id, 'name', name,
            'phone', phone, 'email', email, 'avatarUrl', avatar_url, 'createdAt', \(at("created_at")))
        FROM clients WHERE id = ?
        """,
        "appointments": """
        SELECT JSON_OBJECT('id', id, 'professionalId', professional_id, 'startsAt', \(at("starts_at")),
            'endsAt', \(at("ends_at")), 'status', status, 'paymentStatus', payment_status, 'notes', notes,
            'version', version, 'createdAt', \(at("created_at")), 'updatedAt', \(at("updated_at")))
        FROM appointments WHERE client_id = ? ORDER BY starts_at, id
        """,
        "events": """
        SELECT JSON_OBJECT('appointmentId', e.appointment_id, 'version', e.version, 'action', e.action,
            'actorUserId', e.actor_user_id, 'actorRole', e.actor_role, 'reason', e.reason,
            'fromStatus', e.from_status, 'toStatus', e.to_status, 'fromPaymentStatus', e.from_payment_status,
            'toPaymentStatus', e.to_payment_status, 'requestId', e.request_id, 'at', \(at("e.created_at")))
        FROM appointments a JOIN appointment_events e ON e.appointment_id = a.id
        WHERE a.client_id = ? ORDER BY e.appointment_id, e.version
        """,
        "notifications": """
        SELECT JSON_OBJECT('appointmentId', n.appointment_id, 'recipientId', n.recipient_id,
            'recipientType', n.recipient_type, 'type', n.type, 'title', n.title, 'body', n.body,
            'createdAt', \(at("n.created_at")))
        FROM notifications n JOIN appointments a ON a.id = n.appointment_id
        WHERE a.client_id = ? ORDER BY n.created_at, n.id
        """,
        "replyContexts": """
        SELECT JSON_OBJECT('phone', w.phone, 'appointmentId', w.appointment_id, 'expiresAt', \(at("w.expires_at")))
        FROM whatsapp_contexts w JOIN appointments a ON a.id = w.appointment_id WHERE a.client_id = ?
        """,
        "requests": """
        SELECT JSON_OBJECT('operator', operator, 'action', action, 'at', \(at("created_at")))
        FROM operator_actions WHERE outbox_id IS NULL AND detail = CONCAT('client ', ?) ORDER BY id
        """,
        "storedResponses": """
        SELECT JSON_OBJECT('status', k.status, 'body', JSON_COMPACT(k.body), 'expiresAt', \(at("k.expires_at")))
        \(answersOfClient)
        """,
    ]

    private static let message = """
        SELECT JSON_OBJECT('id', message_uid, 'appointmentId', appointment_id, 'version', appointment_version,
            'channel', channel, 'to', recipient_role, 'recipient', recipient, 'template', template,
            'payload', JSON_COMPACT(payload), 'state', state, 'providerId', provider_id, 'error', last_error,
            'createdAt', \(at("created_at")), 'finishedAt', \(at("finished_at")), 'emptiedAt', \(at("emptied_at")))
        FROM outbox WHERE id = ?
        """

    private static let action = """
        SELECT JSON_OBJECT('operator', operator, 'action', action, 'detail', detail, 'at', \(at("created_at")))
        FROM operator_actions WHERE outbox_id = ? ORDER BY id
        """
}

/// The compound statement that writes a decision and commits it, in one round trip.
///
/// Its text is put together from constant parts, once for each shape; values only ever arrive as parameters. An error
/// inside leaves the transaction open, so the caller rolls back (`Connection.transaction` does).
struct WriteBlock: Hashable {
    let checksSlot: Bool
    let notifies: Bool
    let messages: Int

    /// All shapes, made once: building the text would cost more than sending it.
    private static let texts: [WriteBlock: String] = {
        var texts: [WriteBlock: String] = [:]
        for checksSlot in [false, true] {
            for notifies in [false, true] {
                for messages in 1...3 {
                    let block = WriteBlock(checksSlot: checksSlot, notifies: notifies, messages: messages)
                    texts[block] = block.assembled
                }
            }
        }
        return texts
    }()

    var sql: String { WriteBlock.texts[self] ?? assembled }

    private var assembled: String {
        var parts = ["BEGIN NOT ATOMIC"]
        if checksSlot { parts.append(WriteBlock.slotCheck) }
        parts.append(WriteBlock.change)
        if notifies { parts.append(WriteBlock.notification) }
        parts.append(WriteBlock.outbox + Array(repeating: WriteBlock.outboxRow, count: messages).joined(separator: ","))
        parts.append("; COMMIT; END")
        return parts.joined(separator: " ")
    }

    /// The professional's row serialises confirms of one calendar; taken last before the writes, by confirm alone. The
    /// read after it is a plain one, which under READ COMMITTED sees what the last winner committed: with FOR UPDATE
    /// or in share mode it would lock other appointments and end in deadlocks.
    ///
    /// Parameters: professional; professional, appointment, this end, this start.
    private static let slotCheck = """
        DECLARE holder VARCHAR(36);
        SELECT id INTO holder FROM professionals WHERE id = ? FOR UPDATE;
        SET holder = NULL;
        SELECT id INTO holder FROM appointments
            WHERE professional_id = ? AND id <> ? AND starts_at < ? AND ends_at > ?
                AND status IN ('confirmed', 'completed', 'no_show')
            LIMIT 1;
        IF holder IS NOT NULL THEN
            SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 45001, MESSAGE_TEXT = holder;
        END IF;
        """

    /// Parameters: new status, new payment status, now, appointment, version; then the event's columns in their order.
    private static let change = """
        UPDATE appointments SET status = ?, payment_status = ?, version = version + 1, updated_at = ?
            WHERE id = ? AND version = ?;
        IF ROW_COUNT() <> 1 THEN
            SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 45002, MESSAGE_TEXT = 'version';
        END IF;
        INSERT INTO appointment_events (appointment_id, version, action, actor_user_id, actor_role, reason,
            from_status, to_status, from_payment_status, to_payment_status, request_id, marker, created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
        """

    private static let notification = """
        INSERT INTO notifications (recipient_id, recipient_type, type, title, body, created_at, appointment_id)
            VALUES (?, ?, ?, ?, ?, ?, ?);
        """

    private static let outbox = """
        INSERT INTO outbox (message_uid, appointment_id, appointment_version, channel, recipient_role, recipient,
            template, payload, state, last_error, available_at, expires_at, created_at, finished_at) VALUES
        """

    private static let outboxRow = " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
}

internal import OdysCore

/// The compound statement that writes a decision and commits it, in one round trip.
///
/// Its text is made of constant parts, once for each shape; values are parameters. An error inside leaves the
/// transaction open; `Connection.transaction` rolls it back.
struct WriteBlock {
    let checksSlot: Bool
    let notifies: Bool
    /// Whether unsent older status messages of the appointment are to be superseded.
    let supersedes: Bool
    /// Whether the answer is kept under an idempotency key.
    let keepsAnswer: Bool
    let messages: Int

    /// All shapes, in the order of `number`.
    private static let texts: [String] = (0..<16 * messagesMax).map { number in
        WriteBlock(
            checksSlot: number & 1 != 0, notifies: number & 2 != 0, supersedes: number & 4 != 0,
            keepsAnswer: number & 8 != 0, messages: number / 16 + 1
        ).assembled
    }

    private static let messagesMax = 3

    private var number: Int {
        (checksSlot ? 1 : 0) + (notifies ? 2 : 0) + (supersedes ? 4 : 0) + (keepsAnswer ? 8 : 0) + 16 * (messages - 1)
    }

    var sql: String { WriteBlock.texts[number] }

    private var assembled: String {
        var parts = ["BEGIN NOT ATOMIC"]
        if checksSlot { parts.append(WriteBlock.slotCheck) }
        parts += [WriteBlock.change, FailPoint.p4.pause, WriteBlock.event, FailPoint.p5.pause]
        if notifies { parts.append(WriteBlock.notification) }
        parts.append(FailPoint.p6.pause)
        if supersedes { parts.append(WriteBlock.superseding) }
        parts.append(WriteBlock.outbox + Array(repeating: WriteBlock.outboxRow, count: messages).joined(separator: ","))
        parts += [";", FailPoint.p7.pause]
        if keepsAnswer { parts.append(WriteBlock.answer) }
        parts += [FailPoint.p8.pause, "COMMIT; END"]
        return parts.joined(separator: " ")
    }

    /// The lock on the professional's row serialises confirms of one calendar; only confirm takes it, last before the
    /// writes. The inner read depends on that row, so it runs after the lock, and under READ COMMITTED sees what the
    /// previous holder committed. It takes no lock: FOR UPDATE or share mode would lock other appointments and
    /// deadlock. The index is forced, because beside one of the platform's own that begins with the professional the
    /// server chooses that one for a full calendar, and reads every appointment.
    ///
    /// Parameters: appointment, this end, this start, professional.
    static let slotCheck = """
        DECLARE holder VARCHAR(36);
        SELECT (SELECT a.id FROM appointments a FORCE INDEX (appointments_slot)
                WHERE a.professional_id = p.id AND a.id <> ? AND a.starts_at < ? AND a.ends_at > ?
                    AND a.status IN (\(holdingStatuses))
                LIMIT 1)
            INTO holder FROM professionals p WHERE p.id = ? FOR UPDATE;
        IF holder IS NOT NULL THEN
            SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 45001, MESSAGE_TEXT = holder;
        END IF;
        """

    /// Parameters: new status, new payment status, now, appointment, version.
    private static let change = """
        UPDATE appointments SET status = ?, payment_status = ?, version = version + 1, updated_at = ?
            WHERE id = ? AND version = ?;
        IF ROW_COUNT() <> 1 THEN
            SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 45002, MESSAGE_TEXT = 'version';
        END IF;
        """

    /// Parameters: the columns in their order.
    private static let event = """
        INSERT INTO appointment_events (appointment_id, version, action, actor_user_id, actor_role, reason,
            from_status, to_status, from_payment_status, to_payment_status, request_id, marker, created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
        """

    private static let notification = """
        INSERT INTO notifications (recipient_id, recipient_type, type, title, body, created_at, appointment_id)
            VALUES (?, ?, ?, ?, ?, ?, ?);
        """

    /// A leased row is left to its sender, which checks before it sends and before it retries.
    ///
    /// Parameters: now, appointment.
    private static let superseding = """
        UPDATE outbox SET state = 'superseded', finished_at = ?
            WHERE appointment_id = ? AND state = 'pending' AND lease_token IS NULL
                AND template IN (\(statusTemplates));
        """

    static let statusTemplates = sqlList(Template.allCases.filter(\.isStatusMessage))

    private static let holdingStatuses = sqlList(Status.allCases.filter(\.holdsSlot))

    /// Parameters: status, etag, body, actor, key.
    private static let answer = """
        UPDATE idempotency_keys SET status = ?, etag = ?, body = ? WHERE actor_hash = ? AND key_hash = ?;
        """

    private static let outbox = """
        INSERT INTO outbox (message_uid, appointment_id, appointment_version, channel, recipient_role, recipient,
            template, payload, state, last_error, available_at, expires_at, created_at, finished_at) VALUES
        """

    private static let outboxRow = " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
}

-- Everything that must hold for appointments on which only this service acted. Each statement selects what is
-- wrong as (rule, appointment_id, detail); an empty result means that all is well.
--
-- Temporary tables of the session, filled by audit.py:
--   audit_appointments (id, delivered)   delivered: nothing may be pending any more
--   audit_hears (action, actor_role, kind, recipient_role, name, holds)   who hears what

-- Events are 2..version, without a gap.
SELECT 'events without gaps' AS rule, a.id AS appointment_id,
       CONCAT('version ', a.version, ', events ', COALESCE(GROUP_CONCAT(e.version ORDER BY e.version), 'none')) AS detail
FROM audit_appointments u JOIN appointments a ON a.id = u.id
LEFT JOIN appointment_events e ON e.appointment_id = a.id
GROUP BY a.id, a.version
HAVING COUNT(e.version) <> a.version - 1 OR COALESCE(MIN(e.version), 2) <> 2
    OR COALESCE(MAX(e.version), a.version) <> a.version;

-- The last event leads to the state of the row.
SELECT 'last event is the state', a.id,
       CONCAT(e.to_status, '/', e.to_payment_status, ', not ', a.status, '/', a.payment_status)
FROM audit_appointments u JOIN appointments a ON a.id = u.id
JOIN appointment_events e ON e.appointment_id = a.id AND e.version = a.version
WHERE (e.to_status, e.to_payment_status) <> (a.status, a.payment_status);

-- Each event begins where the one before it ended.
SELECT 'events form a chain', e.appointment_id, CONCAT('at version ', e.version)
FROM audit_appointments u JOIN appointment_events e ON e.appointment_id = u.id
JOIN appointment_events b ON b.appointment_id = e.appointment_id AND b.version = e.version - 1
WHERE (b.to_status, b.to_payment_status) <> (e.from_status, e.from_payment_status);

-- Every message that an event promises is there.
SELECT 'promised message is missing', e.appointment_id, CONCAT_WS(' ', e.version, h.kind, h.recipient_role, h.name)
FROM audit_appointments u JOIN appointment_events e ON e.appointment_id = u.id
JOIN appointments a ON a.id = e.appointment_id JOIN clients c ON c.id = a.client_id
JOIN audit_hears h ON h.action = e.action AND h.actor_role = e.actor_role AND h.kind <> 'in_app'
LEFT JOIN outbox o ON o.appointment_id = e.appointment_id AND o.appointment_version = e.version
    AND o.channel = h.kind AND o.recipient_role = h.recipient_role AND o.template = h.name
WHERE o.id IS NULL AND (h.holds = 'always' OR h.holds = 'has_email' AND c.email IS NOT NULL);

-- No message is there that no event promises.
SELECT 'message that nobody promised', o.appointment_id,
       CONCAT_WS(' ', o.appointment_version, o.channel, o.recipient_role, o.template)
FROM audit_appointments u JOIN outbox o ON o.appointment_id = u.id AND o.appointment_version IS NOT NULL
JOIN appointments a ON a.id = o.appointment_id JOIN clients c ON c.id = a.client_id
LEFT JOIN appointment_events e ON e.appointment_id = o.appointment_id AND e.version = o.appointment_version
LEFT JOIN audit_hears h ON h.action = e.action AND h.actor_role = e.actor_role AND h.kind = o.channel
    AND h.recipient_role = o.recipient_role AND h.name = o.template
    AND (h.holds = 'always' OR h.holds = 'has_email' AND c.email IS NOT NULL)
WHERE h.name IS NULL;

-- The inbox inside the application holds exactly what the events promise.
SELECT 'in-app notifications', id, CONCAT_WS(' ', recipient_type, type, recipient_id, 'surplus:', SUM(number))
FROM (
    SELECT n.appointment_id AS id, n.recipient_type, n.type, n.recipient_id, 1 AS number
    FROM audit_appointments u JOIN notifications n ON n.appointment_id = u.id
    UNION ALL
    SELECT e.appointment_id, h.recipient_role, h.name, IF(h.recipient_role = 'client', c.user_id, p.user_id), -1
    FROM audit_appointments u JOIN appointment_events e ON e.appointment_id = u.id
    JOIN appointments a ON a.id = e.appointment_id JOIN clients c ON c.id = a.client_id
    JOIN professionals p ON p.id = a.professional_id
    JOIN audit_hears h ON h.action = e.action AND h.actor_role = e.actor_role AND h.kind = 'in_app'
    WHERE h.holds = 'always' OR h.holds = 'registered' AND c.user_id IS NOT NULL
) AS inbox
GROUP BY id, recipient_type, type, recipient_id
HAVING SUM(number) <> 0;

-- What was waited for is finished, and finished rows say so.
SELECT 'unfinished message', o.appointment_id, CONCAT_WS(' ', o.channel, o.template, o.state, o.last_error)
FROM audit_appointments u JOIN outbox o ON o.appointment_id = u.id
WHERE u.delivered AND o.state = 'pending' OR o.state = 'pending' AND o.finished_at IS NOT NULL
    OR o.state IN ('sent', 'dead', 'expired', 'superseded') AND o.finished_at IS NULL;

-- No two confirmed, completed or missed appointments of a professional overlap.
SELECT 'overlap', a.id, CONCAT('with ', b.id)
FROM audit_appointments u JOIN appointments a ON a.id = u.id
JOIN appointments b ON b.professional_id = a.professional_id AND b.id > a.id
    AND b.starts_at < a.ends_at AND b.ends_at > a.starts_at
JOIN appointment_events x ON x.appointment_id = a.id AND x.action = 'confirm'
JOIN appointment_events y ON y.appointment_id = b.id AND y.action = 'confirm'
WHERE a.status IN ('confirmed', 'completed', 'no_show') AND b.status IN ('confirmed', 'completed', 'no_show');

-- A message gives way only to what came later: payments and chat messages never do, a status message only after another
-- change of the status, a reminder only where the appointment is not confirmed. What gave way was not sent.
SELECT 'superseded without a cause', o.appointment_id, CONCAT_WS(' ', o.appointment_version, o.channel, o.template)
FROM audit_appointments u JOIN outbox o ON o.appointment_id = u.id AND o.state = 'superseded'
JOIN appointments a ON a.id = o.appointment_id
WHERE o.provider_id IS NOT NULL
    OR o.template IN ('payment_confirmed', 'payment_confirmed_receipt', 'new_message_to_client',
                      'new_message_to_professional')
    OR o.template IN ('reminder_24h', 'reminder_1h') AND a.status = 'confirmed'
    OR o.appointment_version IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM appointment_events e WHERE e.appointment_id = o.appointment_id
            AND e.version > o.appointment_version AND e.to_status <> e.from_status);

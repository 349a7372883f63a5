<?php
// The database: one transaction for an action.
declare(strict_types=1);

const PARTIES = 'SELECT a.version, a.status, a.payment_status, a.starts_at, a.ends_at, a.updated_at,
        UTC_TIMESTAMP(6) AS now, p.id AS professional_id, p.user_id AS professional_user_id,
        p.name AS professional_name, p.phone AS professional_phone, p.slug, c.id AS client_id,
        c.user_id AS client_user_id, c.name AS client_name, c.phone AS client_phone, c.email AS client_email ';
const JOINS = ' a LEFT JOIN professionals p ON p.id = a.professional_id LEFT JOIN clients c ON c.id = a.client_id ';

/** A persistent connection. Emulated prepares are PDO's default and the fast way here: one round trip a statement. */
function database(): PDO
{
    try {
        return new PDO(getenv('DB_DSN'), getenv('DB_USER'), getenv('DB_PASSWORD'), [
            PDO::ATTR_PERSISTENT => true,
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
            PDO::MYSQL_ATTR_INIT_COMMAND => "SET SESSION tx_isolation = 'READ-COMMITTED',"
                . " time_zone = '+00:00', innodb_lock_wait_timeout = 2, max_statement_time = 3",
        ]);
    } catch (PDOException $problem) {
        error_log('no database: ' . $problem->getMessage());
        refuse(503, 'unavailable', headers: ['Retry-After: 5']);
    }
}

function run(PDO $database, string $sql, array $values): PDOStatement
{
    $statement = $database->prepare($sql);
    $statement->execute($values);
    return $statement;
}

/** Judges the request and carries it out, all or nothing; returns the answer. Refusals end the request. */
function perform(PDO $database, string $id, string $user, string $action, ?string $reason, ?array $key): array
{
    $database->beginTransaction();
    if ($key !== null && ($stored = reserve($database, $key)) !== null) {
        $database->rollBack();
        return $stored;
    }
    $row = run($database, PARTIES . 'FROM (SELECT id, professional_id, client_id, version, status, payment_status,
        starts_at, ends_at, updated_at FROM appointments WHERE id = ? FOR UPDATE)' . JOINS, [$id])->fetch();
    $role = roleOf($row, $user);
    if ($row['professional_id'] === null || $row['client_id'] === null) {
        refuse(400, 'party_missing');
    }
    if (!in_array($action, ACTIONS, true)) {
        refuse(400, 'unknown_action', ['allowedActions' => ACTIONS]);
    }
    if (!isAllowed($action, $role)) {
        refuse(403, 'forbidden');
    }
    $target = target($action, $row['status'], $row['payment_status']);
    if ($target === null) {
        refuse(400, 'invalid_transition', ['currentStatus' => $row['status'],
            'currentPaymentStatus' => $row['payment_status'], 'allowedActions' => allowedActions($row, $role)]);
    }
    if ($action === 'confirm') {
        claimSlot($database, $id, $row);
    }
    $reason = in_array($action, ['reject', 'cancel', 'no_show'], true) && trim((string) $reason) !== '' ? $reason : null;
    $messages = messagesAbout($action, $role, $row, $reason);
    write($database, $id, $user, $action, $role, $reason, $row, $target, $messages);
    $answer = answer($id, $row, $target, $messages);
    if ($key !== null) {
        run($database, 'UPDATE idempotency_keys SET status = 200, etag = ?, body = ? WHERE actor_hash = ?
            AND key_hash = ?', [$answer['etag'], $answer['body'], $key[0], $key[1]]);
    }
    $database->commit();
    return $answer;
}

/** Confirms of one professional wait for each other; then a plain read shows what the last of them committed. */
function claimSlot(PDO $database, string $id, array $row): void
{
    run($database, 'SELECT id FROM professionals WHERE id = ? FOR UPDATE', [$row['professional_id']])->fetch();
    $other = run($database, "SELECT id FROM appointments WHERE professional_id = ? AND id <> ? AND starts_at < ?
        AND ends_at > ? AND status IN ('confirmed', 'completed', 'no_show') LIMIT 1",
        [$row['professional_id'], $id, $row['ends_at'], $row['starts_at']])->fetchColumn();
    if ($other !== false) {
        refuse(409, 'slot_conflict', ['conflictingAppointmentId' => $other]);
    }
}

function write(PDO $database, string $id, string $user, string $action, string $role, ?string $reason, array $row,
    array $target, array $messages): void
{
    $now = $row['now'];
    $version = $row['version'] + 1;
    $changed = run($database, 'UPDATE appointments SET status = ?, payment_status = ?, version = version + 1,
        updated_at = ? WHERE id = ? AND version = ?', [$target[0], $target[1], $now, $id, $row['version']])->rowCount();
    if ($changed !== 1) {
        throw new PDOException('the row has another version');
    }
    run($database, 'INSERT INTO appointment_events (appointment_id, version, action, actor_user_id, actor_role, reason,
        from_status, to_status, from_payment_status, to_payment_status, request_id, marker, created_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', [$id, $version, $action, $user, $role, $reason, $row['status'],
        $target[0], $row['payment_status'], $target[1], requestID(), hex2bin(str_replace('-', '', uuid())), $now]);
    $notification = notificationOf($action, $role, $row, $reason);
    if ($notification !== null) {
        run($database, 'INSERT INTO notifications (recipient_id, recipient_type, type, title, body, created_at,
            appointment_id) VALUES (?, ?, ?, ?, ?, ?, ?)', [...$notification, $now, $id]);
    }
    if ($version > 2 && $action !== 'paid') {
        run($database, "UPDATE outbox SET state = 'superseded', finished_at = ? WHERE appointment_id = ?
            AND state = 'pending' AND lease_token IS NULL AND template NOT LIKE 'payment%'", [$now, $id]);
    }
    $expires = gmdate('Y-m-d H:i:s', strtotime(substr($now, 0, 19) . ' UTC')
        + 3600 * (in_array($action, ['paid', 'complete', 'no_show'], true) ? 72 : 24)) . substr($now, 19);
    $values = [];
    foreach ($messages as $message) {
        array_push($values, $message['uid'], $id, $version, $message['channel'], $message['role'],
            $message['recipient'], $message['template'], $message['payload'], $message['state'], $message['error'],
            $now, $expires, $now, $message['error'] === null ? null : $now);
    }
    run($database, 'INSERT INTO outbox (message_uid, appointment_id, appointment_version, channel, recipient_role,
        recipient, template, payload, state, last_error, available_at, expires_at, created_at, finished_at) VALUES '
        . implode(', ', array_fill(0, count($messages), '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')), $values);
}

/** The stored answer of a key that was used before; null when it is reserved now. */
function reserve(PDO $database, array $key): ?array
{
    try {
        run($database, "INSERT INTO idempotency_keys (actor_hash, key_hash, fingerprint, status, body)
            VALUES (?, ?, ?, 0, '')", $key);
        return null;
    } catch (PDOException $problem) {
        if ($problem->errorInfo[1] !== 1062) {
            throw $problem;
        }
    }
    $row = run($database, 'SELECT fingerprint, etag, body FROM idempotency_keys WHERE actor_hash = ? AND key_hash = ?',
        [$key[0], $key[1]])->fetch();
    if ($row === false) {
        refuse(409, 'idempotency_in_progress', headers: ['Retry-After: 1']);
    }
    if ($row['fingerprint'] !== $key[2]) {
        refuse(422, 'idempotency_key_reused');
    }
    return ['etag' => $row['etag'], 'body' => $row['body'], 'replayed' => true];
}

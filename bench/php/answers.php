<?php
// The answers, as JSON.
declare(strict_types=1);

const PROBLEMS = [
    'malformed_body' => 'Requisição inválida', 'invalid_header' => 'Requisição inválida',
    'party_missing' => 'Profissional ou cliente ausente', 'unknown_action' => 'Unknown action',
    'invalid_transition' => 'Ação não permitida neste estado', 'unauthenticated' => 'Não autorizado',
    'forbidden' => 'Sem permissão', 'not_found' => 'Não encontrado', 'method_not_allowed' => 'Método não permitido',
    'slot_conflict' => 'Horário já ocupado', 'idempotency_in_progress' => 'Requisição em andamento',
    'idempotency_key_reused' => 'Chave de idempotência já usada', 'unsupported_media_type' => 'Requisição inválida',
    'unavailable' => 'Serviço indisponível',
];
const FLAGS = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES;

function requestID(): string
{
    static $id;
    return $id ??= preg_match('~^[A-Za-z0-9._:-]{1,128}$~', $_SERVER['HTTP_X_REQUEST_ID'] ?? '', $own)
        ? $own[0] : bin2hex(random_bytes(16));
}

function send(int $status, string $type, string $body, array $headers): never
{
    http_response_code($status);
    header("Content-Type: $type");
    header('Cache-Control: no-store');
    header('X-Request-Id: ' . requestID());
    header('Vary: Accept, Origin');
    header('Strict-Transport-Security: max-age=63072000');
    header('X-Content-Type-Options: nosniff');
    foreach ($headers as $header) {
        header($header);
    }
    echo $body;
    exit;
}

/** Ends the request. PDO rolls back what is open when the script ends. */
function refuse(int $status, string $code, array $more = [], array $headers = []): never
{
    send($status, 'application/problem+json', json_encode(['error' => PROBLEMS[$code], 'code' => $code,
        'status' => $status, 'title' => PROBLEMS[$code], 'type' => "urn:odys:problem:$code", 'detail' => PROBLEMS[$code],
        'requestId' => requestID()] + $more, FLAGS), $headers);
}

function succeed(array $answer): never
{
    $headers = ["ETag: $answer[etag]"];
    if (isset($answer['replayed'])) {
        $headers[] = 'Idempotency-Replayed: true';
    }
    send(200, 'application/json', $answer['body'], $headers);
}

function answer(string $id, array $row, array $target, array $messages): array
{
    $version = $row['version'] + 1;
    $changed = ['status' => $target[0], 'payment_status' => $target[1], 'version' => $version,
        'updated_at' => $row['now']] + $row;
    return ['etag' => "\"$version\"", 'body' => json_encode(['success' => true,
        'appointment' => appointmentJSON($id, $changed),
        'messages' => array_map(fn ($message) => ['id' => $message['uid'], 'to' => $message['role'],
            'channel' => $message['channel'], 'template' => $message['template'], 'state' => $message['state']],
            $messages)], FLAGS)];
}

function appointmentJSON(string $id, array $row): array
{
    return ['id' => $id, 'status' => $row['status'], 'paymentStatus' => $row['payment_status'],
        'startsAt' => iso($row['starts_at']), 'endsAt' => iso($row['ends_at']), 'version' => (int) $row['version'],
        'updatedAt' => iso($row['updated_at'], true)];
}

function showAppointment(PDO $database, string $id, string $user): never
{
    $row = run($database, PARTIES . 'FROM appointments' . JOINS . 'WHERE a.id = ?', [$id])->fetch();
    $role = roleOf($row, $user);
    succeed(['etag' => "\"$row[version]\"", 'body' => json_encode(['appointment' => appointmentJSON($id, $row),
        'allowedActions' => allowedActions($row, $role), 'notYet' => []], FLAGS)]);
}

function showHistory(PDO $database, string $id, string $user): never
{
    $row = run($database, PARTIES . 'FROM appointments' . JOINS . 'WHERE a.id = ?', [$id])->fetch();
    $role = roleOf($row, $user);
    $events = run($database, 'SELECT version, action, actor_role, reason, from_status, to_status, from_payment_status,
        to_payment_status, created_at FROM appointment_events WHERE appointment_id = ? ORDER BY version', [$id]);
    $messages = run($database, 'SELECT message_uid, appointment_version, recipient_role, channel, template, state,
        attempts, created_at, finished_at, last_error FROM outbox WHERE appointment_id = ?'
        . ($role === 'client' ? " AND recipient_role = 'client'" : '') . ' ORDER BY id', [$id]);
    $body = ['events' => [], 'messages' => []];
    foreach ($events as $event) {
        $body['events'][] = ['version' => $event['version'], 'action' => $event['action'],
            'actorRole' => $event['actor_role'], 'reason' => $event['reason'], 'fromStatus' => $event['from_status'],
            'toStatus' => $event['to_status'], 'fromPaymentStatus' => $event['from_payment_status'],
            'toPaymentStatus' => $event['to_payment_status'], 'at' => iso($event['created_at'], true)];
    }
    foreach ($messages as $message) {
        $one = ['id' => $message['message_uid'], 'version' => $message['appointment_version'],
            'to' => $message['recipient_role'], 'channel' => $message['channel'], 'template' => $message['template'],
            'state' => $message['state'], 'attempts' => $message['attempts'],
            'createdAt' => iso($message['created_at'], true),
            'finishedAt' => $message['finished_at'] === null ? null : iso($message['finished_at'], true)];
        $body['messages'][] = $role === 'client' ? $one : $one + ['error' => $message['last_error']];
    }
    succeed(['etag' => "\"$row[version]\"", 'body' => json_encode($body, FLAGS)]);
}

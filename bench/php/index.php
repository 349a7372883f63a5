<?php
// The same job as the responder's, as PHP-FPM does it: the peer in `make bench`. See ../README.md.
declare(strict_types=1);

require __DIR__ . '/token.php';
require __DIR__ . '/rules.php';
require __DIR__ . '/messages.php';
require __DIR__ . '/store.php';
require __DIR__ . '/answers.php';

const PATH = '~^/api/appointments/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(/history)?$~i';

function handle(): void
{
    $path = strtok($_SERVER['REQUEST_URI'], '?');
    if (!preg_match(PATH, $path, $parts)) {
        refuse(404, 'not_found');
    }
    $id = strtolower($parts[1]);
    $isHistory = isset($parts[2]);
    $method = $_SERVER['REQUEST_METHOD'];
    if ($method !== ($isHistory ? 'GET' : $method) || !in_array($method, ['GET', 'PATCH'], true)) {
        refuse(405, 'method_not_allowed', headers: ['Allow: ' . ($isHistory ? 'GET' : 'GET, PATCH')]);
    }
    $user = caller();
    if ($user === null) {
        refuse(401, 'unauthenticated', headers: ['WWW-Authenticate: Bearer realm="odys"']);
    }
    if ($isHistory) {
        showHistory(database(), $id, $user);
    } elseif ($method === 'GET') {
        showAppointment(database(), $id, $user);
    } else {
        act(database(), $id, $user);
    }
}

function act(PDO $database, string $id, string $user): void
{
    $type = strtolower(trim(strtok($_SERVER['CONTENT_TYPE'] ?? '', ';')));
    if ($type !== 'application/json') {
        refuse(415, 'unsupported_media_type', headers: ['Accept-Patch: application/json']);
    }
    $raw = file_get_contents('php://input');
    $body = json_decode($raw, true, 32);
    $reason = $body['reason'] ?? null;
    if (!is_array($body) || !is_string($body['action'] ?? null) || !($reason === null || is_string($reason))
        || mb_strlen((string) $reason) > 500) {
        refuse(400, 'malformed_body');
    }
    try {
        $answer = perform($database, $id, $user, $body['action'], $reason, idempotencyKey($user, $id, $raw));
    } catch (PDOException $problem) {
        error_log('a request failed: ' . $problem->getCode());
        if ($database->inTransaction()) {
            $database->rollBack();
        }
        refuse(503, 'unavailable', headers: ['Retry-After: 5']);
    }
    succeed($answer);
}

handle();

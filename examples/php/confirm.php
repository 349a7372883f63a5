<?php
// ODYS_URL=https://api.example.com ODYS_JWT_SECRET=… php confirm.php APPOINTMENT_ID USER_ID
// ODYS_CA names a CA file, if the system does not trust the CA.

declare(strict_types=1);

require __DIR__ . '/odys.php';

[, $id, $userId] = $argv + [null, '', ''];
$url = getenv('ODYS_URL') . "/api/appointments/$id";
$token = static fn (): string => odys_token($userId, getenv('ODYS_JWT_SECRET'));

[$status, $answer] = odys_act($url, $token, ['action' => 'confirm']);
if ($status !== 200) {
    fwrite(STDERR, "{$answer['code']}: {$answer['error']}\n");
    exit(1);
}
echo "{$answer['appointment']['status']}, version {$answer['appointment']['version']}\n";

[, $history] = odys_request("$url/history", $token());
foreach ($history['messages'] as $message) {
    echo "{$message['channel']} to the {$message['to']}: {$message['template']}, {$message['state']}\n";
}

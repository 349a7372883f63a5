<?php
// Who calls: a JWT, HS256 with a shared secret.
declare(strict_types=1);

function caller(): ?string
{
    if (!preg_match('~^bearer ([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$~i',
        $_SERVER['HTTP_AUTHORIZATION'] ?? '', $parts)) {
        return null;
    }
    [, $head, $claims, $signature] = $parts;
    $header = json_decode(base64url($head), true);
    if (($header['alg'] ?? null) !== 'HS256' || isset($header['crit']) || isset($header['kid'])) {
        return null;
    }
    $expected = hash_hmac('sha256', "$head.$claims", getenv('JWT_SECRET'), true);
    if (!hash_equals($expected, base64url($signature))) {
        return null;
    }
    $claims = json_decode(base64url($claims), true);
    $now = microtime(true);
    if (!is_numeric($claims['exp'] ?? null) || $now >= $claims['exp'] + 30
        || (isset($claims['nbf']) && $claims['nbf'] > $now + 30)) {
        return null;
    }
    $subject = $claims['sub'] ?? null;
    return is_string($subject) && $subject !== '' ? $subject : null;
}

function base64url(string $text): string
{
    return (string) base64_decode(strtr($text, '-_', '+/'), true);
}

/** Hashes by which a repeated request is known; null without the header. */
function idempotencyKey(string $user, string $id, string $body): ?array
{
    $key = $_SERVER['HTTP_IDEMPOTENCY_KEY'] ?? null;
    if ($key === null) {
        return null;
    }
    $key = preg_match('~^"(.*)"$~', $key, $quoted) ? $quoted[1] : $key;
    if (!preg_match('~^[\x21-\x7e]{1,255}$~', $key)) {
        refuse(400, 'invalid_header');
    }
    return [hash('sha256', $user, true), hash('sha256', $key, true), hash('sha256', "PATCH\n$id\n$body", true)];
}

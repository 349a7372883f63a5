<?php
// Calls Odys from PHP 8.2: mints a token for a user that the platform has authenticated, and sends an action.
// Needs only php-curl.

declare(strict_types=1);

/** A JWT signed with HS256 (RFC 7519), for one call: valid for a minute. */
function odys_token(string $userId, string $secret, int $seconds = 60): string
{
    $part = static fn (string $bytes): string => rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
    $json = static fn (array $value): string => json_encode($value, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE);
    $signed = $part($json(['alg' => 'HS256', 'typ' => 'JWT']))
        . '.' . $part($json(['sub' => $userId, 'exp' => time() + $seconds]));
    return $signed . '.' . $part(hash_hmac('sha256', $signed, $secret, true));
}

/**
 * One request; with `$body` a PATCH, without it a GET.
 *
 * @return array{int, array<string, mixed>} the status and the response
 */
function odys_request(string $url, string $token, ?array $body = null, ?string $key = null): array
{
    $headers = ["Authorization: Bearer $token", 'Accept: application/json'];
    $options = [CURLOPT_URL => $url, CURLOPT_RETURNTRANSFER => true, CURLOPT_CONNECTTIMEOUT => 5, CURLOPT_TIMEOUT => 30];
    if ($body !== null) {
        $headers[] = 'Content-Type: application/json';
        $headers[] = "Idempotency-Key: $key";
        $options[CURLOPT_CUSTOMREQUEST] = 'PATCH';
        $options[CURLOPT_POSTFIELDS] = json_encode($body, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE);
    }
    if (getenv('ODYS_CA')) {
        $options[CURLOPT_CAINFO] = getenv('ODYS_CA');
    }
    $handle = curl_init();
    curl_setopt_array($handle, $options + [CURLOPT_HTTPHEADER => $headers]);
    $answer = curl_exec($handle);
    if ($answer === false) {
        throw new RuntimeException(curl_error($handle));
    }
    return [curl_getinfo($handle, CURLINFO_RESPONSE_CODE), json_decode($answer, true, 32, JSON_THROW_ON_ERROR)];
}

/** Performs an action once, however often it retries: every retry has the same key. */
function odys_act(string $url, callable $token, array $body): array
{
    $key = bin2hex(random_bytes(16));
    for ($try = 1; ; $try++) {
        try {
            $answer = odys_request($url, $token(), $body, $key);
            $isOver = $answer[0] < 500 && $answer[0] !== 429 && ($answer[1]['code'] ?? '') !== 'idempotency_in_progress';
            if ($isOver || $try === 5) {
                return $answer;
            }
        } catch (RuntimeException $lost) {
            if ($try === 5) {
                throw $lost;
            }
        }
        usleep(200_000 * 2 ** $try);
    }
}

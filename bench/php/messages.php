<?php
// Who hears what, and the words of the in-app notification.
declare(strict_types=1);

const MESSAGES = [
    'confirm' => ['client' => 'booking_confirmed', 'professional' => 'booking_confirmed_receipt', 'email' => true],
    'reject' => ['client' => 'booking_rejected', 'professional' => 'booking_rejected_receipt', 'email' => true],
    'cancel client' => ['client' => 'booking_cancelled', 'professional' => 'cancelled_by_client'],
    'cancel professional' => ['client' => 'cancelled_by_professional'],
    'paid' => ['client' => 'payment_confirmed', 'professional' => 'payment_confirmed_receipt'],
    'complete' => ['client' => 'appointment_completed', 'professional' => 'appointment_completed_receipt'],
    'no_show' => ['client' => 'no_show', 'professional' => 'no_show_receipt'],
];
const WEEKDAYS = ['domingo', 'segunda-feira', 'terça-feira', 'quarta-feira', 'quinta-feira', 'sexta-feira', 'sábado'];
const MONTHS = ['janeiro', 'fevereiro', 'março', 'abril', 'maio', 'junho', 'julho', 'agosto', 'setembro', 'outubro',
    'novembro', 'dezembro'];
const TITLES = ['booking_confirmed' => 'Agendamento confirmado', 'booking_rejected' => 'Agendamento não confirmado',
    'booking_cancelled' => 'Agendamento cancelado por cliente'];

/** The rows of the outbox for an action, without the columns that are the same for all. */
function messagesAbout(string $action, string $role, array $row, ?string $reason): array
{
    $wanted = MESSAGES[$action === 'cancel' ? "cancel $role" : $action];
    $facts = ['clientName' => $row['client_name'], 'professionalName' => $row['professional_name'],
        'startsAt' => iso($row['starts_at']), 'slug' => $row['slug']];
    $payload = fn (bool $tellsReason, array $more = []) => json_encode($facts
        + ($tellsReason && $reason !== null ? ['reason' => $reason] : []) + $more, JSON_UNESCAPED_UNICODE
        | JSON_UNESCAPED_SLASHES);
    $tellsClient = $action === 'reject' || ($action === 'cancel' && $role === 'professional');
    $invites = $action === 'confirm' && $row['client_user_id'] === null ? ['invite' => true] : [];
    $messages = [message('client', 'whatsapp', $wanted['client'], phone($row['client_phone']), $row['client_phone'],
        $payload($tellsClient, $invites))];
    if (isset($wanted['professional'])) {
        $messages[] = message('professional', 'whatsapp', $wanted['professional'], phone($row['professional_phone']),
            $row['professional_phone'], $payload($action === 'cancel'));
    }
    $email = trim((string) $row['client_email']);
    if (isset($wanted['email']) && $email !== '') {
        $address = filter_var($email, FILTER_VALIDATE_EMAIL) ?: null;
        $messages[] = message('client', 'email', $wanted['client'], $address, $email, $payload($tellsClient));
    }
    return $messages;
}

function message(string $role, string $channel, string $template, ?string $usable, string $typed, string $payload): array
{
    return ['uid' => uuid(), 'role' => $role, 'channel' => $channel, 'template' => $template,
        'recipient' => $usable ?? $typed, 'payload' => $payload, 'state' => $usable === null ? 'skipped' : 'pending',
        'error' => $usable === null ? 'unusable_address' : null];
}

/** The recipient, type, title and body of the in-app notification; null where nobody gets one. */
function notificationOf(string $action, string $role, array $row, ?string $reason): ?array
{
    [$type, $recipient, $recipientType] = match (true) {
        $action === 'confirm' => ['booking_confirmed', $row['client_user_id'], 'client'],
        $action === 'reject' => ['booking_rejected', $row['client_user_id'], 'client'],
        $action === 'cancel' && $role === 'client' => ['booking_cancelled', $row['professional_user_id'],
            'professional'],
        default => [null, null, null],
    };
    if ($recipient === null) {
        return null;
    }
    $when = whenInWords($row['starts_at']);
    $parts = [match ($type) {
        'booking_confirmed' => "O horário de $when está confirmado.",
        'booking_rejected' => "O pedido para o horário de $when não pôde ser confirmado.",
        'booking_cancelled' => "O horário de $when foi cancelado.",
    }];
    if ($recipientType === 'client') {
        $parts[] = 'Profissional: ' . inline($row['professional_name']) . '.';
    }
    $parts[] = 'Cliente: ' . inline($row['client_name']) . '.';
    if ($reason !== null && $type !== 'booking_confirmed') {
        $parts[] = 'Motivo: ' . inline($reason);
    }
    return [$recipient, $recipientType, $type, TITLES[$type], implode(' ', $parts)];
}

function whenInWords(string $startsAt): string
{
    static $utc, $local;
    $utc ??= new DateTimeZone('UTC');
    $local ??= new DateTimeZone(getenv('APP_TIME_ZONE'));
    $time = (new DateTimeImmutable($startsAt, $utc))->setTimezone($local);
    $day = $time->format('j') === '1' ? '1º' : $time->format('j');
    $date = WEEKDAYS[(int) $time->format('w')] . ", $day de " . MONTHS[(int) $time->format('n') - 1]
        . ' de ' . $time->format('Y');
    return $date . ($time->format('G') === '1' ? ', à ' : ', às ') . $time->format('H:i') . ',';
}

/** What people typed, on one line and without what could change the layout of a message. */
function inline(string $text): string
{
    $text = preg_replace('/[*_~`\x{2501}\p{Cc}\p{Cf}]+/u', ' ', $text);
    return trim(mb_substr(preg_replace('/\s+/u', ' ', $text), 0, 120));
}

/** Brazilian numbers with their country code, others as they are; null when unusable. */
function phone(string $typed): ?string
{
    $digits = preg_replace('/\D/', '', $typed);
    if (str_starts_with(ltrim($typed), '+')) {
        return preg_match('/^\d{8,15}$/', $digits) ? $digits : null;
    }
    if (preg_match('/^55\d{10,11}$/', $digits)) {
        return $digits;
    }
    return preg_match('/^0?([1-9]{2}\d{8,9})$/', $digits, $parts) ? "55$parts[1]" : null;
}

/** A UUID of version 7: neighbours in time are neighbours in the index. */
function uuid(): string
{
    $bytes = substr(pack('J', (int) (microtime(true) * 1000)), 2) . random_bytes(10);
    $bytes[6] = chr(0x70 | (ord($bytes[6]) & 0x0f));
    $bytes[8] = chr(0x80 | (ord($bytes[8]) & 0x3f));
    return vsprintf('%s%s-%s-%s-%s-%s%s%s', str_split(bin2hex($bytes), 4));
}

/** `2031-03-05 11:00:00.000000` as `2031-03-05T11:00:00Z`; with microseconds where they are wanted. */
function iso(string $time, bool $fine = false): string
{
    return substr($time, 0, 10) . 'T' . substr($time, 11, $fine ? 15 : 8) . 'Z';
}

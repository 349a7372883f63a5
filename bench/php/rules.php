<?php
// Which action leads where, and who may ask for it.
declare(strict_types=1);

const ACTIONS = ['confirm', 'reject', 'cancel', 'paid', 'complete', 'no_show'];

/** The new status and payment status, or null where the action does not apply. */
function target(string $action, string $status, string $payment): ?array
{
    $isOpen = $status === 'pending_confirmation' || $status === 'confirmed';
    return match ($action) {
        'confirm' => $status === 'pending_confirmation'
            ? ['confirmed', $payment === 'captured' ? 'captured' : 'authorized'] : null,
        'reject' => $status === 'pending_confirmation' ? ['rejected', 'refunded'] : null,
        'cancel' => $isOpen ? ['cancelled', $payment] : null,
        'paid' => ($isOpen || $status === 'completed' || $status === 'no_show')
            && ($payment === 'none' || $payment === 'authorized') ? [$status, 'captured'] : null,
        'complete' => $isOpen ? ['completed', $payment] : null,
        'no_show' => $isOpen ? ['no_show', $payment] : null,
    };
}

function isAllowed(string $action, string $role): bool
{
    return $role === 'professional' || $action === 'cancel';
}

function allowedActions(array $row, string $role): array
{
    return array_values(array_filter(ACTIONS, fn ($action) => isAllowed($action, $role)
        && target($action, $row['status'], $row['payment_status']) !== null));
}

/** The side that the caller acts for; the answer is given here where there is none. */
function roleOf(array|false $row, string $user): string
{
    if ($row === false) {
        refuse(404, 'not_found');
    }
    if ($row['professional_user_id'] === $user) {
        return 'professional';
    }
    if ($row['client_user_id'] === $user) {
        return 'client';
    }
    refuse(403, 'forbidden');
}

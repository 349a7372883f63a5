"""The rules of the service, written a second time as data, for the tests to compare with.

Nothing here is derived from the program; if the two differ, one of them is wrong."""

import dataclasses
import datetime
import zoneinfo

STATUSES = ("pending_confirmation", "confirmed", "rejected", "cancelled", "completed", "no_show")
PAYMENTS = ("none", "authorized", "captured", "refunded")
ACTIONS = ("confirm", "reject", "cancel", "paid", "complete", "no_show")
CALLERS = ("professional", "client", "both", "stranger")

OPEN = ("pending_confirmation", "confirmed")
BOTH_ROLES = ("professional", "client")
PROFESSIONAL = ("professional",)


@dataclasses.dataclass(frozen=True)
class Rule:
    roles: tuple
    statuses: tuple
    payments: tuple
    status: str = ""  # empty: unchanged
    payment: str = ""


RULES = {
    "confirm": Rule(PROFESSIONAL, ("pending_confirmation",), PAYMENTS, "confirmed", "authorized"),
    "reject": Rule(PROFESSIONAL, ("pending_confirmation",), PAYMENTS, "rejected", "refunded"),
    "cancel": Rule(BOTH_ROLES, OPEN, PAYMENTS, "cancelled"),
    "paid": Rule(PROFESSIONAL, (*OPEN, "completed", "no_show"), ("none", "authorized"), payment="captured"),
    "complete": Rule(PROFESSIONAL, OPEN, PAYMENTS, "completed"),
    "no_show": Rule(PROFESSIONAL, OPEN, PAYMENTS, "no_show"),
}
NOT_BEFORE_START = ("complete", "no_show")
HOLDS_ITS_SLOT = ("confirmed", "completed", "no_show")
KEEPS_REASON = ("reject", "cancel", "no_show")
EXPIRY_HOURS = {"confirm": 24, "reject": 24, "cancel": 24, "paid": 72, "complete": 72, "no_show": 72}


def role(caller):
    """A caller who is both parties acts as the professional; a stranger has no role."""
    return {"professional": "professional", "both": "professional", "client": "client"}.get(caller)


def target(action, status, payment):
    """The state after a success."""
    rule = RULES[action]
    after = rule.payment or payment
    if action == "confirm" and payment == "captured":
        after = "captured"
    return rule.status or status, after


def allows(action, status, payment):
    return status in RULES[action].statuses and payment in RULES[action].payments


def code(action, caller, status, payment, too_early=False):
    """The code of the answer; `ok` for a success."""
    if role(caller) is None:
        return "forbidden"
    if action not in RULES:
        return "unknown_action"
    if role(caller) not in RULES[action].roles:
        return "forbidden"
    if not allows(action, status, payment):
        return "invalid_transition"
    return "too_early" if too_early and action in NOT_BEFORE_START else "ok"


def allowed_actions(caller, status, payment, too_early=False):
    return [action for action in ACTIONS if code(action, caller, status, payment, too_early) == "ok"]


# --- Who is notified ----------------------------------------------------------------------------------
# (action, role of the actor): (kind, recipient's role, name, condition). Kinds: in_app, whatsapp, email.

HEARS = {
    ("confirm", "professional"): (
        ("in_app", "client", "booking_confirmed", "registered"),
        ("whatsapp", "client", "booking_confirmed", "always"),
        ("whatsapp", "professional", "booking_confirmed_receipt", "always"),
        ("email", "client", "booking_confirmed", "has_email")),
    ("reject", "professional"): (
        ("in_app", "client", "booking_rejected", "registered"),
        ("whatsapp", "client", "booking_rejected", "always"),
        ("whatsapp", "professional", "booking_rejected_receipt", "always"),
        ("email", "client", "booking_rejected", "has_email")),
    ("cancel", "client"): (
        ("in_app", "professional", "booking_cancelled", "always"),
        ("whatsapp", "client", "booking_cancelled", "always"),
        ("whatsapp", "professional", "cancelled_by_client", "always")),
    ("cancel", "professional"): (
        ("whatsapp", "client", "cancelled_by_professional", "always"),),
    ("paid", "professional"): (
        ("whatsapp", "client", "payment_confirmed", "always"),
        ("whatsapp", "professional", "payment_confirmed_receipt", "always")),
    ("complete", "professional"): (
        ("whatsapp", "client", "appointment_completed", "always"),
        ("whatsapp", "professional", "appointment_completed_receipt", "always")),
    ("no_show", "professional"): (
        ("whatsapp", "client", "no_show", "always"),
        ("whatsapp", "professional", "no_show_receipt", "always")),
}


def heard(action, actor, registered, has_email):
    """{(kind, recipient's role, name)} of one success."""
    holds = {"always": True, "registered": registered, "has_email": has_email}
    return {(kind, to, name) for kind, to, name, condition in HEARS[action, actor] if holds[condition]}


# --- Errors -------------------------------------------------------------------------------------------

ERRORS = {
    "malformed_body": (400, "Requisição inválida"),
    "invalid_header": (400, "Requisição inválida"),
    "party_missing": (400, "Profissional ou cliente ausente"),
    "unknown_action": (400, "Unknown action"),
    "invalid_transition": (400, "Ação não permitida neste estado"),
    "too_early": (400, "Ainda não é possível"),
    "unauthenticated": (401, "Não autorizado"),
    "forbidden": (403, "Sem permissão"),
    "not_found": (404, "Não encontrado"),
    "method_not_allowed": (405, "Método não permitido"),
    "slot_conflict": (409, "Horário já ocupado"),
    "idempotency_in_progress": (409, "Requisição em andamento"),
    "version_mismatch": (412, "O agendamento mudou"),
    "body_too_large": (413, "Requisição inválida"),
    "unsupported_media_type": (415, "Requisição inválida"),
    "idempotency_key_reused": (422, "Chave de idempotência já usada"),
    "rate_limited": (429, "Muitas tentativas. Aguarde um momento."),
    "unavailable": (503, "Serviço indisponível"),
    "malformed_request": (400, "Requisição inválida"),
    "uri_too_long": (414, "Requisição inválida"),
}
PROBLEM_MEMBERS = {"error", "code", "status", "title", "type", "detail", "requestId"}
EXTRA_MEMBERS = {
    "unknown_action": {"allowedActions"},
    "invalid_transition": {"currentStatus", "currentPaymentStatus", "allowedActions"},
    "too_early": {"allowedFrom"},
    "slot_conflict": {"conflictingAppointmentId"},
    "version_mismatch": {"currentVersion"},
}

# --- Words --------------------------------------------------------------------------------------------

WHATSAPP_TEMPLATES = (
    "booking_request", "booking_confirmed", "booking_confirmed_receipt", "booking_rejected",
    "booking_rejected_receipt", "booking_cancelled", "cancelled_by_client", "cancelled_by_professional",
    "registration_invite", "payment_confirmed", "payment_confirmed_receipt", "appointment_completed",
    "appointment_completed_receipt", "no_show", "no_show_receipt", "reminder_24h", "reminder_1h",
    "new_message_to_client", "new_message_to_professional")
LINKS_TO_BOOKING = ("cancelled_by_professional", "no_show", "booking_rejected")
SHOWS_REASON = ("booking_rejected", "cancelled_by_professional", "cancelled_by_client")
RULE_LINE = "\u2501" * 17

WEEKDAYS = ("segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado", "domingo")
MONTHS = ("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro",
          "novembro", "dezembro")


def local(instant, zone="America/Sao_Paulo"):
    """(weekday, day and month, time) in a message, of a UTC instant."""
    there = instant.replace(tzinfo=datetime.UTC).astimezone(zoneinfo.ZoneInfo(zone))
    day = "1º" if there.day == 1 else str(there.day)
    return WEEKDAYS[there.weekday()], f"{day} de {MONTHS[there.month - 1]}", there.strftime("%H:%M")

"""That the systems do the same job: the same rows and the same answers for every action."""

import json
import re

from . import rows
from .capture import request
from .load import LoadError

# What differs between two runs of the same action: ids, times, request ids.
VARIES = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|20(?:2\d)-\d\d-\d\d[ T][\d:.]+Z?")
WRITTEN = (
    "SELECT status, payment_status, version FROM appointments WHERE id = '{id}'",
    "SELECT version, action, actor_user_id, actor_role, reason, from_status, to_status, from_payment_status,"
    " to_payment_status, LENGTH(marker), LENGTH(request_id), TIMESTAMPDIFF(SECOND, created_at, UTC_TIMESTAMP()) < 60"
    " FROM appointment_events WHERE appointment_id = '{id}'",
    "SELECT recipient_id, recipient_type, type, title, body, `read` FROM notifications WHERE appointment_id = '{id}'",
    "SELECT appointment_version, channel, recipient_role, recipient, template, payload, state, last_error, attempts,"
    " TIMESTAMPDIFF(SECOND, available_at, expires_at), finished_at FROM outbox WHERE appointment_id = '{id}'"
    " ORDER BY id",
)
ACTIONS = (("confirm", "professional"), ("reject", "professional"), ("cancel", "professional"), ("cancel", "client"),
           ("paid", "professional"), ("complete", "professional"), ("no_show", "professional"))


def check(servers, data, systems, k=7):
    """Every action by every system on the same appointment; fails where rows or answers differ."""
    for action, role in ACTIONS:
        body = json.dumps({"action": action, "reason": "Vou viajar."})
        user = f"{role}-{k % (data.professionals if role == 'professional' else data.clients)}"
        seen = {}
        for system in systems:
            data.reset()
            status, head, answer = request(servers.url(system), k, rows.token(servers.secret, user), body)
            if status != 200:
                raise LoadError(f"{system} answers {status} to {action} by the {role}: {answer!r}\n"
                                + servers.log("php-errors"))
            written = [servers.sql(question.format(id=rows.appointment(k))) for question in WRITTEN]
            seen[system] = [VARIES.sub("*", answer.decode()), head["ETag"], head["Content-Type"].partition(";")[0],
                            written]
        one, *others = seen.items()
        for name, found in others:
            if found != one[1]:
                raise LoadError(f"{action} by the {role}: {one[0]} and {name} differ\n{one[1]}\n{found}")
    data.reset()

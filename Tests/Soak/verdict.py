"""Compares what clients were told with the database and the peers."""

import collections
import dataclasses
import email

import audit


def of_requests(fleet, load, says_nothing=()):
    """(figures, violations) of a load: every answer must be true.

    An event carries the id of the request that made it, so a request that was executed twice has two. If clients ask
    only once, an answer that `says_nothing` leaves open whether the request was executed."""
    journal = load.journal
    events = collections.defaultdict(list)
    for row in rows_about(fleet, "SELECT appointment_id, version, action, request_id FROM appointment_events"
                                 " WHERE appointment_id IN ({})", [each.booking.id for each in journal]):
        events[row["request_id"]].append(row)
    lost, double, wrong, silent = [], [], [], []
    for request in journal:
        found = events[request.id]
        if len(found) > 1:
            double.append(f"executed {len(found)} times: {described(request)}")
        if request.answer is None:
            silent.append(f"no answer: {described(request)}")
        elif request.final == 200 and not found:
            lost.append(f"acknowledged and lost: {described(request)}")
        elif request.final != 200 and found and request.final not in says_nothing:
            wrong.append(f"done, but refused: {described(request)}")
        elif request.final == 200 and request.answer.json()["appointment"]["version"] != found[0]["version"]:
            wrong.append(f"acknowledged with another version: {described(request)}")
    statuses = collections.Counter(status for request in journal for status in request.statuses)
    unclear = [request for request in journal if len(request.statuses) > 1]
    figures = {
        "requests": len(journal), "acknowledged changes": sum(request.final == 200 for request in journal),
        "answers": {str(status or "broken"): count for status, count in sorted(statuses.items())},
        "requests that had to be repeated": len(unclear),
        "of these, done before though unanswered": sum(is_replay(request) for request in unclear),
        "lost": len(lost), "double": len(double), "answered wrongly": len(wrong), "never answered": len(silent)}
    if statuses[500]:
        wrong.append(f"{statuses[500]} answers were an internal error")
    return figures, lost + double + wrong + silent + load.oddities


def unexpected(load):
    """Requests that were allowed and did not succeed."""
    return [described(request) for request in load.journal if request.final not in (200, None)]


def described(request):
    return (f"{request.action} by {request.role} of {request.booking.id}, request {request.id}: {request.statuses}"
            f" {request.answer and request.answer.body[:300]!r}")


def is_replay(request):
    return bool(request.answer and request.answer.header("Idempotency-Replayed"))


def rows_about(fleet, statement, identifiers):
    """The rows of a statement that selects by ids, in batches."""
    rows, identifiers = [], list(dict.fromkeys(identifiers))
    for begin in range(0, len(identifiers), 1000):
        part = identifiers[begin:begin + 1000]
        rows += fleet.sql(statement.format(", ".join(["%s"] * len(part))), *part)
    return rows


def of_rows(fleet, delivered=True):
    """Violations of the audit, over everything that the scenario made."""
    fleet.delivered = set(fleet.made) if delivered else set()
    return audit.in_rows(fleet)


# --- Messages -----------------------------------------------------------------------------------------

@dataclasses.dataclass
class Delivered:
    """Every outbox row of the scenario, and how many copies of it arrived."""
    rows: list
    copies: dict  # by the row's id
    strangers: list  # in a ledger, without a row

    @property
    def duplicates(self):
        return sum(max(0, count - 1) for count in self.copies.values())

    def states(self):
        return dict(collections.Counter(row["state"] for row in self.rows))


def deliveries(fleet):
    """Matches the ledgers with the rows. A WhatsApp text names the client, the time and the event, so number and text
    together identify a row; an email's Message-ID is the row's own."""
    rows = rows_about(fleet, "SELECT id, appointment_id, appointment_version, channel, recipient_role, recipient,"
                             " template, state, attempts, lost_claims, provider_id, message_uid, last_error FROM outbox"
                             " WHERE appointment_id IN ({})", fleet.made)
    whatsapp, mail = fleet.arrived()
    texts = {entry["id"]: (entry["number"], entry["text"]) for entry in whatsapp}
    arrived = collections.Counter(texts.values())
    arrived.update(uid(entry) for entry in mail)
    copies, known = {}, set()
    for row in rows:
        name = texts.get(row["provider_id"]) if row["channel"] == "whatsapp" else row["message_uid"]
        copies[row["id"]] = arrived[name] if name else 0
        known.add(name)
    tried = {row["recipient"].lstrip("+") for row in rows if row["attempts"]}
    strangers = [f"{name} got {count} messages that no row knows" for name, count in arrived.items()
                 if name not in known and (name[0] if isinstance(name, tuple) else name) not in tried]
    return Delivered(rows, copies, strangers)


def uid(entry):
    return email.message_from_string(entry["data"])["Message-ID"].strip().lstrip("<").partition("@")[0]


def of_messages(fleet, copies_allowed=0, states=("sent",)):
    """(figures, violations): nothing lost, and no more copies than the faults can explain."""
    found = deliveries(fleet)
    wrong = [f"sent, but never arrived: {row}" for row in found.rows
             if row["state"] == "sent" and found.copies[row["id"]] == 0]
    wrong += [f"{row['state']}: {row}" for row in found.rows if row["state"] not in states]
    wrong += [f"{found.copies[row['id']]} copies with {row['attempts']} attempts: {row}" for row in found.rows
              if found.copies[row["id"]] > max(1, row["attempts"])]
    lost = len(wrong)
    if found.duplicates > copies_allowed:
        wrong.append(f"{found.duplicates} second copies, at most {copies_allowed} can be explained")
    wrong += found.strangers
    figures = {"messages": sum(row["state"] != "skipped" for row in found.rows), "states": found.states(), "lost": lost,
               "second copies": found.duplicates}
    return figures, wrong

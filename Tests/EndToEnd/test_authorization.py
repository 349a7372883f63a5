"""Authorization through nginx, cell by cell: every kind of caller, every action, every state."""

import datetime
import functools
import itertools
import uuid

import pytest

import spec
from odys import STARTS_AT
from together import in_turn

# Each kind of caller and its role in the specification; None has no token.
KINDS = {"no token": None, "stranger": "stranger", "client": "client", "other client": "stranger",
         "professional": "professional", "other professional": "stranger", "both roles": "both"}
STATES = tuple(itertools.product(spec.STATUSES, spec.PAYMENTS))


def wanted(kind, action, status, payment):
    return "unauthenticated" if KINDS[kind] is None else spec.code(action, KINDS[kind], status, payment)


class Casts:
    """The persons of the matrix: two practices, and one person who is both parties of an appointment."""

    def __init__(self, odys):
        professional, other, both = odys.professional(), odys.professional(), odys.professional()
        self.parties = (professional, odys.client(professional))
        # The other client is of the same professional; the other professional has a client too.
        self.other_client, self.other = odys.client(professional), other
        odys.client(other)
        self.both = (both, odys.client(both, user_id=both.user_id))
        self.stranger = odys.stranger()

    def of(self, kind):
        """(the professional and the client of the appointment, who calls)"""
        if kind == "both roles":
            return self.both, self.both[0]
        caller = {"no token": None, "stranger": self.stranger, "client": self.parties[1],
                  "professional": self.parties[0], "other client": self.other_client,
                  "other professional": self.other}[kind]
        return self.parties, caller


def insert(odys, rows):
    """Inserts many appointments in one statement."""
    with odys.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO appointments (id, professional_id, client_id, starts_at, ends_at, status, payment_status) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s)", rows)
    odys.made.extend(row[0] for row in rows)


@pytest.mark.parametrize("status", spec.STATUSES)
def test_the_matrix(quiet, status):
    casts, cells, rows = Casts(quiet), [], []
    start = STARTS_AT
    for payment, kind, action in itertools.product(spec.PAYMENTS, KINDS, spec.ACTIONS):
        parties, caller = casts.of(kind)
        identifier, start = str(uuid.uuid4()), start + datetime.timedelta(hours=1)
        rows.append((identifier, parties[0].id, parties[1].id, start, start + datetime.timedelta(minutes=50), status,
                     payment))
        cells.append((kind, action, payment, identifier, caller))
    insert(quiet, rows)
    # One token per person, as a client would use it.
    heads = {caller: quiet.head(caller) for *_, caller in cells}
    answers = in_turn([functools.partial(
        quiet.request, "PATCH", f"/api/appointments/{identifier}", heads[caller], f'{{"action":"{action}"}}'.encode())
        for _, action, _, identifier, caller in cells])

    after = {row["id"]: row for row in quiet.sql(
        f"SELECT a.*, (SELECT COUNT(*) FROM appointment_events e WHERE e.appointment_id = a.id) AS events, "
        f"(SELECT COUNT(*) FROM outbox o WHERE o.appointment_id = a.id) AS messages, "
        f"(SELECT COUNT(*) FROM notifications n WHERE n.appointment_id = a.id) AS told "
        f"FROM appointments a WHERE id IN ({', '.join(['%s'] * len(cells))})", *[cell[3] for cell in cells])}
    for (kind, action, payment, identifier, _), answer in zip(cells, answers):
        code, row = wanted(kind, action, status, payment), after[identifier]
        got = "ok" if answer.status == 200 else answer.json()["code"]
        assert got == code, (kind, action, status, payment, answer)
        state = (row["status"], row["payment_status"], row["version"])
        if code == "ok":
            assert state == (*spec.target(action, status, payment), 2) and row["events"] == 1 and row["messages"] > 0
        else:
            assert answer.status == spec.ERRORS[code][0]
            assert state == (status, payment, 1) and row["events"] == row["messages"] == row["told"] == 0
            # The answer to a stranger contains nothing of the appointment.
            if code in ("forbidden", "unauthenticated"):
                assert set(answer.json()) == spec.PROBLEM_MEMBERS and status not in answer.body.decode()
    assert len(cells) == len(KINDS) * len(spec.ACTIONS) * len(spec.PAYMENTS)


def test_the_matrix_itself():
    """Counted by hand from the rules: 40 cells of a professional, 40 of who is both, 8 of a client may succeed."""
    codes = [wanted(kind, action, *state) for kind in KINDS for action in spec.ACTIONS for state in STATES]
    assert len(codes) == 7 * 6 * 24
    assert codes.count("ok") == 88 and codes.count("unauthenticated") == 144
    assert codes.count("forbidden") == 3 * 144 + 5 * 24


@pytest.mark.parametrize("action", [*spec.ACTIONS, "", "delete"])
def test_an_unknown_appointment_is_404_and_a_foreign_one_403_and_nothing_else_differs(quiet, action):
    stranger, body = quiet.stranger(), f'{{"action":"{action}"}}'.encode()
    unknown = quiet.send(f"/api/appointments/{uuid.uuid4()}", stranger, body, X_Request_Id="same")
    foreign = [quiet.send(quiet.booking(status=status), stranger, body, X_Request_Id="same")
               for status in spec.STATUSES]
    assert unknown.status == 404 and {answer.status for answer in foreign} == {403}
    assert len({answer.body for answer in foreign}) == 1, "the state of a foreign appointment shows"

    def shape(answer):
        return sorted(name for name, _ in answer.headers), set(answer.json())

    assert {repr(shape(answer)) for answer in foreign} == {repr(shape(unknown))}
    # Without a token the two do not differ at all.
    nobody = [quiet.send(path, None, body, X_Request_Id="same").body for path in (
        f"/api/appointments/{uuid.uuid4()}", quiet.booking().path)]
    assert nobody[0] == nobody[1]

"""Another session that holds locks on rows that the service needs."""

import contextlib
import itertools
import statistics
import time

import faults
import figures as measure
import verdict
from load import Caller, Load, Request
from scenario import scenario


@scenario("deadlock-storm", "somebody takes the same rows in the opposite order: the service repeats its transactions, "
          "and at most one client in a thousand sees an error",
          short={"deadlocks": 30, "tolerated": 0.01}, long={"deadlocks": 500, "tolerated": 0.001}, seconds=(60, 900))
def deadlock_storm(run, deadlocks, tolerated):
    fleet = run.fleet(ODYS_DELIVERY="off")
    faults.Disturber.prepare(fleet)
    begun = faults.deadlocks(fleet)
    # The messages of a confirm stay pending, so a cancel has rows to supersede.
    plans = (("confirm", "cancel"), ("confirm", "cancel by client"))
    load = Load(fleet, run.seed, 8, plans=plans, insists=False, repeats=0)
    names = Targets(load)
    professional = ("SELECT id FROM professionals WHERE id = (SELECT professional_id FROM appointments WHERE id = %s)"
                    " FOR UPDATE")
    appointment = "SELECT id FROM appointments WHERE id = %s FOR UPDATE"
    outbox = "SELECT id FROM outbox WHERE appointment_id = %s FOR UPDATE"
    disturbers = [faults.Disturber(fleet, first, appointment, names.next, f"{run.seed} {number}", pause=0.03)
                  for number, first in enumerate((professional, professional, outbox))]
    with load, contextlib.ExitStack() as disturbing:
        for each in disturbers:
            disturbing.enter_context(each)
        deadline = time.monotonic() + 30 + deadlocks
        while faults.deadlocks(fleet) - begun < deadlocks and time.monotonic() < deadline:
            time.sleep(0.1)
    raised = faults.deadlocks(fleet) - begun
    errors = [request for request in load.journal if request.final != 200]
    result, violations = verdict.of_requests(fleet, load, says_nothing=(503,))
    violations += verdict.of_rows(fleet, delivered=False)
    if raised < deadlocks:
        violations.append(f"only {raised} of {deadlocks} deadlocks")
    if len(errors) > max(1, tolerated * len(load.journal)):
        violations += [f"{len(errors)} of {len(load.journal)} clients saw an error",
                       *map(verdict.described, errors[:5])]
    return {"deadlocks": raised, "of these, the disturber's": sum(each.aborted for each in disturbers),
            **result, "errors seen by clients": len(errors),
            "share of clients": f"{100 * len(errors) / max(1, len(load.journal)):.3f} %"}, violations


class Targets:
    """The appointments that clients act on at the moment, one after another."""

    def __init__(self, load):
        self.load, self.turns = load, itertools.count()

    def next(self):
        current = list(self.load.current.values())
        return current[next(self.turns) % len(current)].id if current else None


DUE = """SELECT id FROM outbox WHERE state = 'pending' AND channel = 'whatsapp'
         AND available_at <= UTC_TIMESTAMP(6) ORDER BY available_at, id LIMIT 8"""
LOCK = """SELECT id FROM outbox FORCE INDEX (PRIMARY) WHERE id IN %s
          AND state = 'pending' AND available_at <= UTC_TIMESTAMP(6) LIMIT 1 FOR UPDATE SKIP LOCKED"""


def claim_in_one(cursor):
    """A common form of queue: finds due rows and locks them in the same statement."""
    cursor.execute(DUE + " FOR UPDATE SKIP LOCKED")


def claim_by_key(cursor):
    """This service's form: a plain read, then a lock by primary key."""
    cursor.execute(DUE)
    found = [row["id"] for row in cursor.fetchall()]
    cursor.execute(LOCK, (found + [0] * (8 - len(found)),))


@scenario("held-claim", "a claim's transaction is held open by another session: requests are not slowed down; "
          "with REPEATABLE READ in that session they are, so the test can see it",
          short={"seconds": 1.5, "rows": (0,)}, long={"seconds": 5, "rows": (0, 3, 100)}, seconds=(60, 120))
def held_claim(run, seconds, rows):
    fleet = run.fleet(ODYS_DELIVERY="off", direct=True)
    result, violations = {}, []
    for number in rows:
        fill(fleet, number)
        idle = probe(fleet, seconds)
        for name, claim in (("claim in one statement", claim_in_one), ("claim by key", claim_by_key)):
            fill(fleet, number)
            held, statuses = while_held(fleet, claim, "READ COMMITTED", seconds)
            slower = measure.milliseconds(statistics.median(held) - statistics.median(idle))
            result[f"{number} rows, {name}"] = {"idle": measure.latencies(idle), "held": measure.latencies(held),
                                                "slower by ms": slower}
            if slower > 20 or max(held) > 1 or statuses != {200}:
                violations.append(f"with {number} rows and {name}: {result}, {statuses}")
    fill(fleet, 0)
    held, statuses = while_held(fleet, claim_in_one, "REPEATABLE READ", max(seconds, 2.5))
    result["control under REPEATABLE READ"] = {**measure.latencies(held), "answers": sorted(statuses)}
    if max(held) < 1:
        violations.append("the control did not fail: the test cannot see what it is for")
    return result, violations + verdict.of_rows(fleet, delivered=False)


def fill(fleet, rows):
    """Makes exactly this many messages due."""
    fleet.sql("UPDATE outbox SET state = 'expired', finished_at = UTC_TIMESTAMP(6) WHERE state = 'pending'")
    if rows:
        with Load(fleet, rows, 2, plans=(("cancel",),), repeats=0, bookings=fleet.crowd(rows)) as load:
            load.join()


def while_held(fleet, claim, isolation, seconds):
    """Latencies and statuses of requests while a session holds the claim's locks."""
    with fleet.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"SET SESSION TRANSACTION ISOLATION LEVEL {isolation}")
        connection.begin()
        claim(cursor)
        statuses: set = set()
        held = probe(fleet, seconds, statuses)
        connection.rollback()
    return held, statuses


def probe(fleet, seconds, statuses=None, pause=0.02):
    """Latencies of one client's confirms, one after another."""
    caller, latencies, deadline = Caller(fleet), [], time.monotonic() + seconds
    for booking in fleet.crowd(int(seconds / pause) + 10):
        if time.monotonic() > deadline:
            break
        request = Request(booking, "confirm", "professional", key=None)
        answer = caller.patch(request)
        latencies.append(request.seconds[0])
        if statuses is not None:
            statuses.add(answer.status if answer else 0)
        time.sleep(pause)
    caller.close()
    return latencies

"""A database that dies, freezes, loses answers or refuses."""

import itertools
import time

import figures as measure
import verdict
from fleet import RESPONDERS
from load import CONFIRM, Load, wait_for_changes
from scenario import scenario

# Texts by which the proxy recognises the statements of a request.
WRITE_BLOCK = "INSERT INTO appointment_events"
STATEMENTS = ("INSERT INTO idempotency_keys", "FOR UPDATE) a", WRITE_BLOCK)
CODES = (1213, 1020, 1205, 1969, 1047, 1290, 1836, 1364)


@scenario("database-kills", "kill -9 of MariaDB under load: no acknowledged change is lost, and every client that "
          "repeats its request learns the truth",
          short={"rounds": 1, "clients": 8}, long={"rounds": 20, "clients": 16}, seconds=(60, 900))
def database_kills(run, rounds, clients):
    fleet = run.fleet(ODYS_DELIVERY="off")
    pids, recoveries = fleet.responder_pids(), []
    with Load(fleet, run.seed, clients) as load:
        for _ in range(rounds):
            wait_for_changes(load, 60)
            fleet.kill_database()
            fleet.restart_db()
            begun = time.monotonic()
            wait_for_changes(load, 1)
            recoveries.append(time.monotonic() - begun)
        wait_for_changes(load, 60)
    result, violations = verdict.of_requests(fleet, load)
    violations += verdict.unexpected(load) + verdict.of_rows(fleet, delivered=False)
    if fleet.responder_pids() != pids:
        violations.append("a responder ended because of the database")
    if max(recoveries) > 5:
        violations.append(f"the first change came {max(recoveries):.1f} s after the database was back")
    return {"kills": rounds, "longest wait for the first change s": round(max(recoveries), 2), **result}, violations


@scenario("cut-commits", "the connection breaks at the COMMIT, before the server has it or after it was executed, or "
          "freezes: never a wrong success, never a second execution",
          short={"each": 6, "frozen": 4}, long={"each": 80, "frozen": 20}, seconds=(60, 600))
def cut_commits(run, each, frozen):
    fleet = run.fleet(ODYS_DELIVERY="off")
    rules = [{"match": WRITE_BLOCK, "mode": mode, "times": times, "every": 8} for mode, times in (
        ("cut_before", each), ("cut_after", each), ("freeze_before", frozen), ("freeze_after", frozen))]
    with Load(fleet, run.seed, 12) as load:
        fleet.proxy.rules(*rules)
        used_up(fleet, 20 + each * 4)
        stats = fleet.proxy.rules()
        wait_for_changes(load, 30)
    result, violations = verdict.of_requests(fleet, load)
    violations += verdict.unexpected(load) + verdict.of_rows(fleet, delivered=False)
    longest = max(seconds for request in load.journal for seconds in request.seconds)
    if longest > 6:
        violations.append(f"a request took {longest:.1f} s")
    return {"broken": stats["hits"], "longest request s": round(longest, 2), **result}, violations


def used_up(fleet, seconds):
    deadline = time.monotonic() + seconds
    while (left := fleet.proxy.stats()["left"]) and time.monotonic() < deadline:
        time.sleep(0.1)
    if left:
        raise AssertionError(f"{left} faults of the proxy did not happen within {seconds} s")


@scenario("broken-statements", "every statement of a request fails with every error the server may give: all or "
          "nothing, and nothing is sent to the server before the ROLLBACK",
          short={"times": 1}, long={"times": 20}, seconds=(60, 600))
def broken_statements(run, times):
    fleet = run.fleet(ODYS_DELIVERY="off")
    rules = [{"match": text, "mode": "replace", "code": code, "times": times, "every": 20}
             for text, code in itertools.product(STATEMENTS, CODES)]
    before = fleet.proxy.stats()
    with Load(fleet, run.seed, 10) as load:
        fleet.proxy.rules(*rules)
        used_up(fleet, 30 + times * 20)
        stats = fleet.proxy.rules()
        wait_for_changes(load, 30)
    result, violations = verdict.of_requests(fleet, load)
    # An error that no server gives here, such as a column without a default, is an internal one.
    violations = [each for each in violations if "answers were an internal error" not in each]
    violations += verdict.unexpected(load) + verdict.of_rows(fleet, delivered=False)
    violations += [f"sent before the ROLLBACK: {sql}" for sql in stats["careless"]]
    hits = {name: count - before["hits"].get(name, 0) for name, count in stats["hits"].items() if "replace" in name}
    return {"statements broken": hits, **result}, violations


@scenario("frozen-database", "a database that is stopped: each request ends with 503 in its time, no thread is lost",
          short={"seconds": 6}, long={"seconds": 10}, seconds=(60, 120))
def frozen_database(run, seconds):
    fleet = run.fleet()
    before = {pid: measure.size_of(pid)["threads"] for pid in fleet.responder_pids()}
    bookings = fleet.crowd(6000)
    threads = RESPONDERS * 8
    load = Load(fleet, run.seed, threads, plans=CONFIRM, insists=False, repeats=0, bookings=bookings)
    with load:
        wait_for_changes(load, 50)
        with fleet.stopped_database():
            begun, first = time.monotonic(), len(load.journal)
            time.sleep(seconds)
        # Those that were in flight when it resumed.
        thawed = time.monotonic()
        wait_for_changes(load, 50)
    recovery = time.monotonic() - thawed
    asked = load.journal[first:]
    stalled = [request for request in asked if request.seconds[0] > 0.5 or request.final != 200]
    statuses = {status: sum(request.final == status for request in asked) for status in {each.final for each in asked}}
    longest = max(request.seconds[0] for request in asked)
    violations = [f"took {request.seconds[0]:.1f} s: {verdict.described(request)}" for request in asked
                  if request.seconds[0] > 5.5]
    violations += [verdict.described(request) for request in asked if request.final not in (200, 503)]
    left = fleet.drained(60)
    after = {pid: measure.size_of(pid)["threads"] for pid in fleet.responder_pids()}
    if set(after) != set(before) or any(after[pid] < before[pid] - 1 for pid in before):
        violations.append(f"threads before {before}, after {after}")
    _, wrong = verdict.of_requests(fleet, load, says_nothing=(503,))
    violations += wrong + verdict.of_rows(fleet, delivered=not left)
    return {"frozen s": round(thawed - begun, 1), "requests meanwhile": len(stalled), "answers": statuses,
            "longest request s": round(longest, 2), "50 changes after s": round(recovery, 2)}, violations

"""Killed processes: responders at every point of a request and of a delivery, and all at once."""

import contextlib
import signal
import time

import faults
import verdict
from fleet import RESPONDERS, TIME_SCALE
from load import Load, wait_for_changes
from scenario import scenario

LEASE_SECONDS = 60 * TIME_SCALE


@scenario("responder-kills",
          "kill -9 at every place of a request: clients that repeat with their key lose nothing and do nothing twice",
          short={"each": 1, "clients": 8}, long={"each": 60, "clients": 12}, seconds=(60, 1200))
def responder_kills(run, each, clients):
    fleet = run.fleet(ODYS_DELIVERY="off")
    with Load(fleet, run.seed, clients) as load:
        # Afterwards no process dies any more, and clients without an answer get one.
        killed = faults.kill_at(fleet, faults.PATCH_POINTS, each, every=4, seconds=20 + each * 15, seed=run.seed,
                                after={"ODYS_DELIVERY": "off"})
    figures, violations = verdict.of_requests(fleet, load)
    violations += verdict.unexpected(load) + faults.too_few(killed, each) + verdict.of_rows(fleet, delivered=False)
    return {"kills": sum(killed.values()), "kills at": killed, **figures}, violations


@scenario("delivery-kills",
          "kill -9 at every place of a delivery: no message is lost, and a second copy exists only where the process "
          "died between the request to the provider and the record of its answer",
          short={"stages": (("W1", "W2", "W5"), ("W3", "W4")), "each": 2, "mail": 0},
          long={"stages": tuple((point,) for point in faults.DELIVERY_POINTS), "each": 60, "mail": 12},
          seconds=(90, 1500))
def delivery_kills(run, stages, each, mail):
    """`mail` of the kills at each point are those of email senders."""
    totals: dict = {}
    violations = []
    for stage in stages:
        for channel, number in (("whatsapp", each - mail), ("email", mail)):
            if number == 0:
                continue
            figures, found = delivery_stage(run, stage, number, channel)
            violations += found
            for name, value in figures.items():
                totals[name] = totals.get(name, 0) + value
    return totals, violations


def delivery_stage(run, points, each, channel):
    """One sender for each channel of a process, and only one channel has messages: what is in flight when the process
    dies is the message at the fail point."""
    fleet = run.fleet(ODYS_DELIVERY="off")
    # One claim in so many kills, and there are twice as many messages as that takes.
    every = 10 if each > 5 else 4
    load = enqueue(run, fleet, channel, 2 * each * every * len(points))
    senders = {"ODYS_WHATSAPP_SENDERS": 1, "ODYS_EMAIL_SENDERS": 1, "ODYS_DELIVERY": "on"}
    slow = {"mode": "ok", "delay_ms": 40}  # W3 dies 15 ms after it has begun to send
    with faults.peers_fail(fleet, slow, slow):
        killed = faults.kill_at(fleet, points, each, every, seconds=20 + each * 5, seed=run.seed, after=senders,
                                **senders)
        left = fleet.drained(2 * LEASE_SECONDS + 60)
    explained = sum(killed.get(point, 0) for point in ("W3", "W4"))
    # A recipient without a phone gets no WhatsApp message.
    figures, violations = verdict.of_messages(fleet, copies_allowed=explained, states=("sent", "skipped", "dead"))
    # A message in flight at five deaths in a row becomes dead, as designed.
    poison = [row for row in verdict.deliveries(fleet).rows if row["state"] == "dead"]
    violations += [f"dead: {row}" for row in poison
                   if row["attempts"] < 5 or not row["last_error"].startswith("poison")]
    violations += faults.too_few(killed, each) + verdict.of_rows(fleet) + load.oddities
    if left:
        violations.append(f"{left} messages still pending")
    name, kills = "+".join(points), sum(killed.values())
    return {"kills": kills, "messages": figures["messages"], "lost": figures["lost"], "taken for poison": len(poison),
            f"kills at {name}": kills, f"second copies at {name}": figures["second copies"]}, violations


def enqueue(run, fleet, channel, messages):
    """Messages of one channel, made by requests."""
    people: dict
    if channel == "whatsapp":
        plans, bookings, people = (("cancel by client",),), messages // 2, {"email": None}
    else:
        plans, bookings, people = (("confirm",),), messages, {"phone": "none"}
    crowd = fleet.crowd(bookings, **people)
    with Load(fleet, run.seed, plans=plans, repeats=0, bookings=crowd) as load:
        load.join()
    return load


@scenario("everything-killed", "database and responders killed in the same moment, under load",
          short={"rounds": 1, "clients": 6}, long={"rounds": 20, "clients": 8}, seconds=(60, 900))
def everything_killed(run, rounds, clients):
    fleet = run.fleet()
    with Load(fleet, run.seed, clients, pause=0.02) as load:
        for _ in range(rounds):
            wait_for_changes(load, 40)
            with contextlib.suppress(ProcessLookupError):
                for instance in range(1, RESPONDERS + 1):
                    fleet.kill(instance)
                fleet.kill_database()
            fleet.restart_db()
        wait_for_changes(load, 40)
    left = fleet.drained(2 * LEASE_SECONDS + 60)
    figures, violations = verdict.of_requests(fleet, load)
    messages, wrong = verdict.of_messages(fleet, copies_allowed=rounds * RESPONDERS * 6,
                                          states=("sent", "superseded", "dead"))
    wrong += unclear_only(fleet)
    violations += verdict.unexpected(load) + wrong + verdict.of_rows(fleet, delivered=not left)
    if left:
        violations.append(f"{left} messages still pending")
    return {"kills of everything": rounds, **figures, **messages}, violations


def unclear_only(fleet):
    """A message may be dead only if its outcome was twice unclear, which the log and the row say."""
    return [f"dead: {row}" for row in verdict.deliveries(fleet).rows
            if row["state"] == "dead" and row["last_error"] != "outcome_unknown"]


@scenario("rolling-restart", "SIGTERM to one responder after another, under load: no request fails",
          short={"rounds": 1, "clients": 4}, long={"rounds": 20, "clients": 6}, seconds=(60, 900))
def rolling_restart(run, rounds, clients):
    fleet = run.fleet()
    figures, violations = restart_all(run, fleet, rounds, clients, pause=0.05)
    left = fleet.drained(60)
    messages, wrong = verdict.of_messages(fleet, states=("sent", "superseded"))
    violations += wrong + verdict.of_rows(fleet, delivered=not left)
    return {**figures, **messages}, violations


@scenario("restart-at-full-speed",
          "the same while each client asks again at once, so that nginx leaves none of its connections idle",
          short={"rounds": 2, "clients": 12}, long={"rounds": 20, "clients": 24}, seconds=(60, 900))
def restart_at_full_speed(run, rounds, clients):
    fleet = run.fleet(ODYS_DELIVERY="off")
    figures, violations = restart_all(run, fleet, rounds, clients, pause=0)
    return figures, violations + verdict.of_rows(fleet, delivered=False)


def restart_all(run, fleet, rounds, clients, pause):
    drains = []
    with Load(fleet, run.seed, clients, insists=False, pause=pause) as load:
        wait_for_changes(load, 20)
        for _ in range(rounds):
            for instance in range(1, RESPONDERS + 1):
                begun = time.monotonic()
                restart(fleet, instance)
                drains.append(time.monotonic() - begun)
        wait_for_changes(load, 20)
    figures, violations = verdict.of_requests(fleet, load)
    failed = verdict.unexpected(load)
    violations += failed
    codes = [code for _, _, code in fleet.new_ends()]
    if codes != [0] * len(drains):
        violations.append(f"responders ended with {codes}")
    return {"restarts": len(drains), "failed requests": len(failed), "longest restart s": round(max(drains), 2),
            **figures}, violations


def restart(fleet, instance, seconds=30):
    """SIGTERM, and another process answers in its place."""
    old = fleet.kill(instance, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while fleet.responder_pids()[instance - 1] == old or fleet.health(instance) != 200:
        if time.monotonic() > deadline:
            raise AssertionError(f"responder {instance} was not replaced within {seconds} s")
        time.sleep(0.05)


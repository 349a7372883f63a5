"""Messages that kill their sender, order of messages, and senders that resume too late."""

import contextlib
import time

import faults
import verdict
from fleet import RESPONDERS
from load import Load
from scenario import scenario
from scenarios_delivery import CANCEL, enqueue
from waiting import eventually

SENDERS = 4  # of WhatsApp messages, in each process


@scenario("poison", "rows that kill their sender or cannot be rendered end as dead, and all others are sent",
          short={"good": 100}, long={"good": 1000}, seconds=(60, 300))
def poison(run, good):
    fleet = run.fleet(ODYS_DELIVERY="off")
    # Each sender that claims one of the four dies before it sends.
    violations = enqueue(run, fleet, 4)
    deadly = [row["id"] for row in verdict.deliveries(fleet).rows]
    settings = {"ODYS_TIME_SCALE": 0.02, "ODYS_FAIL_POINT": "W2"}
    ends = fleet.configure(**settings)
    ends += wait_until_final(fleet, deadly)
    rows = [fleet.row(each) for each in deadly]
    deaths = sum(code == -9 for _, _, code in ends)
    violations += [f"not dead as poison: {row}" for row in rows
                   if row["state"] != "dead" or not row["last_error"].startswith("poison")]
    if deaths > 5 * len(deadly):
        violations.append(f"{deaths} processes died of {len(deadly)} rows")
    fleet.forget()
    fleet.configure(ODYS_DELIVERY="off")
    violations += enqueue(run, fleet, good)
    broken = [fleet.enqueue(channel="whatsapp", recipient_role="client", recipient=f"+55219{number}", template=name,
                            payload=payload)
              for number, (name, payload) in enumerate((("no_such_template", {}), ("booking_confirmed", {}),
                                                        ("reminder_24h", {"clientName": 7})), 30_000_000)]
    fleet.configure()
    left = fleet.drained(60 + good / 20)
    result, wrong = verdict.of_messages(fleet)
    violations += wrong + verdict.of_rows(fleet, delivered=not left)
    states = {fleet.row(each)["state"] for each in broken}
    if states != {"dead"}:
        violations.append(f"rows that cannot be rendered are {states}")
    return {"rows that kill": len(deadly), "processes that died of them": deaths,
            "rows that cannot be rendered": len(broken), **result}, violations


def wait_until_final(fleet, rows, seconds=60):
    ends = []
    deadline = time.monotonic() + seconds
    while any(fleet.row(each)["state"] == "pending" for each in rows) and time.monotonic() < deadline:
        ends += fleet.new_ends()
        time.sleep(0.05)
    return ends + fleet.new_ends()


@scenario("order",
          "confirm, and cancel within 50 ms, while the provider fails and processes die: what arrives is never "
          "in the wrong order, and the older message may be superseded",
          short={"appointments": 20, "failing": 2, "kills": 2},
          long={"appointments": 1000, "failing": 100, "kills": 60}, seconds=(60, 900))
def order(run, appointments, failing, kills):
    fleet = run.fleet(ODYS_DELIVERY="off")
    bookings = fleet.crowd(appointments)
    for booking in bookings[:failing]:
        fleet.whatsapp.control(mode="unavailable", number=booking.client.number, times=3)
    with Load(fleet, run.seed, 4, plans=(("confirm", "cancel"),), repeats=0, bookings=bookings) as load, \
            contextlib.ExitStack() as end:
        end.callback(fleet.whatsapp.reset)
        killed = faults.kill_at(fleet, ("W1", "W4"), kills // 2, every=15 if kills > 10 else 4,
                                seconds=30 + kills * 5, seed=run.seed, after={"ODYS_DELIVERY": "on"},
                                until=lambda: load.is_over and not fleet.pending(), ODYS_DELIVERY="on")
        load.join()
        left = fleet.drained(300)
    found = verdict.deliveries(fleet)
    inverted = inversions(fleet, found.rows, bookings)
    states = found.states()
    violations = inverted + load.oddities + verdict.of_rows(fleet, delivered=not left)
    violations += [f"{row}" for row in found.rows if row["state"] not in ("sent", "superseded")]
    if not sum(killed.values()):
        violations.append("no process died: the scenario tested less than it should")
    return {"appointments": appointments, "of these, with a provider that fails three times": failing,
            "kills": sum(killed.values()), "states": states,
            "in the wrong order": len(inverted), "second copies": found.duplicates}, violations


def inversions(fleet, rows, bookings):
    """Recipients to whom a message of an earlier version came after a later one's."""
    arrived = fleet.arrived()[0]
    texts = {entry["id"]: (entry["number"], entry["text"]) for entry in arrived}
    versions = {texts[row["provider_id"]]: (row["appointment_id"], row["appointment_version"]) for row in rows
                if row["provider_id"] in texts}
    clients = {booking.client.number: booking.id for booking in bookings}
    latest: dict = {}
    found = []
    for entry in arrived:
        # A text without a row that says sent left before its sender died, and was then superseded: it is the older one.
        appointment, version = versions.get((entry["number"], entry["text"]), (clients.get(entry["number"]), 1))
        if appointment is None:
            continue  # a professional's, which names no appointment
        who = entry["number"], appointment
        if version < latest.get(who, 0):
            found.append(f"version {version} came after {latest[who]}: {entry}")
        latest[who] = max(version, latest.get(who, 0))
    return found


@scenario("fencing", "a process that sleeps for longer than two leases and wakes up changes nothing that others did "
          "meanwhile; one second copy of what it had in hand at most",
          short={"rounds": 2}, long={"rounds": 50}, seconds=(60, 600))
def fencing(run, rounds):
    scale = 0.03
    fleet = run.fleet(ODYS_TIME_SCALE=scale, direct=True)
    lease, violations = 60 * scale, []
    with faults.peers_fail(fleet, {"mode": "ok", "delay_ms": 150}):
        for number in range(rounds):
            instance = number % RESPONDERS + 1
            bookings = fleet.crowd(6)
            with Load(fleet, f"{run.seed} {number}", 6, plans=CANCEL, repeats=0, bookings=bookings) as load:
                load.join()
                eventually(lambda ids=[each.id for each in bookings]: leased(fleet, ids), 5)
                with fleet.stopped(instance):
                    begun = time.monotonic()
                    eventually(lambda: fleet.pending() == 0, 6 * lease + 20)
                    settled = {row["id"]: row for row in finals(fleet, bookings)}
                    time.sleep(max(0, begun + 2.2 * lease - time.monotonic()))
            violations += load.oddities
            # What it tried to record is in its log once it has resumed and is idle.
            eventually(lambda instance=instance: fleet.health(instance) == 200, 5)
            violations += [f"changed by a process that had slept: {row}, before {settled[row['id']]}"
                           for row in finals(fleet, bookings) if row != settled[row["id"]]]
    taken_over = sum(fleet.log(f"responder-{each}.log").count("taken over by another sender") for each in (1, 2, 3))
    result, wrong = verdict.of_messages(fleet, copies_allowed=rounds * SENDERS)
    violations += wrong + verdict.of_rows(fleet)
    if not taken_over:
        violations.append("no lease was ever lost: the scenario tested nothing")
    return {"rounds": rounds, "lease s": lease, "late records refused": taken_over, **result}, violations


def leased(fleet, appointments):
    return len(verdict.rows_about(fleet, "SELECT id FROM outbox WHERE state = 'pending' AND lease_token IS NOT NULL"
                                         " AND appointment_id IN ({})", appointments))


def finals(fleet, bookings):
    return verdict.rows_about(fleet, "SELECT id, state, provider_id, attempts, finished_at FROM outbox"
                                     " WHERE appointment_id IN ({}) ORDER BY id", [each.id for each in bookings])

"""A process stopped in the middle of a transaction, as on a suspended host: it keeps its locks."""

import json
import threading
import time

import fastcgi
import verdict
from fleet import RESPONDERS
from load import Load
from scenario import scenario
from scenarios_kills import restart
from waiting import eventually

# The statement after the lock. The proxy withholds it, and the process is stopped before it gives up.
AFTER_CLAIM = "SET attempts = attempts + 1"
AFTER_LOCK = "INSERT INTO appointment_events"
SLEEPER, AWAKE = 1, 2


@scenario("sleepers", "a process that falls asleep while it holds a lock delays whatever waits for it by a few seconds "
          "only: the message it was claiming, the channel where a rate is set, the appointment it was changing",
          short={"bound": 12}, long={"bound": 12}, seconds=(120, 180))
def sleepers(run, bound):
    delays = {"a claimed message": asleep_in_claim(run, bound, {}),
              "a channel with a rate": asleep_in_claim(run, bound, {"ODYS_WHATSAPP_RATE": 100}),
              "an appointment": asleep_in_request(run, bound)}
    violations = [f"{name} was held for {seconds:.0f} s or more" for name, seconds in delays.items() if seconds > bound]
    violations += verdict.of_rows(run.current, delivered=False)
    return {f"{name} waited s": round(seconds, 1) for name, seconds in delays.items()}, violations


def asleep_in_claim(run, bound, settings):
    """Seconds until two messages are sent, one of which a stopped process has locked."""
    fleet = run.fleet(ODYS_DELIVERY="off", direct=True)
    with Load(fleet, run.seed, 1, plans=(("cancel by client",),), repeats=0, bookings=fleet.crowd(1)) as load:
        load.join()
    fleet.proxy.rules({"match": AFTER_CLAIM, "mode": "freeze_before", "times": 1})
    fleet.write_settings({**settings, "ODYS_DELIVERY": "on", "ODYS_DB_SOCKET": fleet.proxy.socket,
                          "ODYS_WHATSAPP_SENDERS": 1}, SLEEPER)
    restart(fleet, SLEEPER)
    eventually(lambda: fleet.proxy.stats()["left"] == 0, 10)
    with fleet.stopped(SLEEPER):
        begun = time.monotonic()
        for instance in range(1, RESPONDERS + 1):
            if instance != SLEEPER:
                fleet.write_settings({**settings, "ODYS_DELIVERY": "on"}, instance)
                restart(fleet, instance)
        fleet.drained(bound + 5)
        waited = time.monotonic() - begun
    fleet.drained(20)
    return waited


def asleep_in_request(run, bound):
    """Seconds until an appointment can be changed that a stopped process has locked."""
    fleet = run.fleet(ODYS_DELIVERY="off", direct=True)
    (booking,) = fleet.crowd(1)
    fleet.proxy.rules({"match": AFTER_LOCK, "mode": "freeze_before", "times": 1})
    fleet.write_settings({"ODYS_DB_SOCKET": fleet.proxy.socket}, SLEEPER)
    restart(fleet, SLEEPER)
    first = threading.Thread(target=lambda: patch(fleet, booking, SLEEPER), daemon=True)
    first.start()
    eventually(lambda: fleet.proxy.stats()["left"] == 0, 10)
    with fleet.stopped(SLEEPER):
        begun = time.monotonic()
        while patch(fleet, booking, AWAKE) != 200 and time.monotonic() < begun + bound + 5:
            time.sleep(0.1)
        waited = time.monotonic() - begun
    first.join(30)
    return waited


def patch(fleet, booking, instance):
    """A request to one responder; nginx would choose by itself."""
    socket = fleet.description["responders"][instance - 1]["socket"]
    body = json.dumps({"action": "cancel"}).encode()
    return fastcgi.request(socket, "PATCH", booking.path, fleet.head(booking.professional), body)[0]

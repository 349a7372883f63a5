"""All faults at once, for a long time."""

import random
import threading
import time

import faults
import figures as measure
import verdict
from fleet import RESPONDERS
from load import Caller, Load, Request, wait_for_changes
from scenario import scenario
from scenarios_database import WRITE_BLOCK
from scenarios_kills import restart

# This one is never killed, so that its growth can be measured.
WITNESS = 1


class Faults:
    """One method for each fault. Each returns when it is over."""

    def __init__(self, fleet, chance):
        self.fleet, self.chance = fleet, chance

    def victim(self):
        return self.chance.choice([each for each in range(1, RESPONDERS + 1) if each != WITNESS])

    def responder_killed(self):
        self.fleet.kill(self.victim())

    def responder_restarted(self):
        restart(self.fleet, self.victim())

    def responder_asleep(self):
        with self.fleet.stopped(self.victim()):
            time.sleep(2)

    def database_killed(self):
        self.fleet.kill_database()
        self.fleet.restart_db()

    def database_asleep(self):
        with self.fleet.stopped_database():
            time.sleep(3)

    def commits_cut(self):
        self.fleet.proxy.rules(*({"match": WRITE_BLOCK, "mode": mode, "times": 4, "every": 3}
                                 for mode in ("cut_before", "cut_after", "freeze_after")))
        time.sleep(3)
        self.fleet.proxy.rules()

    def statements_fail(self):
        self.fleet.proxy.rules(*({"match": "SELECT", "mode": "replace", "code": code, "times": 5, "every": 10}
                                 for code in (1213, 1205)))
        time.sleep(2)
        self.fleet.proxy.rules()

    def whatsapp_away(self):
        with faults.peers_fail(self.fleet, {"mode": "unavailable"}):
            time.sleep(4)

    def whatsapp_hangs(self):
        with faults.peers_fail(self.fleet, {"mode": "hang"}):
            time.sleep(2)

    def mail_away(self):
        with faults.peers_fail(self.fleet, mail={"mode": "reject_rcpt_4xx"}):
            time.sleep(4)

    def whatsapp_misconfigured(self):
        with faults.peers_fail(self.fleet, {"mode": "unauthorized"}):
            time.sleep(3)

    @classmethod
    def names(cls):
        return [name for name in vars(cls) if name not in ("victim", "names") and not name.startswith("_")]


def quarrel(fleet, bookings, chance, journal, stopping):
    """A client who acts on appointments that others act on as well: any true answer is right."""
    caller = Caller(fleet)
    while not stopping.is_set():
        request = Request(chance.choice(bookings), *chance.choice((
            ("confirm", "professional"), ("cancel", "client"), ("cancel", "professional"), ("paid", "professional"),
            ("complete", "professional"), ("no_show", "professional"), ("reject", "professional"))))
        journal.append(caller.insist(request, chance))
        time.sleep(chance.uniform(0, 0.1))
    caller.close()


@scenario("mixed", "all actions of both parties, and one random fault after another; then everything is as it must be, "
          "and no process has grown",
          short={"seconds": 8, "every": 4, "growth": 0.5}, long={"seconds": 600, "every": 20, "growth": 0.05},
          seconds=(120, 1500))
def mixed(run, seconds, every, growth):
    fleet = run.fleet()
    chance = random.Random(f"{run.seed} faults")
    names = Faults.names()
    chance.shuffle(names)
    happened: list = []
    quarrels: list = []
    stopping = threading.Event()
    contested = fleet.crowd(max(20, seconds * 2))
    with Load(fleet, run.seed, 6, pause=0.05) as load:
        others = [threading.Thread(target=quarrel, daemon=True, args=(
            fleet, contested, random.Random(f"{run.seed} quarrel {number}"), quarrels, stopping))
            for number in range(2)]
        for each in others:
            each.start()
        # Memory that a process takes once is not growth: the first tenth is the warm-up.
        wait_for_changes(load, 100)
        time.sleep(seconds / 10)
        pid, before = fleet.responder_pids()[WITNESS - 1], size(fleet)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            next_fault = time.monotonic() + every
            name = names[len(happened) % len(names)]
            getattr(Faults(fleet, chance), name)()
            happened.append(name)
            time.sleep(max(0, next_fault - time.monotonic()))
        wait_for_changes(load, 50, 60)
        stopping.set()
        for each in others:
            each.join(90)
    left = fleet.drained(120)
    after = size(fleet)
    failed = verdict.unexpected(load)
    load.journal += quarrels
    result, violations = judged(fleet, load, happened, left, growth, (pid, before, after))
    return result, failed + violations


def size(fleet):
    return measure.size_of(fleet.responder_pids()[WITNESS - 1])


def judged(fleet, load, happened, left, growth, witness):
    pid, before, after = witness
    result, violations = verdict.of_requests(fleet, load)
    # A second copy needs a sender that died, or a provider that fell silent: what each process had in flight then.
    silences = sum(name in ("responder_killed", "responder_asleep", "database_killed", "database_asleep",
                            "whatsapp_hangs") for name in happened)
    messages, wrong = verdict.of_messages(fleet, copies_allowed=silences * RESPONDERS * 6,
                                          states=("sent", "superseded", "dead"))
    violations += wrong + verdict.of_rows(fleet, delivered=not left)
    violations += [f"dead: {row}" for row in verdict.deliveries(fleet).rows
                   if row["state"] == "dead" and row["last_error"] != "outcome_unknown"]
    if left:
        violations.append(f"{left} messages still pending")
    if pid != fleet.responder_pids()[WITNESS - 1]:
        violations.append("a responder that nobody killed has ended")
    grown = {name: round(100 * (after[name] / before[name] - 1), 1) for name in before}
    if grown["rss KiB"] > 100 * growth or after["descriptors"] > before["descriptors"] + 8:
        violations.append(f"before {before}, after {after}")
    refused = sum(request.final in (400, 409) for request in load.journal)
    return {"faults": {name: happened.count(name) for name in sorted(set(happened))}, **result,
            "rightly refused": refused, **messages, "responder before": before, "after": after,
            "growth %": grown}, violations

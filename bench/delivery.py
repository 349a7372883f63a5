#!/usr/bin/python3
"""`make bench-delivery`: how fast messages reach their providers, and what requests notice of it.

  bench/delivery.py [--quick] [--out DIRECTORY]

--quick takes three minutes."""

import collections
import contextlib
import dataclasses
import random
import sys
import time

from lib import load, measure, report, rows
from lib.capture import request
from lib.providers import CHANNELS, Providers
from lib.servers import Servers, wait_until

APPOINTMENTS, PROFESSIONALS = 100_000, 2_000
# Each confirm queues two WhatsApp messages and one e-mail: 15,000 wait, and no run comes to their end.
BACKLOG_APPOINTMENTS = 5_000
CONFIRM, CANCEL = '{"action":"confirm"}', '{"action":"cancel"}'
LATENCIES = (0, 20, 200)
SENDERS = {"default: 4 WhatsApp, 2 e-mail": (4, 2), "16 WhatsApp, 8 e-mail": (16, 8)}
DRAIN_LATENCY = 20
WARM_SECONDS = 2


@dataclasses.dataclass
class Requests:
    """A load of PATCHes whose p99 is compared: while nothing else is to be delivered, and while a backlog drains."""

    name: str
    connections: int
    body: str
    # Mean milliseconds that a connection waits between two requests.
    pause: int | None
    # Whether an idle responder delivers the few messages of this load itself. A full load queues more than anybody
    # sends, so it is idle only where nobody delivers.
    delivers_when_idle: bool


REQUESTS = (Requests("60 a second over 8 connections", 8, CANCEL, 120, True),
            Requests("as many as 32 connections get", 32, CONFIRM, None, False))


@dataclasses.dataclass
class Plan:
    seconds: int = 8
    rounds: int = 3
    # PATCHes, one at a time, of which each message is timed.
    alone: int = 500
    pair_seconds: int = 15
    pairs: int = 4
    # Seconds that may go by, over all, while others use the machine.
    patience: int = 240


FULL, QUICK = Plan(), Plan(3, 1, 60, 4, 2, patience=20)


class Delivery:
    def __init__(self, servers, plan):
        self.servers, self.plan = servers, plan
        self.quiet = measure.Quiet(plan.patience)
        self.data = rows.Rows(servers, APPOINTMENTS, PROFESSIONALS)
        self.data.fill()
        self.tokens = load.tokens(servers, "professional", PROFESSIONALS)
        self.nginx = servers.start_nginx()
        self.providers = Providers(servers)

    @contextlib.contextmanager
    def responder(self, **settings):
        process = self.servers.start_responder(**settings)
        try:
            yield process
        finally:
            self.servers.end(process)

    def patches(self, first, seconds, load_of, count=APPOINTMENTS):
        wrk = load.Wrk(self.servers, self.tokens, body=load_of.body, first=first, pause=load_of.pause)
        result = wrk.run(self.servers.url("ours"), load_of.connections, seconds, count)
        if result["refused"]:
            logs = self.servers.log("ours") + self.servers.log("nginx-error")
            raise load.LoadError(f"{load_of.name}: {result}\n{logs}")
        return result

    # --- The backlog ---

    def queue(self):
        """Real requests queue the messages, once; later runs get the same rows again."""
        say(f"queueing the messages of {BACKLOG_APPOINTMENTS} appointments")
        with self.responder():
            self.patches(0, 30, REQUESTS[1], BACKLOG_APPOINTMENTS)
        self.servers.sql("CREATE TABLE backlog AS SELECT * FROM outbox")
        self.queued = self.servers.number("SELECT COUNT(*) FROM backlog")

    def put_back(self):
        self.data.reset()
        self.servers.sql("""
            INSERT INTO outbox SELECT * FROM backlog;
            UPDATE backlog STRAIGHT_JOIN appointments ON appointments.id = backlog.appointment_id
                SET appointments.status = 'confirmed', payment_status = 'authorized', version = 2""")
        self.data.settle()

    def pending(self, channel):
        return self.servers.number(f"SELECT COUNT(*) FROM outbox WHERE state = 'pending' AND channel = '{channel}'")

    def check(self, what):
        """Both sides say the same of a run that is over: each message once."""
        for channel in CHANNELS:
            accepted = [identity for _, identity in self.providers.accepted(channel)]
            sent = self.servers.number(f"SELECT COUNT(*) FROM outbox WHERE state = 'sent' AND channel = '{channel}'")
            if not len(set(accepted)) == len(accepted) == sent:
                raise load.LoadError(f"{what}: {sent} {channel} messages sent, {len(accepted)} accepted")

    # --- Messages a second ---

    def drain(self, senders, latency):
        self.put_back()
        self.providers.answer_after(latency)
        self.providers.forget()
        seconds = self.plan.seconds
        whatsapp, email = SENDERS[senders]
        with self.responder(ODYS_WHATSAPP_SENDERS=str(whatsapp), ODYS_EMAIL_SENDERS=str(email),
                            **self.providers.settings) as process:
            self.wait_for_delivery()
            processes = {"Odys": process.pid, "MariaDB": self.servers.database_pid, **self.providers.processes}
            with measure.Costs(processes) as costs:
                begun = time.time()
                time.sleep(seconds)
            if not all(map(self.pending, CHANNELS)):
                raise load.LoadError(f"{senders}, {latency} ms: the backlog came to its end")
        self.check(senders)
        counts = {channel: sum(begun <= at < begun + seconds for at, _ in self.providers.accepted(channel))
                  for channel in CHANNELS}
        total = sum(counts.values())
        return {**{channel: count / seconds for channel, count in counts.items()}, "all": total / seconds,
                "cpu": {name: used / total * 1e6 for name, used in costs.seconds.items()}, "others": costs.others}

    def wait_for_delivery(self):
        if not wait_until(lambda: all(map(self.providers.accepted, CHANNELS)), 20):
            raise load.LoadError(f"nothing is delivered\n{self.servers.log('ours')}")

    def drains(self):
        found = collections.defaultdict(list)
        for number in range(self.plan.rounds):
            for senders in SENDERS:
                for latency in LATENCIES:
                    result = self.quiet.undisturbed(lambda: self.drain(senders, latency), self.plan.seconds)
                    found[senders, latency].append(result)
                    say(f"{senders}, {latency} ms, round {number + 1}: {result['all']:.0f}/s")
        return found

    # --- From commit to provider ---

    def alone(self):
        """One PATCH at a time on an idle service: milliseconds for each message, by its channel."""
        self.data.reset()
        self.providers.answer_after(0)
        answered = {}
        with self.responder(**self.providers.settings):
            for k in range(10 + self.plan.alone):
                if k == 10:
                    # What came before opened the connections.
                    wait_until(lambda: not any(map(self.pending, CHANNELS)), 20)
                    self.providers.forget()
                status, _, body = request(self.servers.url("ours"), k, self.tokens[k % PROFESSIONALS], CONFIRM)
                if status != 200:
                    raise load.LoadError(f"{status}: {body!r}")
                answered[rows.appointment(k)] = time.time()
                time.sleep(random.uniform(0.05, 0.15))
            wait_until(lambda: not any(map(self.pending, CHANNELS)), 20)
        locked = self.servers.sql("""
            SELECT channel, IF(channel = 'whatsapp', provider_id, CAST(message_uid AS CHAR)), appointment_id,
                TIMESTAMPDIFF(MICROSECOND, '1970-01-01', created_at)
            FROM outbox""")
        arrived = {identity: at for channel in CHANNELS for at, identity in self.providers.accepted(channel)}
        found: dict = {channel: {"since the lock": [], "since the answer": []} for channel in CHANNELS}
        for channel, identity, appointment, microseconds in locked:
            if identity in arrived:
                at = arrived.pop(identity)
                found[channel]["since the lock"].append((at - int(microseconds) / 1e6) * 1000)
                found[channel]["since the answer"].append((at - answered[appointment]) * 1000)
        if arrived or len(found["email"]["since the lock"]) != self.plan.alone:
            raise load.LoadError(f"{len(arrived)} messages that the outbox does not know, or some that never arrived")
        return found

    # --- What requests notice ---

    def requests(self, kind, drains):
        """One load, beside a backlog or not."""
        if drains:
            self.put_back()
        else:
            self.data.reset()
        self.providers.answer_after(DRAIN_LATENCY)
        self.providers.forget()
        delivers = drains or kind.delivers_when_idle
        with self.responder(**(self.providers.settings if delivers else {})) as process:
            if drains:
                self.wait_for_delivery()
            first = BACKLOG_APPOINTMENTS
            first += self.patches(first, WARM_SECONDS, kind)["issued"]
            if delivers and not drains:
                wait_until(lambda: not any(map(self.pending, CHANNELS)), 20)
            processes = {"Odys": process.pid, "MariaDB": self.servers.database_pid, "nginx": self.nginx.pid,
                         **self.providers.processes}
            with measure.Costs(processes) as costs:
                result = self.patches(first, self.plan.pair_seconds, kind)
            if drains and not all(map(self.pending, CHANNELS)):
                raise load.LoadError(f"{kind.name}: the backlog came to its end")
        self.check(kind.name)
        answered = first - BACKLOG_APPOINTMENTS + result["answered"]
        changed = self.data.written()["appointments"] - (BACKLOG_APPOINTMENTS if drains else 0)
        if changed != answered:
            raise load.LoadError(f"{kind.name}: {answered} answers, {changed} changed")
        result["others"] = costs.others
        return result

    def pairs(self):
        found: dict = {kind.name: {"idle": [], "draining": []} for kind in REQUESTS}
        for number in range(self.plan.pairs):
            for kind in REQUESTS:
                for state, results in found[kind.name].items():
                    result = self.quiet.undisturbed(lambda: self.requests(kind, state == "draining"),
                                                    self.plan.pair_seconds + WARM_SECONDS)
                    results.append(result)
                    say(f"{kind.name}, {state}, round {number + 1}: {result['rate']:.0f}/s, "
                        f"p50 {result['p50']:.1f} ms, p99 {result['p99']:.1f} ms")
        return found


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


# --- The report ---------------------------------------------------------------------------------------------------

def p99_ratio(states):
    return measure.ratio(*([run["p99"] for run in states[state]] for state in ("draining", "idle")))


def goals(alone, pairs):
    wanted = [report.goal(f"from commit to provider when idle, p50, {channel}",
                          measure.percentile(times["since the lock"], 0.5), 50, 10, False, unit=" ms")
              for channel, times in alone.items()]
    for name, states in pairs.items():
        ratio = p99_ratio(states)
        wanted.append(report.goal(f"PATCH p99 while messages drain / idle, {name}", ratio["value"], 2, 1.3, False,
                                  report.spread(ratio)))
    return wanted


def markdown(facts, bench, drains, alone, pairs, wanted):
    every = [run for runs in drains.values() for run in runs]
    every += [run for states in pairs.values() for runs in states.values() for run in runs]
    out = [report.heading("Delivery", facts),
           "One responder with delivery on and its default settings, but for the senders where the table says so; the "
           "providers are scripts/peers, processes in Python on the same machine. After each run as many messages "
           "are `sent` in the outbox as the providers accepted, each once. "
           f"{report.disturbance(every, bench.quiet.repeated)}\n", report.goals_table(wanted)]
    out.append(f"\n## Messages a second\n\nOf {bench.queued:,} queued messages, two for WhatsApp and one e-mail for "
               "each confirmed appointment, both channels at once. Medians over the rounds, the lowest and the "
               "highest of them, and processor time of a message in µs.\n")
    processes = next(iter(drains.values()))[0]["cpu"]
    out.append(report.table(
        ["senders", "provider takes", "messages/s", "WhatsApp/s", "e-mail/s", *processes],
        [[senders, f"{latency} ms",
          *(report.spread(measure.middle([run[name] for run in runs]), 0) for name in ("all", *CHANNELS)),
          *(f"{measure.median([run['cpu'][name] for run in runs]):.0f}" for name in processes)]
         for (senders, latency), runs in drains.items()]))
    out.append(f"\n## From commit to provider\n\n{bench.plan.alone} confirms through nginx, one at a time, 50 to 150 "
               "ms apart; a message has arrived when the provider has read it. From the row's lock "
               "(`outbox.created_at`) it is an upper bound, since the COMMIT is still to come; from the client's "
               "answer it is a lower one, since the COMMIT is over.\n")
    out.append(report.table(["channel", "from", "p50 ms", "p99 ms", "max ms"], [
        [channel, name, *(f"{measure.percentile(times, part):.1f}" for part in (0.5, 0.99, 1))]
        for channel, kinds in alone.items() for name, times in kinds.items()]))
    out.append(f"\n## What requests notice\n\nwrk through nginx, rounds of idle and draining in turn; the providers "
               f"take {DRAIN_LATENCY} ms. While it drains, {bench.queued:,} messages wait at first, and some at the "
               "end. At 60 a second (`cancel`) the idle responder sends what these requests queue, and nothing else. "
               "At full speed (`confirm`) requests queue more than is sent, so idle is with delivery off.\n")
    out.append(report.table(["load", "state", "req/s", "p50 ms", "p99 ms"], [
        [name, state, f"{measure.median([run['rate'] for run in runs]):,.0f}",
         *(report.spread(measure.middle([run[part] for run in runs]), 1) for part in ("p50", "p99"))]
        for name, states in pairs.items() for state, runs in states.items()]))
    return "\n".join(out)


def main():
    chosen = report.options(__doc__)
    facts = report.circumstances("bench/delivery.py --quick" if chosen.quick else "make bench-delivery")
    with Servers() as servers:
        bench = Delivery(servers, QUICK if chosen.quick else FULL)
        bench.queue()
        alone, drains, pairs = bench.alone(), bench.drains(), bench.pairs()
    wanted = goals(alone, pairs)
    data = {**facts, "goals": wanted, "alone": alone, "pairs": pairs,
            "drains": [{"senders": senders, "latency": latency, "runs": runs}
                       for (senders, latency), runs in drains.items()]}
    report.publish("delivery", chosen, markdown(facts, bench, drains, alone, pairs, wanted), data)
    return 0


if __name__ == "__main__":
    sys.exit(main())

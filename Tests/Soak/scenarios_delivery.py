"""Many messages at once, and a provider that is down."""

import math
import time

import faults
import figures as measure
import verdict
from fleet import RESPONDERS
from load import Caller, Load, Request
from scenario import scenario

CANCEL = (("cancel by client",),)  # two WhatsApp messages
RATE = 50


def enqueue(run, fleet, messages):
    """WhatsApp messages by requests, while nothing is delivered."""
    with Load(fleet, run.seed, 8, plans=CANCEL, repeats=0, bookings=fleet.crowd(messages // 2)) as load:
        load.join(900)
    return load.oddities


def accepted(fleet):
    """When the provider accepted the messages of this scenario."""
    return measure.instants(entry["at"] for entry in fleet.arrived()[0])


@scenario("backlog",
          "many queued messages and a provider that takes 20 ms: they are sent fast, each once, and requests stay "
          "quick meanwhile (release build; the short form, of a few dozen requests, compares their median)",
          short={"messages": 400, "rate": 20, "slower": 10, "share": 0.5, "probes": 60},
          long={"messages": 10_000, "rate": 200, "slower": 2, "share": 0.99, "probes": 500},
          seconds=(60, 900))
def backlog(run, messages, rate, slower, share, probes):
    fleet = run.fleet(ODYS_DELIVERY="off", build="release", direct=True)
    violations = enqueue(run, fleet, messages)
    idle = probe(fleet, probes, lambda: False)
    waiting = fleet.pending()
    with faults.peers_fail(fleet, {"mode": "ok", "delay_ms": 20}):
        fleet.configure(build="release", direct=True)
        busy = probe(fleet, 2000, lambda: not has_due(fleet))
        left = fleet.drained(messages / 20)
    times = accepted(fleet)
    first = times[:waiting]
    result, wrong = verdict.of_messages(fleet)
    a_second = len(first) / (first[-1] - first[0])
    quotient = measure.percentile(busy, share) / measure.percentile(idle, share)
    violations += wrong + verdict.of_rows(fleet, delivered=not left)
    if a_second < rate:
        violations.append(f"{a_second:.0f} messages a second, {rate} were wanted")
    if quotient > slower:
        violations.append(f"p{share * 100:.0f} of requests {quotient:.1f} times that of an idle service")
    return {"queued": waiting, "messages a second": round(a_second), "requests idle": measure.latencies(idle),
            "requests meanwhile": measure.latencies(busy), f"p{share * 100:.0f} meanwhile / idle": round(quotient, 2),
            "build": run.release_name, **result}, violations


def has_due(fleet):
    return bool(fleet.sql("SELECT 1 FROM outbox WHERE state = 'pending' LIMIT 1 OFFSET 20"))


def probe(fleet, number, is_over, pause=0.03):
    """Latencies of one client, one request after another, until `is_over`."""
    caller, latencies = Caller(fleet), []
    for booking in fleet.crowd(number):
        request = Request(booking, "cancel", "professional", key=None)
        answer = caller.patch(request)
        assert answer and answer.status == 200, answer
        latencies.append(request.seconds[0])
        if is_over():
            break
        time.sleep(pause)
    caller.close()
    return latencies


@scenario("rate", f"ODYS_WHATSAPP_RATE={RATE}: all processes together keep to it in every second",
          short={"messages": 150, "used": 0.3}, long={"messages": 1500, "used": 0.8}, seconds=(60, 120))
def rate_cap(run, messages, used):
    fleet = run.fleet(ODYS_DELIVERY="off", build="release", direct=True)
    violations = enqueue(run, fleet, messages)
    with measure.Stalls() as stalls:
        fleet.configure(build="release", direct=True, ODYS_WHATSAPP_RATE=RATE)
        left = fleet.drained(2 * messages / RATE + 20)
    times = accepted(fleet)
    most = measure.most_in_a_window(times)
    mean = len(times) / (times[-1] - times[0])
    result, wrong = verdict.of_messages(fleet)
    violations += wrong + verdict.of_rows(fleet, delivered=not left)
    # Messages that waited in a stalled machine arrive together with those after them.
    if most > (1.2 + stalls.longest) * RATE:
        violations.append(f"{most} messages within a second, the rate is {RATE}")
    if mean < used * RATE:
        violations.append(f"{mean:.0f} messages a second, the rate of {RATE} is not used")
    return {"rate": RATE, "most in any second": most, "mean": round(mean, 1),
            "longest stall of the machine ms": measure.milliseconds(stalls.longest), **result}, violations


@scenario("outage",
          "the provider is away for hours: attempts are not used up, and on its return the messages come at a "
          "growing pace until all are sent",
          short={"scale": 0.02, "seconds": 5, "messages": 120}, long={"scale": 0.02, "seconds": 288, "messages": 5000},
          seconds=(90, 900))
def outage(run, scale, seconds, messages):
    fleet = run.fleet(ODYS_DELIVERY="off", direct=True)
    violations = enqueue(run, fleet, messages)
    with faults.peers_fail(fleet, {"mode": "unavailable"}):
        fleet.configure(ODYS_TIME_SCALE=scale, direct=True)
        time.sleep(seconds)
        made = fleet.one("SELECT SUM(attempts) AS number, MAX(attempts) AS most FROM outbox WHERE state = 'pending'")
        dead = fleet.one("SELECT COUNT(*) AS number FROM outbox WHERE state = 'dead'")["number"]
    left = fleet.drained(60 + messages / 20)
    times = accepted(fleet)
    times = [each - times[0] for each in times]
    by_second = [sum(begin <= each < begin + 1 for each in times) for begin in range(8)]
    result, wrong = verdict.of_messages(fleet)
    violations += wrong + verdict.of_rows(fleet, delivered=not left)
    # Until the channel is paused: five failures, and what the other senders have in flight. Then one probe each time.
    probes = RESPONDERS * (5 + 4 + math.ceil(seconds / (25 * scale)))
    if int(made["number"]) > probes:
        violations.append(f"{made['number']} attempts during the outage, {probes} can be explained")
    if dead:
        violations.append(f"{dead} messages were given up")
    violations += above_ramp(times)
    return {"outage s": seconds, "stands for hours": round(seconds / scale / 3600, 2),
            "attempts in the outage": int(made["number"]), "at most explained": probes,
            "most for one message": made["most"], "sent in the first seconds": by_second, **result}, violations


def above_ramp(times):
    """Each process sends its probe, then 1, 2, 4 … a second: 2 ** n by the end of second n, together."""
    found = []
    for second in range(6):
        count = sum(each <= second + 0.9 for each in times)
        if count > RESPONDERS * 2 ** (second + 1):
            found.append(f"{count} messages within {second + 1} s of the recovery")
    return found

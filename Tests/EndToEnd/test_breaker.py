"""A provider that is down for everybody, or refuses our configuration: the channel is paused and resumes by itself.
Everything happens once and in parallel, in the fixture; the tests look at the results."""

import dataclasses
import time

import pytest

import audit
from bench import Bench
from conftest import RUNNING
from waiting import eventually

SENDERS = 2
# Failures in a row that pause a channel; the other sender may have a message in flight at that moment.
FAILURES = 5
# The pause is 25 s, and at least every 30 s one message is tried. Then 1, 2, 4 … messages a second are sent.
RECOVERY_SECONDS = 40
PAUSED = "the channel is paused"


@dataclasses.dataclass
class Case:
    """A responder, its appointments, and what was observed while the provider misbehaved, and afterwards."""
    bench: Bench
    bookings: list
    during: list | None = None
    requests_during: int = 0
    mails_during: int = 0
    log_during: str = ""
    seconds: float = 0
    after: list | None = None


def rows(case, channel=None):
    return [row for booking in case.bookings for row in case.bench.outbox(booking) if channel in (None, row["channel"])]


def requests(case):
    people = {person.number for booking in case.bookings for person in (booking.client, booking.professional)}
    return sum(case.bench.whatsapp.requests(number) for number in people)


def suffer(bench, mode):
    """Confirms six appointments while the provider answers everything like this."""
    bench.peer("whatsapp")
    bench.peer("smtp")
    bench.whatsapp.control(mode=mode)
    case = Case(bench, [bench.booking() for _ in range(6)])
    bench.start(ODYS_WHATSAPP_SENDERS=str(SENDERS))
    for booking in case.bookings:
        bench.act(booking, "confirm")
    return case


def look(case):
    """What is observed once the channel is paused and every email has gone."""
    eventually(lambda: PAUSED in case.bench.log(), 10)
    eventually(lambda: all(row["state"] == "sent" for row in rows(case, "email")), 10)
    eventually(lambda: all(row["lease_token"] is None for row in rows(case, "whatsapp")), 5)
    case.during, case.requests_during = rows(case, "whatsapp"), requests(case)
    case.mails_during, case.log_during = len(case.bench.mail.ledger()), case.bench.log()


@pytest.fixture(scope="module")
def benches(odys):
    """A bench for each kind of misbehaviour. A failed test shows their logs; a test audits them."""
    made = {}
    try:
        for mode in ("unavailable", "unauthorized"):
            made[mode] = Bench(odys)
            made[mode].audits = False
            RUNNING.append(made[mode])
        yield made
    finally:
        for bench in made.values():
            RUNNING.remove(bench)
            bench.close()


@pytest.fixture(scope="module")
def cases(benches):
    """{mode: case} after the provider recovered and everything was sent."""
    found = {mode: suffer(bench, mode) for mode, bench in benches.items()}
    for case in found.values():
        look(case)
    repaired = time.monotonic()
    for case in found.values():
        case.bench.whatsapp.reset()
    for case in found.values():
        case.bench.settled(*case.bookings, seconds=repaired + RECOVERY_SECONDS - time.monotonic())
        case.seconds, case.after = time.monotonic() - repaired, rows(case, "whatsapp")
    return found


@pytest.fixture
def away(cases):
    return cases["unavailable"]


@pytest.fixture
def refused(cases):
    return cases["unauthorized"]


def test_a_provider_that_is_away_costs_few_attempts(away):
    assert len(away.during) == 12 and {row["state"] for row in away.during} == {"pending"}
    assert FAILURES <= away.requests_during <= FAILURES + SENDERS - 1
    assert sum(row["attempts"] for row in away.during) == away.requests_during
    assert max(row["attempts"] for row in away.during) == 1


def test_a_pause_is_one_line_of_the_log(away):
    assert away.log_during.count(PAUSED) == 1
    (line,) = [line for line in away.log_during.splitlines() if PAUSED in line]
    assert '"channel":"whatsapp"' in line and "503" in line


@pytest.mark.parametrize("mode", ["unavailable", "unauthorized"])
def test_emails_go_on_while_the_other_channel_is_paused(cases, mode):
    assert cases[mode].mails_during == 6


@pytest.mark.parametrize("mode", ["unavailable", "unauthorized"])
def test_a_channel_comes_back_by_itself(cases, mode):
    case = cases[mode]
    assert {row["state"] for row in case.after} == {"sent"} and case.seconds <= RECOVERY_SECONDS
    assert case.bench.responder.poll() is None


@pytest.mark.parametrize("mode", ["unavailable", "unauthorized"])
def test_everything_arrives_once_after_a_pause(cases, mode):
    case = cases[mode]
    assert len(case.bench.whatsapp.ledger()) == 12 and len(case.bench.mail.ledger()) == 6
    assert audit.problems(case.bench) == []


def test_a_wrong_configuration_pauses_at_once(refused):
    assert 1 <= refused.requests_during <= SENDERS
    assert refused.log_during.count(PAUSED) == 1


def test_a_wrong_configuration_uses_no_attempts_up(refused):
    assert {(row["state"], row["attempts"]) for row in refused.during} == {("pending", 0)}
    assert sum("401" in (row["last_error"] or "") for row in refused.during) == refused.requests_during
    assert {row["attempts"] for row in refused.after} == {1}


def test_one_recipient_alone_does_not_pause_a_channel(bench):
    """More failures in a row than a pause needs, and nothing else in between."""
    bench.peer("whatsapp")
    bench.start()
    alone, others = bench.professional(), [bench.professional() for _ in range(3)]
    bench.whatsapp.control(mode="unavailable", number=alone.number)
    message = {"channel": "whatsapp", "recipient_role": "professional", "template": "new_message_to_professional",
               "payload": {"clientName": "Ana Souza"}}
    failing = [bench.enqueue(recipient=alone.number, **message) for _ in range(FAILURES + 3)]
    for identifier in failing:
        assert bench.tried(identifier)["attempts"] >= 1
    good = [bench.enqueue(recipient=other.number, **message) for other in others]
    assert [bench.finished(identifier, 5)["state"] for identifier in good] == ["sent"] * 3
    assert PAUSED not in bench.log()

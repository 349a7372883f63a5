"""Two hosts on one database behind a load balancer. Failures of a host under load are in Tests/Soak."""

import collections
import contextlib
import datetime
import http.client
import json

import pytest

import audit
from hosts import Hosts
from odys import Answer
from stack import SCRIPT, run
from together import at_once
from waiting import eventually

RATE = 20


@pytest.fixture(scope="module")
def hosts():
    """Two hosts that share a rate; the second one reaches the database over TCP."""
    made = Hosts("--responders", "1", ODYS_THREADS="8", ODYS_WHATSAPP_RATE=str(RATE))
    yield made
    made.down()


@pytest.fixture(scope="module")
def parted():
    """One host answers requests, the other one delivers."""
    made = Hosts("--responders", "1", ODYS_THREADS="4", ODYS_DELIVERY="off", second={"ODYS_DELIVERY": "only"})
    yield made
    made.down()


@pytest.fixture(autouse=True)
def cared_for(request):
    """Audits these stacks here: conftest.py does not know them."""
    running = [request.getfixturevalue(name) for name in ("hosts", "parted") if name in request.fixturenames]
    for each in running:
        each.forget()
    yield
    for each in running:
        assert audit.problems(each) == []


def test_a_key_is_replayed_by_the_other_host(hosts):
    booking = hosts.booking()
    with hosts.on(1):
        first = hosts.patch(booking, booking.professional, "confirm", Idempotency_Key="over-hosts-1")
    assert first.status == 200 and first.header("Idempotency-Replayed") is None
    with hosts.on(2):
        again = hosts.patch(booking, booking.professional, "confirm", Idempotency_Key="over-hosts-1")
        other = hosts.patch(booking, booking.professional, "cancel", Idempotency_Key="over-hosts-1")
    assert (again.status, again.body, again.header("ETag")) == (200, first.body, first.header("ETag"))
    assert again.header("Idempotency-Replayed") == "true"
    assert other.status == 422
    balanced = hosts.patch(booking, booking.professional, "confirm", Idempotency_Key="over-hosts-1")
    assert (balanced.status, balanced.body) == (200, first.body)
    assert len(hosts.events(booking)) == 1
    hosts.settled(booking)


def test_the_same_key_at_once_on_both_hosts_is_executed_once(hosts):
    booking = hosts.booking()
    places = [hosts.own, (hosts.second.host, hosts.second.port)] * 6

    def call(place):
        return lambda: direct(hosts, place, booking)

    answers = at_once([call(place) for place in places])
    assert {answer.status for answer in answers} <= {200, 409}
    good = [answer for answer in answers if answer.status == 200]
    assert len({answer.body for answer in good}) == 1
    assert sum(answer.header("Idempotency-Replayed") is None for answer in good) == 1
    assert len(hosts.events(booking)) == 1
    hosts.settled(booking)


def direct(hosts, place, booking):
    """A request to one host; `on` would redirect those of the other threads."""
    connection = http.client.HTTPSConnection(place[0], place[1], context=hosts.tls, timeout=30)
    with contextlib.closing(connection):
        connection.request("PATCH", booking.path, json.dumps({"action": "confirm"}),
                           hosts.head(booking.professional, Idempotency_Key="at-once"))
        return Answer.of(connection.getresponse())


def test_the_balancer_uses_both_hosts_and_all_share_the_rate(hosts):
    bookings = [hosts.booking() for _ in range(20)]
    for booking in bookings:
        hosts.act(booking, "confirm")
    upstreams = collections.Counter(line["upstream_addr"] for line in hosts.balancer.log_lines())
    assert set(upstreams) == {f"127.0.0.1:{hosts.own[1]}", f"127.0.0.1:{hosts.second.port}"}, upstreams

    hosts.settled(*bookings, seconds=30)
    numbers = {each.number for booking in bookings for each in (booking.client, booking.professional)}
    times = sorted(datetime.datetime.fromisoformat(entry["at"].replace("Z", "+00:00")).timestamp()
                   for entry in hosts.whatsapp.ledger() if entry["number"] in numbers)
    assert len(times) == 40
    # Tokens may have been saved up for the first of a burst; a stalled machine lets those behind it arrive together.
    most = max(sum(begin <= each < begin + 1 for each in times) for begin in times)
    assert most <= 1.5 * RATE, (most, times)
    sent = {name: running.log("responder-1.log").count('"state":"sent"')
            for name, running in (("first", hosts), ("second", hosts.second))}
    assert min(sent.values()) > 0, sent


def test_messages_queued_by_one_host_are_delivered_by_another(parted):
    booking = parted.booking()
    with parted.on(1):
        parted.act(booking, "confirm")
    rows = parted.settled(booking)
    assert {row["state"] for row in rows} == {"sent"} and len(rows) == 3
    assert '"state":"sent"' not in parted.log("responder-1.log")
    # The line is written after the row.
    eventually(lambda: parted.second.log("responder-1.log").count('"state":"sent"') == 3)


def test_a_host_that_goes_and_comes_back(hosts):
    """Draining a host fails no request, with a key or without; the balancer needs no notice."""
    hosts.drain()
    try:
        bookings = [hosts.booking() for _ in range(10)]
        for booking in bookings:
            hosts.act(booking, "confirm")
        assert hosts.balancer.log_lines()[-1]["upstream_addr"].endswith(str(hosts.own[1]))
        assert 502 not in {int(line["status"]) for line in hosts.balancer.log_lines()}
    finally:
        hosts.bring_back()
    hosts.settled(*bookings, seconds=30)

    def used_again():
        hosts.act(hosts.booking(), "reject")
        return hosts.balancer.log_lines()[-1]["upstream_addr"] == f"127.0.0.1:{hosts.second.port}"

    eventually(used_again, 20)


def test_a_stack_that_joined_leaves_the_database_alone(hosts):
    done = run(SCRIPT, "restart-db", "--dir", hosts.second.dir, check=False)
    assert done.returncode == 2 and "joined another stack" in done.stderr
    assert hosts.second.description["mariadbd_pid"] == hosts.description["mariadbd_pid"]
    assert not list(hosts.second.dir.glob("db*"))

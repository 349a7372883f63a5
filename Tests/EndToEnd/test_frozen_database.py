"""A database that accepts connections and does not answer: the responder answers every request in time."""

import contextlib
import functools
import os
import signal
import time
import uuid

import stack
from bench import Bench
from refusing import problem
from together import at_once
from waiting import eventually

# A request has five seconds; nginx would give up after ten.
SECONDS = 6


@contextlib.contextmanager
def frozen(odys):
    os.kill(odys.description["mariadbd_pid"], signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(odys.description["mariadbd_pid"], signal.SIGCONT)


def timed(call):
    began = time.monotonic()
    return call(), time.monotonic() - began


def test_a_frozen_database_is_503_in_time_and_nothing_needs_a_restart(fragile):
    before = fragile.responder_pids()
    bookings = [fragile.booking() for _ in range(6)]
    keys = [str(uuid.uuid4()) for _ in bookings]
    # So that there are connections that freeze.
    warm = [fragile.booking() for _ in range(6)]
    at_once([functools.partial(fragile.act, booking, "paid") for booking in warm])
    fragile.settled(*warm)

    def confirm(booking, key):
        return fragile.patch(booking, booking.professional, "confirm", Idempotency_Key=key)

    requests = [functools.partial(timed, functools.partial(confirm, *each)) for each in zip(bookings, keys)]
    health = [functools.partial(timed, functools.partial(fragile.health, number)) for number in (1, 2, 3)]
    stranger = functools.partial(timed, functools.partial(fragile.patch, bookings[0], None, "confirm"))
    with frozen(fragile):
        # The second time there are no connections left, and new ones are not answered either.
        waves = [at_once([*requests, *health, stranger]) for _ in range(2)]

    for wave in waves:
        for answer, seconds in wave[:6]:
            problem(answer, "unavailable", status=503)
            assert int(answer.header("Retry-After")) > 0 and seconds < SECONDS, seconds
        # What needs no database does not wait for it.
        assert [status for status, _ in wave[6:9]] == [200, 200, 200]
        problem(wave[9][0], "unauthenticated")
        assert max(seconds for _, seconds in wave[6:]) < 2

    # A retry with the key tells what became of the request; each was executed at most once.
    for booking, key in zip(bookings, keys):
        assert eventually(lambda booking=booking, key=key: confirm(booking, key).status == 200)
        assert confirm(booking, key).header("Idempotency-Replayed") == "true"
        assert fragile.state(booking) == ("confirmed", "authorized", 2) and len(fragile.events(booking)) == 1
    rows = fragile.settled(*bookings, seconds=30)
    assert {row["state"] for row in rows} == {"sent"}
    assert fragile.responder_pids() == before and all(stack.is_alive(pid) for pid in before)


def test_a_message_whose_sender_met_a_frozen_database_arrives_once(fragile):
    """The provider accepted it while its result could not be recorded."""
    booking = fragile.booking()
    fragile.whatsapp.control(mode="ok", number=booking.client.number, delay_ms=500)
    sizes = fragile.log_sizes()
    try:
        fragile.act(booking, "cancel")
        eventually(lambda: fragile.whatsapp.requests(booking.client.number) == 1)
        with frozen(fragile):
            eventually(lambda: fragile.whatsapp.to(booking.client.number))
            # By then senders have dropped their connections.
            eventually(lambda: "the outbox cannot be worked on" in fragile.logs_since(sizes), 15)
    finally:
        fragile.whatsapp.reset()
    (row,) = fragile.settled(booking, seconds=30)
    assert (row["state"], row["attempts"]) == ("sent", 1)
    assert fragile.whatsapp.requests(booking.client.number) == 1


def test_sigterm_ends_senders_that_wait_for_a_frozen_database(fragile):
    """One sender claims at a time. The others must not wait for their turn one timeout after another."""
    with contextlib.closing(Bench(fragile)) as bench:
        bench.peer("whatsapp")
        bench.start(ODYS_WHATSAPP_SENDERS="8")
        with frozen(fragile):
            eventually(lambda: "the outbox cannot be worked on" in bench.log(), 15)
            began = time.monotonic()
            assert bench.stop() == 0
            assert time.monotonic() - began < 12

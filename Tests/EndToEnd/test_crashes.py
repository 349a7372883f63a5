"""Processes that are killed or told to stop at the worst moment."""

import datetime
import functools
import os
import signal
import threading
import time

import pytest

import stack
from odys import STARTS_AT
from refusing import problem
from together import at_once, in_turn
from waiting import eventually


@pytest.fixture(autouse=True)
def peers_behave_again(fragile):
    yield
    fragile.whatsapp.reset()
    fragile.mail.reset()


def ended(odys, pid):
    """How the supervisor saw a responder end, or None."""
    for line in odys.log("supervisor.log").splitlines():
        if f"(pid {pid})" in line:
            return int(line.partition("ended with ")[2].partition(";")[0])
    return None


def rows_of(odys, bookings):
    return [row for booking in bookings for row in odys.outbox(booking)]


def test_a_responder_is_replaced_within_a_second_however_it_ended(fragile):
    for number, code in ((signal.SIGKILL, -9), (signal.SIGTERM, 0)):
        old = fragile.responder_pids()[0]
        os.kill(old, number)
        eventually(lambda old=old: not stack.is_alive(old), seconds=5)
        eventually(lambda old=old: fragile.responder_pids()[0] != old, seconds=1)
        eventually(lambda old=old, code=code: ended(fragile, old) == code, seconds=1)
        eventually(lambda: fragile.health(1) == 200, seconds=5)


def test_messages_that_were_committed_arrive_although_everybody_was_killed_before_sending(fragile):
    """The senders hang at a provider; the messages of other recipients wait behind them."""
    fragile.whatsapp.control(mode="hang")
    fragile.mail.control(mode="hang_at_rcpt")
    bookings = [fragile.booking() for _ in range(12)]
    for booking in bookings:
        fragile.act(booking, "confirm")
    eventually(lambda: sum(row["lease_token"] is not None for row in rows_of(fragile, bookings)) >= 12)
    before = fragile.signal_responders(signal.SIGKILL)
    fragile.whatsapp.reset()
    fragile.mail.reset()
    fragile.replaced(before)
    # A lease lasts a minute. The rows are made due, so that the test need not wait.
    fragile.make_due(*[row["id"] for row in rows_of(fragile, bookings) if row["lease_token"]])
    rows = fragile.settled(*bookings, seconds=30)
    assert len(rows) == 36 and {row["state"] for row in rows} == {"sent"}


def test_a_message_is_sent_twice_at_most_when_its_sender_was_killed_before_it_could_record_it(fragile):
    booking = fragile.booking()
    fragile.repeats.add(booking.client.number)
    # The provider has accepted the message and sends its answer byte by byte.
    fragile.whatsapp.control(mode="slow", number=booking.client.number, times=1)
    fragile.act(booking, "confirm")
    eventually(lambda: fragile.whatsapp.to(booking.client.number))
    eventually(lambda: [row["state"] for row in fragile.outbox(booking)].count("sent") == 2)
    fragile.kill_responders()
    rows = [row for row in fragile.outbox(booking) if row["state"] == "pending"]
    assert [row["recipient_role"] for row in rows] == ["client"] and rows[0]["lost_claims"] == 1
    # The end of the lease, as above.
    fragile.make_due(rows[0]["id"])
    fragile.settled(booking)
    assert len(fragile.whatsapp.to(booking.client.number)) == 2
    assert len(fragile.whatsapp.to(booking.professional.number)) == 1
    assert fragile.row(rows[0]["id"])["lost_claims"] == 0


def test_requests_that_are_killed_are_done_wholly_or_not_at_all(fragile):
    bookings = [fragile.booking() for _ in range(60)]
    before = fragile.responder_pids()
    killed = threading.Event()

    def confirm(booking):
        answer = fragile.patch(booking, booking.professional, "confirm")
        if len(fragile.events(booking)) and not killed.is_set():
            killed.set()
            fragile.signal_responders(signal.SIGKILL)
        return answer

    answers = in_turn([functools.partial(confirm, booking) for booking in bookings])
    fragile.replaced(before)
    assert {answer.status for answer in answers} <= {200, 502, 504}
    assert [answer.status for answer in answers].count(200) >= 1
    for booking, answer in zip(bookings, answers):
        events = fragile.events(booking)
        assert len(events) <= 1 and len(fragile.outbox(booking)) == 3 * len(events)
        assert answer.status != 200 or events
    fragile.make_due(*[row["id"] for row in rows_of(fragile, bookings) if row["lease_token"]])
    for booking in bookings:
        fragile.repeats |= {booking.client.number, booking.professional.number, booking.client.email}
    fragile.settled(*bookings, seconds=30)


def test_no_request_fails_while_responders_are_told_to_stop(fragile):
    bookings = [fragile.booking() for _ in range(200)]
    before = fragile.responder_pids()
    started = threading.Barrier(2)

    def stop_one_after_another():
        started.wait(30)
        for pid in before:
            os.kill(pid, signal.SIGTERM)
            eventually(lambda pid=pid: not stack.is_alive(pid), seconds=20)

    stopping = threading.Thread(target=stop_one_after_another)
    stopping.start()
    started.wait(30)
    answers = in_turn([functools.partial(fragile.patch, each, each.professional, "confirm") for each in bookings])
    stopping.join(60)
    fragile.replaced(before)
    failed = [answer for answer in answers if answer.status != 200]
    assert not failed, failed[:3]
    assert [ended(fragile, pid) for pid in before] == [0, 0, 0]
    rows = fragile.settled(*bookings, seconds=60)
    assert {row["state"] for row in rows} == {"sent"}


def test_a_message_in_hand_is_settled_before_a_responder_ends(fragile):
    booking = fragile.booking()
    fragile.whatsapp.control(mode="ok", number=booking.client.number, delay_ms=1500)
    fragile.act(booking, "confirm")
    eventually(lambda: fragile.whatsapp.requests(booking.client.number) == 1)
    before = fragile.signal_responders(signal.SIGTERM)
    eventually(lambda: not any(stack.is_alive(pid) for pid in before), seconds=20)
    eventually(lambda: [ended(fragile, pid) for pid in before] == [0, 0, 0], seconds=5)
    fragile.replaced(before)
    rows = fragile.settled(booking)
    assert {(row["state"], row["attempts"]) for row in rows} == {("sent", 1)}
    assert fragile.whatsapp.requests(booking.client.number) == 1


def test_a_database_that_dies_is_503_until_it_is_back(fragile):
    before, booking = fragile.responder_pids(), fragile.booking()
    done = fragile.booking()
    fragile.act(done, "confirm")
    fragile.settled(done)
    os.kill(fragile.description["mariadbd_pid"], signal.SIGKILL)
    eventually(lambda: not stack.is_alive(fragile.description["mariadbd_pid"]))
    try:
        for _ in range(3):
            started = time.monotonic()
            answer = fragile.patch(booking, booking.professional, "confirm")
            problem(answer, "unavailable")
            assert int(answer.header("Retry-After")) > 0 and time.monotonic() - started < 5
        # What needs no database goes on.
        problem(fragile.patch(booking, None, "confirm"), "unauthenticated")
    finally:
        fragile.restart_db()
    assert fragile.state(done) == ("confirmed", "authorized", 2)
    assert fragile.state(booking) == ("pending_confirmation", "none", 1)
    eventually(lambda: fragile.patch(booking, booking.professional, "confirm").status == 200, seconds=10)
    fragile.settled(booking, seconds=20)
    assert fragile.responder_pids() == before and all(stack.is_alive(pid) for pid in before)


def test_a_database_that_dies_under_load_loses_nothing_that_was_acknowledged(fragile):
    bookings = [fragile.booking() for _ in range(80)]
    before = fragile.responder_pids()
    count = threading.Semaphore(0)

    def confirm(booking):
        count.release()
        return fragile.patch(booking, booking.professional, "confirm")

    def kill():
        for _ in range(20):
            count.acquire(timeout=30)
        os.kill(fragile.description["mariadbd_pid"], signal.SIGKILL)

    answers = at_once([lambda: in_turn([functools.partial(confirm, each) for each in bookings]), kill])[0]
    fragile.restart_db()
    assert {answer.status for answer in answers} <= {200, 503}
    for booking, answer in zip(bookings, answers):
        # A 503 may hide a success: the answer to COMMIT came too late.
        assert answer.status != 200 or fragile.state(booking) == ("confirmed", "authorized", 2)
        fragile.repeats |= {booking.client.number, booking.professional.number, booking.client.email}
    eventually(lambda: fragile.patch(bookings[0], bookings[0].client, "confirm").status == 403, seconds=10)
    # Leases of messages that were in flight when the database died, as above.
    fragile.make_due(*[row["id"] for row in rows_of(fragile, bookings) if row["lease_token"]])
    fragile.settled(*bookings, seconds=40)
    assert fragile.responder_pids() == before


def test_signals_that_are_none_of_its_business_do_not_end_a_responder(fragile):
    before = fragile.responder_pids()
    for number in (signal.SIGPIPE, signal.SIGUSR1):
        fragile.signal_responders(number)
    booking = fragile.booking()
    fragile.act(booking, "confirm")
    fragile.settled(booking)
    assert fragile.responder_pids() == before and all(stack.is_alive(pid) for pid in before)


def test_whoever_lost_the_lease_changes_nothing(fragile):
    """A sender is stopped until its lease is over, another one sends, then the first resumes."""
    booking = fragile.booking()
    fragile.repeats.add(booking.client.number)
    fragile.whatsapp.control(mode="ok", number=booking.client.number, delay_ms=400, times=1)
    fragile.act(booking, "cancel")
    eventually(lambda: fragile.whatsapp.requests(booking.client.number) == 1)
    frozen = fragile.responder_pids()
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        (row,) = fragile.outbox(booking)
        # As if another sender had claimed it after the lease and had finished it.
        fragile.sql("UPDATE outbox SET state = 'sent', provider_id = 'another', lease_token = RANDOM_BYTES(16), "
                    "finished_at = UTC_TIMESTAMP(6) WHERE id = %s AND state = 'pending'", row["id"])
        eventually(lambda: fragile.whatsapp.to(booking.client.number))
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    eventually(lambda: any("taken over by another sender" in fragile.log(f"responder-{number}.log")
                           for number in (1, 2, 3)))
    assert fragile.row(row["id"])["provider_id"] == "another"
    fragile.sql("UPDATE outbox SET provider_id = %s WHERE id = %s",
                fragile.whatsapp.to(booking.client.number)[0]["id"], row["id"])


def test_a_burst_of_messages_is_delivered_once_each_by_three_processes(fragile):
    professional = fragile.professional()
    bookings = [fragile.booking(professional, starts_at=STARTS_AT + datetime.timedelta(hours=number))
                for number in range(60)]
    in_turn([functools.partial(fragile.act, booking, "confirm") for booking in bookings])
    rows = fragile.settled(*bookings, seconds=60)
    assert len(rows) == 180 and {(row["state"], row["attempts"]) for row in rows} == {("sent", 1)}

"""Concurrent requests: the result is always that of some serial order."""

import datetime
import functools

import pytest

from odys import STARTS_AT
from together import at_once
from waiting import eventually


def test_of_fifty_simultaneous_confirms_one_succeeds(odys):
    booking = odys.booking()
    answers = at_once([functools.partial(odys.patch, booking, booking.professional, "confirm")] * 50)
    assert sorted(answer.status for answer in answers) == [200] + [400] * 49
    assert {answer.json()["code"] for answer in answers if answer.status == 400} == {"invalid_transition"}
    assert odys.state(booking) == ("confirmed", "authorized", 2)
    assert len(odys.events(booking)) == 1 and len(odys.notifications(booking)) == 1
    assert [row["state"] for row in odys.settled(booking)] == ["sent"] * 3


@pytest.mark.parametrize("turn", range(5))
def test_of_four_overlapping_requests_one_is_confirmed(odys, turn):
    professional = odys.professional()
    bookings = [odys.booking(professional, starts_at=STARTS_AT + datetime.timedelta(minutes=10 * number))
                for number in range(4)]
    answers = at_once([functools.partial(odys.patch, each, professional, "confirm") for each in bookings])
    winners = [each for each, answer in zip(bookings, answers) if answer.status == 200]
    assert len(winners) == 1, answers
    for answer in answers:
        if answer.status != 200:
            assert answer.status == 409 and answer.json()["conflictingAppointmentId"] == winners[0].id, answer


@pytest.mark.parametrize("turn", range(5))
def test_slots_that_only_touch_are_both_confirmed(odys, turn):
    professional = odys.professional()
    bookings = [odys.booking(professional, starts_at=STARTS_AT + datetime.timedelta(minutes=50 * number))
                for number in range(3)]
    answers = at_once([functools.partial(odys.patch, each, professional, "confirm") for each in bookings])
    assert [answer.status for answer in answers] == [200, 200, 200]


def test_the_same_time_of_two_professionals_is_no_conflict(odys):
    bookings = [odys.booking(), odys.booking()]
    answers = at_once([functools.partial(odys.patch, each, each.professional, "confirm") for each in bookings])
    assert [answer.status for answer in answers] == [200, 200]


@pytest.mark.parametrize("turn", range(20))
def test_a_confirm_and_a_cancel_have_an_order(odys, turn):
    booking = odys.booking()
    confirmed, cancelled = at_once([
        functools.partial(odys.patch, booking, booking.professional, "confirm"),
        functools.partial(odys.patch, booking, booking.client, "cancel")])
    assert cancelled.status == 200
    actions = [event["action"] for event in odys.events(booking)]
    if confirmed.status == 200:
        assert actions == ["confirm", "cancel"] and odys.state(booking) == ("cancelled", "authorized", 3)
        assert (confirmed.header("ETag"), cancelled.header("ETag")) == ('"2"', '"3"')
    else:
        assert confirmed.json()["code"] == "invalid_transition"
        assert confirmed.json()["currentStatus"] == "cancelled"
        assert actions == ["cancel"] and odys.state(booking) == ("cancelled", "none", 2)


@pytest.mark.parametrize("turn", range(10))
def test_a_confirm_and_a_payment_keep_the_payment(odys, turn):
    booking = odys.booking()
    answers = at_once([functools.partial(odys.patch, booking, booking.professional, action)
                       for action in ("confirm", "paid")])
    assert [answer.status for answer in answers] == [200, 200]
    assert odys.state(booking) == ("confirmed", "captured", 3)


def test_a_clients_request_that_is_deleted_meanwhile_is_404_or_done(odys):
    """The platform may delete a row at any time."""
    booking = odys.booking()
    answer, _ = at_once([
        functools.partial(odys.patch, booking, booking.professional, "confirm"),
        functools.partial(odys.sql, "DELETE FROM appointments WHERE id = %s", booking.id)])
    assert answer.status in (200, 404), answer
    assert not odys.sql("SELECT id FROM appointments WHERE id = %s", booking.id)


def test_a_row_changed_by_another_session_is_judged_as_it_then_is(quiet):
    """The request waits for the row lock, and sees what the other session committed."""
    booking = quiet.booking()
    other = quiet.connect()
    other.begin()
    with other.cursor() as cursor:
        cursor.execute("UPDATE appointments SET status = 'rejected' WHERE id = %s", booking.id)

    def commit_when_it_waits():
        waits = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"
        eventually(lambda: int(quiet.one(waits)["Value"]) > 0, seconds=5)
        other.commit()

    answer, _ = at_once([functools.partial(quiet.patch, booking, booking.professional, "confirm"),
                         commit_when_it_waits])
    assert answer.status == 400 and answer.json()["currentStatus"] == "rejected", answer
    other.close()

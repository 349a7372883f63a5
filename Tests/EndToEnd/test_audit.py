"""The audit itself: each kind of violation must be found."""

import uuid

import pytest

import audit
from waiting import eventually

DAMAGE = {
    "events without gaps": "UPDATE appointments SET version = version + 1 WHERE id = %(id)s",
    "last event is the state": "UPDATE appointments SET status = 'cancelled' WHERE id = %(id)s",
    "events form a chain":
        "UPDATE appointment_events SET to_payment_status = 'none' WHERE appointment_id = %(id)s AND version = 2",
    "promised message is missing":
        "DELETE FROM outbox WHERE appointment_id = %(id)s AND channel = 'email'",
    "message that nobody promised":
        "UPDATE outbox SET template = 'no_show' WHERE appointment_id = %(id)s AND channel = 'email'",
    "in-app notifications":
        "INSERT INTO notifications (recipient_id, recipient_type, type, title, body, appointment_id) "
        "SELECT recipient_id, recipient_type, type, title, body, appointment_id FROM notifications "
        "WHERE appointment_id = %(id)s",
    "unfinished message": "UPDATE outbox SET state = 'sent' WHERE appointment_id = %(id)s AND channel = 'email'",
    "superseded without a cause": "UPDATE outbox SET state = 'superseded', finished_at = created_at "
                                  "WHERE appointment_id = %(id)s AND channel = 'email'",
}


@pytest.fixture
def done(quiet):
    booking = quiet.booking()
    quiet.act(booking, "confirm")
    quiet.act(booking, "paid")
    yield booking
    quiet.made.clear()
    quiet.sql("DELETE FROM appointments WHERE professional_id = %s", booking.professional.id)


@pytest.mark.parametrize("rule, damage", DAMAGE.items(), ids=DAMAGE)
def test_damage_is_found(quiet, done, rule, damage):
    assert audit.problems(quiet) == []
    with quiet.connect() as connection, connection.cursor() as cursor:
        cursor.execute(damage, {"id": done.id})
    found = audit.problems(quiet)
    assert found and any(problem.startswith(rule) for problem in found), found


def test_a_message_that_stays_pending_is_found_where_a_test_waited(quiet, done):
    quiet.delivered.add(done.id)
    assert any(problem.startswith("unfinished message") for problem in audit.problems(quiet))


def test_two_appointments_at_one_time_are_found(quiet, done):
    quiet.sql("UPDATE appointments SET starts_at = starts_at + INTERVAL 1 DAY, ends_at = ends_at + INTERVAL 1 DAY "
              "WHERE id = %s", done.id)
    other = quiet.booking(done.professional)
    quiet.act(other, "confirm")
    assert audit.problems(quiet) == []
    quiet.sql("UPDATE appointments SET starts_at = starts_at + INTERVAL 1 DAY, ends_at = ends_at + INTERVAL 1 DAY "
              "WHERE id = %s", other.id)
    assert any(problem.startswith("overlap") for problem in audit.problems(quiet))


def test_messages_that_arrived_never_or_twice_are_found(odys):
    booking = odys.booking()
    odys.act(booking, "cancel")
    (row,) = odys.settled(booking)
    assert audit.problems(odys) == []
    odys.sql("UPDATE outbox SET provider_id = %s WHERE id = %s", str(uuid.uuid4()), row["id"])
    assert any("arrived 0 times" in problem for problem in audit.problems(odys))
    odys.sql("UPDATE outbox SET provider_id = %s WHERE id = %s", row["provider_id"], row["id"])
    # A second copy that no row explains.
    odys.enqueue(channel="whatsapp", recipient_role="client", recipient=booking.client.phone,
                 template="new_message_to_client", payload={"professionalName": "Paula"})
    eventually(lambda: len(odys.whatsapp.to(booking.client.number)) == 2)
    assert any("got 2 messages for 1 rows" in problem for problem in audit.problems(odys))
    odys.made.clear()


def test_messages_that_arrived_in_the_wrong_order_are_found(odys):
    booking = odys.booking()
    odys.act(booking, "paid")
    odys.settled(booking)
    odys.act(booking, "cancel")
    rows = [row for row in odys.settled(booking) if row["recipient_role"] == "client"]
    assert audit.problems(odys) == []
    for row, other in zip(rows, reversed(rows)):
        odys.sql("UPDATE outbox SET provider_id = %s WHERE id = %s", other["provider_id"], row["id"])
    assert any(problem.startswith("arrived in another order") for problem in audit.problems(odys))
    odys.made.clear()

"""Delivery while a provider misbehaves, and rows that other programs enqueue."""

import datetime
import json
import time

import pytest

import spec
from odys import STARTS_AT
from waiting import eventually

# A PATCH takes a few milliseconds; far less than the 20 s that a send may hang.
NORMAL_SECONDS = 2


@pytest.fixture(autouse=True)
def peers_behave_again(odys):
    yield
    odys.whatsapp.reset()
    odys.mail.reset()


def timed(call):
    started = time.monotonic()
    result = call()
    return result, time.monotonic() - started


def test_a_number_that_hangs_delays_nobody_else(odys):
    stuck = odys.booking()
    odys.whatsapp.control(mode="hang", number=stuck.client.number)
    try:
        _, seconds = timed(lambda: odys.act(stuck, "confirm"))
        assert seconds < NORMAL_SECONDS
        eventually(lambda: odys.whatsapp.requests(stuck.client.number) == 1)
        eventually(lambda: odys.mail.to(stuck.client.email) and odys.whatsapp.to(stuck.professional.number), 5)
        # More messages for the same number do not occupy a second sender, so that others go on.
        for number in range(4):
            again = odys.booking(stuck.professional, stuck.client,
                                 starts_at=STARTS_AT + datetime.timedelta(days=1 + number))
            odys.act(again, "cancel")
        others = [odys.booking() for _ in range(12)]
        for other in others:
            odys.act(other, "confirm")
        odys.settled(*others, seconds=8)
        assert odys.whatsapp.to(stuck.client.number) == []
        assert {row["state"] for row in odys.outbox(stuck) if row["recipient"] == stuck.client.number} == {"pending"}
    finally:
        odys.whatsapp.reset()
        odys.kill_responders()


def test_a_provider_that_hangs_for_all_delays_neither_requests_nor_emails(odys):
    odys.whatsapp.control(mode="hang")
    try:
        bookings = [odys.booking() for _ in range(10)]
        for booking in bookings:
            _, seconds = timed(lambda booking=booking: odys.act(booking, "confirm"))
            assert seconds < NORMAL_SECONDS
        eventually(lambda: all(odys.mail.to(booking.client.email) for booking in bookings), 8)
        assert all(odys.whatsapp.to(booking.client.number) == [] for booking in bookings)
    finally:
        odys.whatsapp.reset()
        odys.kill_responders()
    # The leases of in-flight messages end after a minute; the rest is sent now.
    ids = [row["id"] for booking in bookings for row in odys.outbox(booking)]
    odys.make_due(*ids)
    odys.settled(*bookings, seconds=20)


def test_a_mail_server_that_is_away_delays_no_whatsapp_message(odys):
    odys.mail.control(mode="greeting_4xx")
    booking = odys.booking()
    odys.act(booking, "confirm")
    eventually(lambda: odys.whatsapp.to(booking.client.number) and odys.whatsapp.to(booking.professional.number), 5)
    row = next(row for row in odys.outbox(booking) if row["channel"] == "email")
    assert odys.tried(row["id"])["state"] == "pending"
    odys.mail.reset()
    odys.make_due(row["id"])
    odys.settled(booking)


def test_what_failed_once_arrives_by_itself_and_once(odys):
    booking = odys.booking()
    odys.whatsapp.control(mode="unavailable", number=booking.client.number, times=1)
    odys.mail.control(mode="reject_rcpt_4xx", recipient=booking.client.email, times=1)
    started = time.monotonic()
    odys.act(booking, "confirm")
    rows = {(row["channel"], row["recipient_role"]): row for row in odys.settled(booking, seconds=15)}
    assert time.monotonic() - started < 12  # the first retry comes within 10 s
    assert {key: (row["state"], row["attempts"]) for key, row in rows.items()} == {
        ("whatsapp", "client"): ("sent", 2), ("whatsapp", "professional"): ("sent", 1),
        ("email", "client"): ("sent", 2)}
    assert len(odys.whatsapp.to(booking.client.number)) == len(odys.mail.to(booking.client.email)) == 1
    assert odys.whatsapp.requests(booking.client.number) == 2
    assert rows["whatsapp", "client"]["last_error"] is None


def test_a_message_id_is_the_same_over_all_attempts(odys):
    """The receiver kept a copy whose answer was lost: both copies carry the same Message-ID."""
    booking = odys.booking()
    odys.repeats.add(booking.client.email)
    odys.mail.control(mode="drop_after_accept", recipient=booking.client.email, times=1)
    odys.act(booking, "confirm")
    row = next(row for row in odys.outbox(booking) if row["channel"] == "email")
    odys.tried(row["id"])
    odys.make_due(row["id"])
    odys.settled(booking)
    ids = [message["Message-ID"] for message in odys.mail.to(booking.client.email)]
    assert len(ids) == 2 and ids[0] == ids[1] == f"<{row['message_uid']}@odys.example>"


def test_an_expired_message_is_not_sent(odys):
    phone = odys.professional().number
    row = odys.finished(odys.enqueue(
        channel="whatsapp", recipient_role="client", recipient=phone, template="new_message_to_client",
        payload={"professionalName": "Paula"}, expires_at=datetime.datetime(2020, 1, 1)))
    assert (row["state"], row["attempts"]) == ("expired", 0) and row["finished_at"]
    assert odys.whatsapp.requests(phone) == 0


def test_a_retry_is_never_later_than_the_expiry(odys):
    phone = odys.professional().number
    odys.whatsapp.control(mode="rate_limited", number=phone, retry_after=3_000)
    identifier = odys.enqueue(
        channel="whatsapp", recipient_role="client", recipient=phone, template="new_message_to_client",
        payload={"professionalName": "Paula"})
    odys.sql("UPDATE outbox SET expires_at = UTC_TIMESTAMP(6) + INTERVAL 60 SECOND WHERE id = %s", identifier)
    assert odys.tried(identifier)["due_in"] <= 60
    odys.sql("UPDATE outbox SET available_at = UTC_TIMESTAMP(6), expires_at = UTC_TIMESTAMP(6) WHERE id = %s",
             identifier)
    row = odys.finished(identifier)
    assert (row["state"], row["attempts"]) == ("expired", 1)
    assert odys.whatsapp.requests(phone) == 1


def test_a_message_that_kills_its_senders_is_dead(odys):
    phone = odys.professional().number
    identifier = odys.enqueue(
        channel="whatsapp", recipient_role="client", recipient=phone, template="new_message_to_client",
        payload={"professionalName": "Paula"}, lost_claims=5, attempts=5)
    row = odys.finished(identifier)
    assert row["state"] == "dead" and "poison" in row["last_error"] and row["finished_at"]
    assert odys.whatsapp.requests(phone) == 0


@pytest.mark.parametrize("channel, template, payload, error", [
    ("whatsapp", "no_such_template", {}, "unknown_template"),
    ("whatsapp", "Booking_Request", {}, "unknown_template"),
    ("whatsapp", "booking_request", {}, "payload_missing"),
    ("whatsapp", "booking_request", {"clientName": "Ana"}, "startsAt"),
    ("whatsapp", "booking_request", {"clientName": "Ana", "startsAt": "tomorrow"}, "payload_unusable"),
    ("whatsapp", "no_show", {"clientName": "A", "professionalName": "P", "startsAt": "2031-03-05 17:30:00"}, "slug"),
    ("whatsapp", "booking_request", "[]", "payload"),
    ("whatsapp", "booking_request", '"text"', "payload"),
    ("email", "no_such_template", {}, "unknown_template"),
    ("email", "no_show", {"clientName": "A", "professionalName": "P", "startsAt": "2031-03-05 17:30:00",
                          "slug": "p"}, "template"),
], ids=str)
def test_a_row_that_cannot_become_a_message_is_dead_with_its_reason(odys, channel, template, payload, error):
    person = odys.client(odys.professional())
    recipient = person.number if channel == "whatsapp" else person.email
    row = odys.finished(odys.enqueue(channel=channel, recipient_role="client", recipient=recipient, template=template,
                                     payload=payload))
    assert row["state"] == "dead", row
    assert error in row["last_error"]
    assert recipient not in row["last_error"]
    assert odys.whatsapp.requests(recipient) == odys.mail.requests(recipient) == 0


WHEN = {"startsAt": "2031-03-05T17:30:00Z"}
ENQUEUED = {
    "booking_request": ("professional", {"clientName": "Ana Souza", **WHEN}, ["Ana Souza", "14:30", "/dashboard"]),
    "reminder_24h": ("client", {"clientName": "Ana Souza", "professionalName": "Paula Lima", **WHEN},
                     ["Ana Souza", "Paula Lima", "14:30", "5 de março"]),
    "reminder_1h": ("client", {"clientName": "Ana Souza", "professionalName": "Paula Lima", **WHEN},
                    ["Ana Souza", "Paula Lima", "14:30"]),
    "new_message_to_client": ("client", {"clientName": "Ana Souza", "professionalName": "Paula Lima",
                                         "preview": "Oi, tudo bem?"}, ["Paula Lima", "Oi, tudo bem?", "/c"]),
    "new_message_to_professional": ("professional", {"clientName": "Ana Souza", "preview": "Posso chegar depois?"},
                                    ["Ana Souza", "Posso chegar depois?", "/dashboard"]),
}


@pytest.mark.parametrize("template", ENQUEUED)
def test_a_message_that_others_enqueue_by_plain_sql_arrives(odys, template):
    role, payload, parts = ENQUEUED[template]
    person = odys.professional()
    odys.sql("INSERT INTO outbox (channel, recipient_role, recipient, template, payload) VALUES (%s, %s, %s, %s, %s)",
             "whatsapp", role, person.phone, template, json.dumps(payload))
    eventually(lambda: odys.whatsapp.to(person.number))
    row = odys.one("SELECT id FROM outbox WHERE recipient = %s", person.phone)
    assert odys.finished(row["id"])["state"] == "sent"
    (entry,) = odys.whatsapp.to(person.number)
    for part in parts:
        assert part in entry["text"], entry["text"]
    assert (spec.RULE_LINE in entry["text"]) == (role == "client")


def test_the_documented_way_to_enqueue_a_reminder_works(odys):
    """With JSON_OBJECT over the platform's own columns, as docs/MESSAGES.md has it."""
    booking = odys.booking(status="confirmed")
    odys.sql("""INSERT INTO outbox (channel, recipient_role, recipient, template, payload, appointment_id, expires_at)
                SELECT 'whatsapp', 'client', c.phone, 'reminder_24h',
                       JSON_OBJECT('clientName', c.name, 'professionalName', p.name, 'startsAt', a.starts_at),
                       a.id, a.starts_at - INTERVAL 2 HOUR
                FROM appointments a JOIN professionals p ON p.id = a.professional_id
                JOIN clients c ON c.id = a.client_id WHERE a.id = %s""", booking.id)
    (row,) = odys.settled(booking)
    assert row["state"] == "sent"
    (entry,) = odys.whatsapp.to(booking.client.number)
    assert "14:30" in entry["text"] and booking.client.name in entry["text"]
    # The client's reply is assigned to the appointment.
    context = odys.one("SELECT * FROM whatsapp_contexts WHERE phone = %s", booking.client.number)
    assert str(context["appointment_id"]) == booking.id


@pytest.mark.parametrize("version, server", [
    ("auto", ("1",)), ("auto", ("2",)), ("1", ("1",)), ("2", ("2",)),
    ("auto", ("1", "--silent")), ("auto", ("2", "--silent"))])
def test_the_form_of_the_request_is_that_of_the_server(bench, version, server):
    bench.peer("whatsapp", "--version", *server, "--api-key", "key", "--instance", "odys")
    bench.start(EVOLUTION_API_VERSION=version)
    booking = bench.booking()
    bench.act(booking, "paid")
    assert {row["state"] for row in finished_whatsapp(bench, booking)} == {"sent"}
    (entry,) = bench.whatsapp.to(booking.client.number)
    assert entry["version"] == int(server[0]) and entry["link_preview"] is False


def finished_whatsapp(bench, booking):
    rows = [row for row in bench.outbox(booking) if row["channel"] == "whatsapp"]
    return [bench.finished(row["id"]) for row in rows]


def test_an_instance_with_a_strange_name_is_addressed(bench):
    bench.peer("whatsapp", "--api-key", "key", "--instance", "ódys 1/á?")
    bench.start(EVOLUTION_INSTANCE="ódys 1/á?")
    booking = bench.booking()
    bench.act(booking, "cancel")
    assert [row["state"] for row in finished_whatsapp(bench, booking)] == ["sent"]


def test_a_channel_that_is_off_is_skipped_by_whoever_delivers(bench):
    bench.start()
    booking = bench.booking()
    answer = bench.act(booking, "confirm")
    # The process that enqueues does not decide it.
    assert {each["state"] for each in answer.json()["messages"]} == {"pending"}
    rows = [bench.finished(row["id"]) for row in bench.outbox(booking)]
    assert {(row["state"], row["last_error"], row["attempts"]) for row in rows} == {("skipped", "channel_off", 0)}


def test_a_process_may_only_answer_or_only_deliver(bench):
    bench.peer("whatsapp", "--api-key", "key", "--instance", "odys")
    bench.peer("smtp")
    answering = bench.start(ODYS_DELIVERY="off").responder
    booking = bench.booking()
    bench.act(booking, "confirm")
    delivering = bench.launch(ODYS_DELIVERY="only", ODYS_LISTEN="")
    assert {row["state"] for row in bench.settled(booking)} == {"sent"}
    # One responder answers and the other does not listen: requests still go to the first.
    bench.act(booking, "cancel")
    bench.settled(booking)
    delivering.terminate()
    assert delivering.wait(30) == 0
    second = bench.booking()
    bench.act(second, "confirm")
    claimed = bench.sql("SELECT id FROM outbox WHERE appointment_id = %s AND attempts > 0", second.id)
    assert not claimed and answering.poll() is None

"""Messages about one appointment: their order for each recipient, and which are superseded by newer ones."""

import pytest

import spec
from waiting import eventually

WHEN = {"startsAt": "2031-03-05T17:30:00Z"}
PAYLOAD = {"clientName": "Ana Souza", "professionalName": "Paula Lima", **WHEN}


@pytest.fixture(autouse=True)
def peers_behave_again(odys):
    yield
    odys.whatsapp.reset()
    odys.mail.reset()


def to_client(rows):
    """{template: row} of the WhatsApp messages to the client."""
    return {row["template"]: row for row in rows
            if (row["channel"], row["recipient_role"]) == ("whatsapp", "client")}


def states(rows):
    return {template: row["state"] for template, row in rows.items()}


def arrived(odys, booking):
    """The templates that the client received by WhatsApp, in order."""
    names = {row["provider_id"]: row["template"] for row in odys.outbox(booking)}
    return [names[entry["id"]] for entry in odys.whatsapp.to(booking.client.number)]


def sent(odys, booking, template):
    return [row for row in odys.outbox(booking) if (row["template"], row["state"]) == (template, "sent")]


def in_hand(odys, booking):
    """Waits until the provider holds an unanswered request for the client."""
    eventually(lambda: odys.whatsapp.requests(booking.client.number) == 1)


@pytest.mark.parametrize("by, newer", [("client", "booking_cancelled"), ("professional", "cancelled_by_professional")])
def test_what_was_not_sent_yet_gives_way_to_the_cancellation(odys, by, newer):
    booking = odys.booking()
    odys.whatsapp.control(mode="unavailable", number=booking.client.number, times=2)
    odys.act(booking, "confirm")
    older = to_client(odys.outbox(booking))["booking_confirmed"]
    odys.tried(older["id"])
    odys.act(booking, "cancel", by=by)
    # It is superseded in the transaction of the newer one, and no longer blocks it.
    row = odys.row(older["id"])
    assert row["state"] == "superseded" and row["finished_at"] and row["attempts"] == 1
    eventually(lambda: odys.whatsapp.requests(booking.client.number) >= 2, 2)
    assert states(to_client(odys.settled(booking))) == {"booking_confirmed": "superseded", newer: "sent"}
    assert arrived(odys, booking) == [newer]


@pytest.mark.parametrize("action, status", [("complete", "appointment_completed"), ("no_show", "no_show")])
def test_what_was_not_sent_yet_gives_way_to_every_newer_status(odys, action, status):
    booking = odys.booking()
    odys.whatsapp.control(mode="unavailable", number=booking.client.number, times=1)
    odys.act(booking, "confirm")
    odys.tried(to_client(odys.outbox(booking))["booking_confirmed"]["id"])
    odys.act(booking, action)
    assert states(to_client(odys.settled(booking))) == {"booking_confirmed": "superseded", status: "sent"}
    assert arrived(odys, booking) == [status]


def test_what_a_sender_has_in_hand_and_fails_gives_way(odys):
    """The provider answers only after the cancellation; the sender then does not retry."""
    booking = odys.booking()
    odys.whatsapp.control(mode="unavailable", number=booking.client.number, times=1, delay_ms=1_000)
    odys.act(booking, "confirm")
    in_hand(odys, booking)
    odys.act(booking, "cancel", by="client")
    rows = to_client(odys.settled(booking, seconds=8))
    assert states(rows) == {"booking_confirmed": "superseded", "booking_cancelled": "sent"}
    assert rows["booking_confirmed"]["attempts"] == 1
    assert arrived(odys, booking) == ["booking_cancelled"]
    assert odys.whatsapp.requests(booking.client.number) == 2


def test_the_newer_one_waits_for_what_a_sender_has_in_hand(odys):
    booking = odys.booking()
    odys.whatsapp.control(mode="ok", number=booking.client.number, times=1, delay_ms=1_000)
    odys.act(booking, "confirm")
    in_hand(odys, booking)
    odys.act(booking, "cancel", by="client")
    assert states(to_client(odys.settled(booking))) == {"booking_confirmed": "sent", "booking_cancelled": "sent"}
    assert arrived(odys, booking) == ["booking_confirmed", "booking_cancelled"]


def test_the_newer_one_overtakes_neither_a_provider_that_hangs_nor_one_that_lost_its_answer(odys):
    """A hanging send is unclear after its timeout, and is not repeated, because the newer message supersedes it."""
    hangs, lost = odys.booking(), odys.booking()
    odys.whatsapp.control(mode="hang", number=hangs.client.number, times=1)
    odys.whatsapp.control(mode="reset_after_accept", number=lost.client.number, times=1, delay_ms=1_000)
    for booking in (hangs, lost):
        odys.act(booking, "confirm")
        in_hand(odys, booking)
        odys.act(booking, "cancel", by="client")
    # The hanging message occupies its sender; nothing else of that appointment waits for it.
    eventually(lambda: sent(odys, hangs, "cancelled_by_client"), 5)
    odys.repeats.add(lost.client.number)
    for booking in (hangs, lost):
        rows = to_client(odys.settled(booking, seconds=25))
        assert states(rows) == {"booking_confirmed": "superseded", "booking_cancelled": "sent"}
        assert rows["booking_confirmed"]["attempts"] == 1
    assert arrived(odys, hangs) == ["booking_cancelled"]
    # The provider had accepted the first, although the answer was lost: still in order, and each once.
    texts = [entry["text"] for entry in odys.whatsapp.to(lost.client.number)]
    assert len(texts) == 2 and "confirm" in texts[0].lower() and "cancel" in texts[1].lower()


def test_a_payment_waits_for_the_confirmation_and_replaces_nothing(odys):
    booking = odys.booking()
    odys.whatsapp.control(mode="unavailable", number=booking.client.number)
    odys.act(booking, "confirm")
    confirmed = to_client(odys.outbox(booking))["booking_confirmed"]["id"]
    odys.tried(confirmed)
    odys.act(booking, "paid")
    # The professional has both, while the client's payment still waits behind the failed confirmation.
    eventually(lambda: len(odys.whatsapp.to(booking.professional.number)) == 2)
    waiting = to_client(odys.outbox(booking))
    assert (waiting["payment_confirmed"]["state"], waiting["payment_confirmed"]["attempts"]) == ("pending", 0)
    assert waiting["booking_confirmed"]["state"] == "pending"
    odys.whatsapp.reset()
    assert states(to_client(odys.settled(booking, seconds=25))) == {
        "booking_confirmed": "sent", "payment_confirmed": "sent"}
    assert arrived(odys, booking) == ["booking_confirmed", "payment_confirmed"]


def test_a_payment_is_not_replaced_by_a_later_status(odys):
    booking = odys.booking()
    odys.whatsapp.control(mode="unavailable", number=booking.client.number, times=1)
    odys.act(booking, "paid")
    odys.tried(to_client(odys.outbox(booking))["payment_confirmed"]["id"])
    odys.act(booking, "cancel", by="client")
    assert states(to_client(odys.settled(booking, seconds=20))) == {
        "payment_confirmed": "sent", "booking_cancelled": "sent"}
    assert arrived(odys, booking) == ["payment_confirmed", "booking_cancelled"]


def test_a_late_confirmation_by_mail_never_follows_a_cancellation(odys):
    booking = odys.booking()
    odys.mail.control(mode="reject_rcpt_4xx", recipient=booking.client.email)
    odys.act(booking, "confirm")
    (mail,) = [row for row in odys.outbox(booking) if row["channel"] == "email"]
    odys.tried(mail["id"])
    odys.act(booking, "cancel", by="client")
    odys.mail.reset()
    odys.settled(booking)
    assert odys.row(mail["id"])["state"] == "superseded"
    assert odys.mail.to(booking.client.email) == []


def test_recipients_do_not_wait_for_one_another(odys):
    booking = odys.booking()
    odys.whatsapp.control(mode="unavailable", number=booking.client.number)
    odys.act(booking, "confirm")
    odys.act(booking, "cancel", by="client")
    eventually(lambda: sent(odys, booking, "cancelled_by_client"), 5)
    assert odys.whatsapp.to(booking.client.number) == []
    odys.whatsapp.reset()
    odys.settled(booking, seconds=20)


def test_the_order_holds_for_many_that_are_confirmed_and_cancelled_at_once(odys):
    """Each of them is slow in another way, and the cancellation follows what is in flight. The audit checks the order
    of everything that was sent."""
    bookings = [odys.booking() for _ in range(16)]
    for number, booking in enumerate(bookings):
        odys.whatsapp.control(mode="ok", number=booking.client.number, delay_ms=40 * (number % 8))
    for booking in bookings:
        odys.act(booking, "confirm")
        odys.act(booking, "paid")
        odys.act(booking, "cancel", by="client")
    odys.settled(*bookings, seconds=30)
    for booking in bookings:
        assert arrived(odys, booking) in (["payment_confirmed", "booking_cancelled"],
                                          ["booking_confirmed", "payment_confirmed", "booking_cancelled"])


# --- The status when it is sent -----------------------------------------------------------------------

def enqueued(odys, booking, channel, template, **more):
    recipient = booking.client.email if channel == "email" else booking.client.number
    payload = {**PAYLOAD, "slug": "paula-lima"}
    return odys.enqueue(channel=channel, recipient_role="client", recipient=recipient, template=template,
                        appointment_id=booking.id, payload=payload, **more)


@pytest.mark.parametrize("channel", ["whatsapp", "email"])
@pytest.mark.parametrize("status", [status for status in spec.STATUSES if status != "confirmed"])
def test_a_confirmation_of_what_is_not_confirmed_is_not_sent(odys, channel, status):
    booking = odys.booking(status=status)
    row = odys.finished(enqueued(odys, booking, channel, "booking_confirmed"))
    assert (row["state"], row["attempts"], row["provider_id"]) == ("superseded", 0, None)
    assert odys.whatsapp.requests(booking.client.number) == odys.mail.requests(booking.client.email) == 0


@pytest.mark.parametrize("channel, mode, key", [
    ("whatsapp", "unavailable", "number"), ("email", "reject_rcpt_4xx", "recipient")])
def test_a_confirmation_that_others_cancelled_before_it_was_sent_is_not_tried_again(odys, channel, mode, key):
    """By plain SQL, as the rest of the platform changes rows."""
    booking = odys.booking(status="confirmed")
    peer = odys.mail if channel == "email" else odys.whatsapp
    recipient = booking.client.email if channel == "email" else booking.client.number
    peer.control(mode=mode, **{key: recipient})
    identifier = enqueued(odys, booking, channel, "booking_confirmed")
    assert odys.tried(identifier)["state"] == "pending"
    odys.sql("UPDATE appointments SET status = 'cancelled' WHERE id = %s", booking.id)
    peer.reset()
    odys.make_due(identifier)
    row = odys.finished(identifier)
    assert (row["state"], row["attempts"]) == ("superseded", 1)
    assert peer.requests(recipient) == 1 and peer.to(recipient) == []


@pytest.mark.parametrize("template", ["reminder_24h", "reminder_1h"])
def test_only_a_confirmed_appointment_is_reminded_of(odys, template):
    bookings = {status: odys.booking(status=status) for status in spec.STATUSES}
    ids = {status: enqueued(odys, booking, "whatsapp", template) for status, booking in bookings.items()}
    found = {status: odys.finished(identifier)["state"] for status, identifier in ids.items()}
    assert found == {status: "sent" if status == "confirmed" else "superseded" for status in spec.STATUSES}
    assert {status: odys.whatsapp.requests(booking.client.number) for status, booking in bookings.items()} == {
        status: int(status == "confirmed") for status in spec.STATUSES}


@pytest.mark.parametrize("template", ["payment_confirmed", "new_message_to_client"])
def test_other_messages_are_sent_whatever_the_status(odys, template):
    bookings = [odys.booking(status=status) for status in spec.STATUSES]
    ids = [enqueued(odys, booking, "whatsapp", template) for booking in bookings]
    assert {odys.finished(identifier)["state"] for identifier in ids} == {"sent"}


def test_a_chat_message_does_not_wait_for_the_appointments_messages(odys):
    booking = odys.booking()
    odys.whatsapp.control(mode="unavailable", number=booking.client.number, times=1)
    odys.act(booking, "confirm")
    odys.tried(to_client(odys.outbox(booking))["booking_confirmed"]["id"])
    chat = enqueued(odys, booking, "whatsapp", "new_message_to_client")
    assert odys.finished(chat)["state"] == "sent"
    assert to_client(odys.outbox(booking))["booking_confirmed"]["state"] == "pending"
    odys.settled(booking, seconds=20)

"""odysctl person: a client sees what is held about them, and is forgotten."""

import json
import pathlib

import pytest

import odys
from test_operator import login
from waiting import eventually

REASONS = {"reject": "Estarei em um congresso sobre begônias.", "cancel": "Surgiu uma viagem a Quixadá.",
           "no_show": "Sem aviso, de novo, a Zenilda."}


@pytest.fixture
def running(bench):
    bench.peer("whatsapp")
    bench.peer("smtp")
    return bench.start()


def lived(database, **columns):
    """A client on whom every action was performed, with messages sent, skipped and waiting; and what was said."""
    professional = database.professional()
    client = database.client(professional, **columns)
    booked = [database.booking(professional, client, starts_at=odys.STARTS_AT.replace(day=day)) for day in range(5, 11)]
    for booking, action, by in zip(booked, ("reject", "cancel", "cancel", "no_show", "confirm", "confirm"),
                                   ("professional", "client", *["professional"] * 4), strict=True):
        more = {"reason": REASONS[action]} if action in REASONS else {}
        database.act(booking, action, by=by, Idempotency_Key=f"key-{booking.id}", **more)
    database.act(booked[4], "paid")
    database.act(booked[4], "complete")
    database.settled(*booked)
    # Nobody has delivered these, and one names no appointment.
    database.sql("UPDATE outbox SET state = 'pending', finished_at = NULL, attempts = 0, lease_token = NULL, "
                 "available_at = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR WHERE appointment_id = %s", booked[5].id)
    later = {"available_at": "2037-01-01", "expires_at": "2037-01-02"}
    database.enqueue(channel="whatsapp", recipient_role="client", recipient=client.phone, template="reminder_24h",
                     payload={"clientName": client.name}, **later)
    database.enqueue(channel="email", recipient_role="client", recipient=client.email.upper(),
                     template="booking_confirmed", payload={}, **later)
    database.enqueue(channel="whatsapp", recipient_role="professional", recipient=professional.phone,
                     template="new_message_to_professional",
                     payload={"clientName": client.name, "preview": REASONS["no_show"]}, **later)
    return client, booked


def person(database, *words, code=0, **settings):
    done = database.ctl("person", *words, check=False, **settings)
    assert done.returncode == code, (words, done)
    return done


def forms(client):
    """What would give the client away: name, phone in every form, e-mail, user id; and what was said about them."""
    digits = "".join(character for character in client.phone if character.isdigit())
    numbers = {digits, digits[2:]} if len(digits) > 9 else set()
    return {client.name, client.phone, client.number, client.email, client.user_id, *numbers, *REASONS.values()}


def found(database, client):
    """(table, column) of every value in the database that holds one of these."""
    places = set()
    for row in database.sql("SHOW TABLES"):
        table = next(iter(row.values()))
        for values in database.sql(f"SELECT * FROM {table}"):
            for name, value in values.items():
                text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                if any(form.lower() in text.lower() for form in forms(client)):
                    places.add((table, name))
    return places


PHONES = {"Brazil": {}, "abroad": {"phone": "+1 415 555 2671"}, "unusable": {"phone": "9x8y7 Zulmira"}}


@pytest.mark.parametrize("columns", PHONES.values(), ids=PHONES)
def test_nothing_of_an_erased_person_is_left(running, columns):
    client, booked = lived(running, **columns)
    held = {table for table, _ in found(running, client)}
    assert held == {"clients", "outbox", "notifications", "appointment_events"} | (
        set() if "Zulmira" in client.phone else {"whatsapp_contexts"})
    arrived = len(running.whatsapp.ids()), len(running.mail.ids())

    before = running.contents()
    dry = json.loads(person(running, "erase", "--json", client.id).stdout)
    assert running.contents() == before and dry["erased"] is False
    assert "--apply does it" in person(running, "erase", client.id).stdout
    done = json.loads(person(running, "erase", "--json", "--apply", client.id).stdout)
    assert done == {**dry, "erased": True} and done["clientRowStands"] is True
    assert done["messages"] >= 19 and done["pending"] == 6 and done["events"] >= 4 and done["storedResponses"] == 6
    assert found(running, client) == {("clients", name) for name in ("name", "phone", "email", "user_id")}
    # A second time there is nothing but what cannot be told from it.
    again = json.loads(person(running, "erase", "--json", "--apply", client.id).stdout)
    assert (again["pending"], again["notifications"], again["storedResponses"]) == (0, 0, 0)

    # The platform's part.
    running.sql("DELETE FROM clients WHERE id = %s", client.id)
    assert found(running, client) == set()
    running.sql("UPDATE outbox SET available_at = UTC_TIMESTAMP(6) WHERE state = 'pending'")
    assert not [row for row in running.sql("SELECT * FROM outbox") if row["state"] == "pending"]
    other = running.booking()
    running.act(other, "confirm")
    running.settled(other)
    assert (len(running.whatsapp.ids()), len(running.mail.ids())) == (arrived[0] + 2, arrived[1] + 1)
    for row in running.sql("SELECT id FROM outbox WHERE state = 'dead'"):
        assert running.ctl("outbox", "retry", row["id"], check=False).returncode == 1
    recorded = running.sql("SELECT * FROM operator_actions WHERE action = 'erase'")
    assert [(row["detail"], row["outbox_id"]) for row in recorded] == [(f"client {client.id}", None)] * 2
    assert running.patch(booked[0], booked[0].professional, "reject",
                         Idempotency_Key=f"key-{booked[0].id}").status == 404
    log = running.log()
    assert log and not [form for form in forms(client) if form in log]
    directory = pathlib.Path(running.server.dir) / "logs"
    for path in directory.glob("*.log"):
        if path.name not in ("smtp.log", "whatsapp.log"):
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not [form for form in forms(client) if form in text], path
    running.forget()


def test_a_stored_answer_is_not_replayed_after_the_erasure(running):
    client, booked = lived(running)
    again = running.patch(booked[3], booked[3].professional, "no_show", reason=REASONS["no_show"],
                          Idempotency_Key=f"key-{booked[3].id}")
    assert again.status == 200 and again.header("Idempotency-Replayed") == "true"
    person(running, "erase", "--apply", client.id)
    again = running.patch(booked[3], booked[3].professional, "no_show", reason=REASONS["no_show"],
                          Idempotency_Key=f"key-{booked[3].id}")
    assert again.status == 400 and again.json()["code"] == "invalid_transition"
    assert running.events(booked[3])[0]["reason"] is None
    running.forget()


def test_others_keep_what_is_theirs(running):
    """A child with the same phone, another client of the professional, and the same person elsewhere."""
    client, _ = lived(running)
    sibling = running.client(running.professional(), phone=client.phone)
    twin = running.client(running.professional(), user_id=client.user_id)
    kept = [running.booking(client=each, professional=running.professional()) for each in (sibling, twin)]
    for booking in kept:
        running.act(booking, "reject", reason="x", Idempotency_Key=f"key-{booking.id}")
    running.settled(*kept)
    loose = running.enqueue(channel="whatsapp", recipient_role="client", recipient=client.phone,
                            template="reminder_1h", payload={"clientName": sibling.name}, state="sent")
    before = [(running.outbox(booking), running.events(booking), running.notifications(booking)) for booking in kept]
    done = json.loads(person(running, "erase", "--json", "--apply", client.id).stdout)
    assert done["otherClients"] == [twin.id]
    for booking, (rows, events, notifications) in zip(kept, before, strict=True):
        assert [{**row, "due_in": 0} for row in running.outbox(booking)] == [{**row, "due_in": 0} for row in rows]
        assert (running.events(booking), running.notifications(booking)) == (events, notifications)
        assert running.patch(booking, booking.professional, "reject", reason="x", Idempotency_Key=f"key-{booking.id}"
                             ).header("Idempotency-Replayed") == "true"
    assert running.row(loose)["recipient"] == client.phone
    running.forget()


def test_an_export_has_all_that_is_held(running):
    client, booked = lived(running)
    document = json.loads(person(running, "export", client.id).stdout)
    again = json.loads(person(running, "export", "--json", client.id.upper()).stdout)
    assert [(each["operator"], each["action"]) for each in again.pop("requests")] == [(login(), "export")]
    assert document.pop("requests") == [] and again == document
    (row,) = document["clients"]
    assert (row["name"], row["phone"], row["email"]) == (client.name, client.phone, client.email)
    assert [each["id"] for each in document["appointments"]] == [each.id for each in booked]
    assert {event["reason"] for event in document["events"]} == {*REASONS.values(), None}
    assert len(document["events"]) == 8 and len(document["storedResponses"]) == 6
    assert {each["recipientType"] for each in document["notifications"]} == {"client", "professional"}
    about = {each["to"]: each for each in document["messages"]}
    assert set(about) == {"client", "professional"} and about["professional"]["payload"]["clientName"] == client.name
    assert len(document["messages"]) == len(running.sql("SELECT id FROM outbox"))
    assert [each["phone"] for each in document["replyContexts"]] == [client.number]
    assert all(each["createdAt"].endswith("Z") for each in document["messages"])
    recorded = running.sql("SELECT action, detail FROM operator_actions ORDER BY id")
    assert [(each["action"], each["detail"]) for each in recorded] == [("export", f"client {client.id}")] * 2
    running.forget()


def test_what_is_no_client_is_refused(running):
    for words in (("export",), ("erase", "--apply")):
        assert "no client" in person(running, *words, "00000000-0000-4000-8000-000000000000", code=1).stderr
        assert person(running, *words, "Ana", code=2).stderr
        assert person(running, *words, "00000000-0000-4000-8000-000000000000", code=3,
                      ODYS_DB_SOCKET="/nonexistent/mariadb.sock").stderr


def test_the_applications_account_may_not(running):
    client = running.client(running.professional())
    without = {"ODYS_DB_MIGRATE_USER": None, "ODYS_DB_MIGRATE_PASSWORD": None}
    for words in (("export",), ("erase",), ("erase", "--apply")):
        assert "ODYS_DB_MIGRATE_USER" in person(running, *words, client.id, code=3, **without).stderr


def test_a_message_in_the_hands_of_a_sender_changes_nothing_afterwards(running):
    booking = running.booking()
    running.whatsapp.control(mode="slow", number=booking.client.number, times=1)
    running.act(booking, "no_show", reason=REASONS["no_show"])
    (row,) = [row for row in running.outbox(booking) if row["recipient_role"] == "client"]
    eventually(lambda: running.row(row["id"])["lease_token"] is not None)
    person(running, "erase", "--apply", booking.client.id)
    eventually(lambda: "taken over by another sender" in running.log(), 40)
    after = running.row(row["id"])
    assert (after["state"], after["last_error"], after["recipient"]) == ("dead", "erased", "")
    running.forget()

"""odysctl timeline and odysctl messages."""

import json
import os
import pwd
import uuid

import pytest

import bench
import spec
import stack

STATES = ("pending", "sent", "dead", "skipped", "expired", "superseded")
PERSON = {"clientName": "Ana Souza", "professionalName": "Paula Lima", "startsAt": "2031-03-05T17:30:00Z"}


def ctl(odys, *words, code=0, **settings):
    reached = {"ODYS_DB_SOCKET": odys.db_socket, "ODYS_DB_NAME": odys.db_name, "ODYS_DB_USER": odys.db_user}
    done = stack.run(bench.CTL, *words, check=False, **{**reached, **settings})
    assert done.returncode == code, (words, done)
    return done


def actions(odys, *ids):
    places = ", ".join(["%s"] * len(ids))
    return odys.sql(f"SELECT * FROM operator_actions WHERE outbox_id IN ({places}) ORDER BY id", *ids)


def lines_with(text, *words):
    return [line for line in text.splitlines() if all(word in line for word in words)]


# --- timeline -----------------------------------------------------------------------------------------

@pytest.fixture
def story(odys):
    """An appointment that was paid, confirmed and missed; one message died and an operator sent it again."""
    booking = odys.booking()
    odys.act(booking, "paid")
    odys.settled(booking)
    odys.whatsapp.control(mode="exists_false", number=booking.client.number, times=1)
    odys.act(booking, "confirm")
    (dead,) = [row for row in odys.settled(booking) if row["state"] == "dead"]
    ctl(odys, "outbox", "retry", str(dead["id"]))
    odys.settled(booking)
    odys.act(booking, "no_show", reason="Sem aviso.")
    odys.settled(booking)
    return booking


def test_a_timeline_tells_the_whole_story_to_programs(odys, story):
    told = json.loads(ctl(odys, "timeline", "--json", story.id).stdout)
    assert told["appointment"]["id"] == story.id and told["appointment"]["version"] == 4
    assert (told["appointment"]["status"], told["appointment"]["paymentStatus"]) == ("no_show", "captured")
    assert [(each["version"], each["action"], each["actorRole"], each["actorUserId"], each["reason"])
            for each in told["events"]] == [
        (2, "paid", "professional", story.professional.user_id, None),
        (3, "confirm", "professional", story.professional.user_id, None),
        (4, "no_show", "professional", story.professional.user_id, "Sem aviso.")]
    assert [(each["fromStatus"], each["toStatus"]) for each in told["events"]] == [
        ("pending_confirmation",) * 2, ("pending_confirmation", "confirmed"), ("confirmed", "no_show")]
    rows = odys.outbox(story)
    assert [each["id"] for each in told["messages"]] == [row["id"] for row in rows]
    for each, row in zip(told["messages"], rows):
        assert (each["uid"], each["version"], each["to"], each["channel"], each["template"], each["state"]) == (
            row["message_uid"], row["appointment_version"], row["recipient_role"], row["channel"], row["template"],
            "sent")
        assert (each["attempts"], each["providerId"]) == (row["attempts"], row["provider_id"])
        delay = (row["finished_at"] - row["created_at"]).total_seconds()
        assert abs(each["secondsToSend"] - delay) < 0.002
    (again,) = told["operatorActions"]
    assert (again["action"], again["operator"]) == ("retry", pwd.getpwuid(os.getuid()).pw_name)
    assert again["messageId"] in [row["id"] for row in rows if row["attempts"] == 2]


def test_a_timeline_tells_the_whole_story_to_people(odys, story):
    text = ctl(odys, "timeline", story.id.upper()).stdout
    assert story.id in text and "no_show, payment captured, version 4" in text
    lines = text.splitlines()
    order = [next(index for index, line in enumerate(lines) if word in line) for word in (
        "created", "paid by the professional", "confirm by the professional", "retry of message",
        "no_show by the professional")]
    assert order == sorted(order)
    assert lines_with(text, story.professional.user_id, "confirmed → no_show", "because: Sem aviso.")
    assert lines_with(text, "pending_confirmation → confirmed", "payment captured")
    for row in odys.outbox(story):
        (line,) = [line for line in lines if line.split()[:1] == [str(row["id"])]]
        attempts = "1 attempt" if row["attempts"] == 1 else f"{row['attempts']} attempts"
        for word in (row["channel"], f"to the {row['recipient_role']}", row["template"], "sent, after ", attempts):
            assert word in line, (word, line)
        assert row["provider_id"] is None or row["provider_id"] in line
    # Under its event: the no-show's messages are the last lines.
    assert {line.split()[0] for line in lines[-2:]} == {
        str(row["id"]) for row in odys.outbox(story) if row["appointment_version"] == 4}


def test_a_timeline_names_nobody(odys, story):
    for words in ((), ("--json",)):
        text = ctl(odys, "timeline", story.id, *words).stdout
        for word in (story.client.number, story.client.phone, story.client.email, story.client.name,
                     story.professional.name, story.professional.number):
            assert word not in text


@pytest.mark.parametrize("action, actor", spec.HEARS)
def test_every_action_has_a_timeline(quiet, action, actor):
    booking = quiet.booking()
    quiet.act(booking, action, by=actor, reason="x")
    text = ctl(quiet, "timeline", booking.id).stdout
    person = getattr(booking, actor)
    assert lines_with(text, f"{action} by the {actor} ({person.user_id}), version 2")
    for row in quiet.outbox(booking):
        assert lines_with(text, str(row["id"]), row["template"], "pending")


def test_what_others_enqueued_and_what_is_older_is_told_too(quiet):
    booking = quiet.booking(status="completed")
    identifier = quiet.enqueue(appointment_id=booking.id, channel="whatsapp", recipient_role="client", recipient="",
                               template="reminder_24h", payload={}, state="dead", last_error="unusable_phone")
    try:
        text = ctl(quiet, "timeline", booking.id).stdout
        assert lines_with(text, str(identifier), "reminder_24h", "dead", "unusable_phone")
        told = json.loads(ctl(quiet, "timeline", booking.id, "--json").stdout)
        assert told["events"] == told["operatorActions"] == []
        assert [(each["id"], each["version"], each["secondsToSend"]) for each in told["messages"]] == [
            (identifier, None, None)]
    finally:
        quiet.sql("DELETE FROM outbox WHERE id = %s", identifier)


# --- messages -----------------------------------------------------------------------------------------

@pytest.fixture
def post(database):
    """Two clients' messages in a queue without delivery: Ana's in every state, by three spellings of her phone."""
    for table in ("outbox", "operator_actions"):
        database.sql(f"DELETE FROM {table}")
    spellings = ("+55 21 98765-4321", "5521987654321", "(21) 98765 4321")
    ids = {}
    for number, state in enumerate(STATES):
        ids[state] = put(database, recipient=spellings[number % 3], state=state)
    ids["mail"] = put(database, channel="email", recipient="Ana.Souza@example.com", state="dead")
    # The same last digits of another number; an address that contains hers; an emptied message.
    put(database, recipient="11 98765-4321")
    put(database, channel="email", recipient="not-ana.souza@example.com")
    put(database, recipient="", state="sent")
    database.sql("UPDATE outbox SET created_at = UTC_TIMESTAMP(6) - INTERVAL 5 HOUR WHERE id = %s", ids["sent"])
    return ids


def put(database, state="pending", **columns):
    if state != "pending":
        columns["finished_at"] = database.one("SELECT UTC_TIMESTAMP(6) AS now")["now"]
    return database.enqueue(**{"channel": "whatsapp", "recipient_role": "client", "template": "no_show",
                               "payload": PERSON, "state": state, **columns})


def found(odys, *words, code=0):
    return [entry["id"] for entry in json.loads(ctl(odys, "messages", "--json", *words, code=code).stdout)]


@pytest.mark.parametrize("to", ["+55 (21) 98765-4321", "21987654321", "5521987654321", "021 98765-4321"])
def test_messages_are_found_by_any_spelling_of_a_phone(database, post, to):
    assert found(database, "--to", to) == [post[state] for state in reversed(STATES)]


@pytest.mark.parametrize("words, names", [
    (("--to", "ana.souza@EXAMPLE.com"), ("mail",)),
    *((("--to", "21987654321", "--state", state), (state,)) for state in STATES),
    (("--to", "21987654321", "--since", "1"), tuple(state for state in reversed(STATES) if state != "sent")),
    (("--to", "21987654321", "--limit", "2"), ("superseded", "expired")),
], ids=str)
def test_filters_choose_messages(database, post, words, names):
    assert found(database, *words) == [post[name] for name in names]


def test_i_got_no_message_is_answered_by_any_id(quiet):
    booking = quiet.booking()
    quiet.act(booking, "confirm")
    rows = quiet.outbox(booking)
    by_role = {role: [row["id"] for row in reversed(rows) if row["recipient_role"] == role]
               for role in ("client", "professional")}
    # The phone has changed, and what was sent long ago has lost its recipient.
    quiet.sql("UPDATE outbox SET recipient = '' WHERE id = %s", rows[0]["id"])
    for role, person in (("client", booking.client), ("professional", booking.professional)):
        for to in (person.id, person.id.upper(), person.user_id):
            assert found(quiet, "--to", to) == by_role[role], to
    assert found(quiet, "--to", booking.id) == [row["id"] for row in reversed(rows)]
    assert found(quiet, "--to", rows[1]["message_uid"]) == [rows[1]["id"]]
    assert found(quiet, "--to", booking.client.id, "--state", "sent", code=1) == []
    quiet.sql("UPDATE outbox SET recipient = %s WHERE id = %s", rows[0]["recipient"], rows[0]["id"])


def test_a_line_for_people_says_what_became_of_it(database, post):
    database.sql("UPDATE outbox SET last_error = '550 5.1.1', attempts = 3 WHERE id = %s", post["mail"])
    text = ctl(database, "messages", "--to", "ana.souza@example.com").stdout
    (line,) = lines_with(text, str(post["mail"]))
    for word in ("no_show", "email", "dead", "3 attempts", "550 5.1.1", "A•••@example.com"):
        assert word in line


@pytest.mark.parametrize("words", [(), ("--json",)], ids=str)
def test_contacts_are_masked_unless_asked_for_and_then_it_is_recorded(database, post, words):
    for to, secret in (("21987654321", "98765"), ("ana.souza@example.com", "Souza@")):
        assert secret not in ctl(database, "messages", "--to", to, *words).stdout
    assert actions(database, *post.values()) == ()
    shown = ctl(database, "messages", "--to", "ana.souza@example.com", "--reveal", *words).stdout
    assert "Ana.Souza@example.com" in shown
    (recorded,) = actions(database, *post.values())
    assert (recorded["action"], recorded["outbox_id"]) == ("reveal", post["mail"])
    assert recorded["operator"] == pwd.getpwuid(os.getuid()).pw_name and recorded["detail"] is None


# --- Exit codes ---------------------------------------------------------------------------------------

def test_what_is_not_there_is_exit_code_1(database, post):
    for words in (("timeline", str(uuid.uuid4())), ("messages", "--to", "11987650000"), ("messages", "--to", "nobody"),
                  ("messages", "--to", "nobody@example.com"), ("messages", "--to", str(uuid.uuid4()))):
        assert ctl(database, *words, code=1).stderr.startswith("odysctl: ")


@pytest.mark.parametrize("words", [
    ("timeline",), ("timeline", "1"), ("timeline", "nobody"), ("messages",), ("messages", "--to", ""),
    ("messages", "--to", "x" * 300), ("messages", "--to", "1", "--state", "lost"),
    ("messages", "--to", "1", "--since", "soon"), ("messages", "--to", "1", "--since", "0")], ids=str)
def test_wrong_usage_is_exit_code_2(database, words):
    done = ctl(database, *words, code=2)
    assert done.stderr and not done.stdout


@pytest.mark.parametrize("words", [("timeline", str(uuid.UUID(int=1))), ("messages", "--to", "x")], ids=str)
def test_what_is_missing_is_exit_code_2_and_who_is_away_3(database, words):
    missing = {"ODYS_DB_SOCKET": None, "ODYS_DB_NAME": None, "ODYS_DB_USER": None}
    assert "ODYS_DB" in ctl(database, *words, code=2, **missing).stderr
    assert ctl(database, *words, code=3, ODYS_DB_SOCKET="/nonexistent/mariadb.sock").stderr

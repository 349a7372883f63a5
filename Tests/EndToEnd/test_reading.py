"""GET of an appointment and of its history, for the two parties."""

import datetime
import itertools
import pathlib
import random
import re
import time
import uuid

import pytest

import spec
import stack
from conftest import ORIGIN
from odys import STARTS_AT
from refusing import nothing_written, problem
from together import in_turn

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
APPOINTMENT = ["id", "status", "paymentStatus", "startsAt", "endsAt", "version", "updatedAt"]
EVENT = ["version", "action", "actorRole", "reason", "fromStatus", "toStatus", "fromPaymentStatus", "toPaymentStatus",
         "at"]
MESSAGE = ["id", "version", "to", "channel", "template", "state", "attempts", "createdAt", "finishedAt"]
# An action, and its actor.
ACTS = list(spec.HEARS)


def read(odys, booking, by="professional", suffix=""):
    """A GET that must succeed."""
    person = getattr(booking, by) if isinstance(by, str) else by
    answer = odys.get(booking, person, suffix)
    assert answer.status == 200, answer
    assert answer.header("Content-Type") == "application/json" and answer.header("Cache-Control") == "no-store"
    assert answer.header("X-Request-Id")
    return answer


def history(odys, booking, by="professional"):
    return read(odys, booking, by, "/history").json()


def moment(text):
    assert MOMENT.fullmatch(text), text
    return datetime.datetime.fromisoformat(text.rstrip("Z"))


# --- The appointment ----------------------------------------------------------------------------------

def test_an_appointment_is_what_its_row_says(quiet):
    booking = quiet.booking()
    quiet.act(booking, "confirm")
    row = quiet.appointment(booking)
    for by in ("professional", "client"):
        answer = read(quiet, booking, by)
        body = answer.json()
        assert list(body) == ["appointment", "allowedActions", "notYet"] and list(body["appointment"]) == APPOINTMENT
        updated = moment(body["appointment"].pop("updatedAt"))
        assert body == {
            "appointment": {"id": booking.id, "status": "confirmed", "paymentStatus": "authorized",
                            "startsAt": "2031-03-05T17:30:00Z", "endsAt": "2031-03-05T18:20:00Z", "version": 2},
            "allowedActions": spec.allowed_actions(by, "confirmed", "authorized"), "notYet": []}
        assert updated == row["updated_at"] and answer.header("ETag") == '"2"'


def test_reading_says_what_the_change_said(quiet):
    booking = quiet.booking()
    changed = quiet.act(booking, "paid")
    answer = read(quiet, booking)
    assert answer.json()["appointment"] == changed.json()["appointment"]
    assert answer.header("ETag") == changed.header("ETag")


def test_the_id_may_be_in_capitals_and_a_query_does_not_route(quiet):
    booking = quiet.booking()
    path = f"/api/appointments/{booking.id.upper()}?a=/history"
    assert quiet.get(path, booking.client).json()["appointment"]["id"] == booking.id


def test_the_etag_is_what_if_match_takes(quiet):
    booking = quiet.booking()
    tag = read(quiet, booking, "client").header("ETag")
    assert quiet.patch(booking, booking.professional, "confirm", If_Match=tag).status == 200
    problem(quiet.patch(booking, booking.client, "cancel", If_Match=tag), "version_mismatch")
    again = read(quiet, booking, "client").header("ETag")
    assert again != tag and quiet.patch(booking, booking.client, "cancel", If_Match=again).status == 200


# --- allowedActions are what PATCH accepts ------------------------------------------------------------

def cells(odys, early):
    """Every caller, status, payment and action, each with an appointment at a time of its own."""
    professional, both, stranger = odys.professional(), odys.professional(), odys.stranger()
    client, oneself = odys.client(professional), odys.client(both, user_id=both.user_id)
    start = STARTS_AT if early else datetime.datetime(2020, 1, 1, 12)
    space = list(itertools.product(spec.CALLERS, spec.STATUSES, spec.PAYMENTS, spec.ACTIONS))
    for number, (caller, status, payment, action) in enumerate(random.Random(7).sample(space, 140)):
        booking = odys.booking(*((both, oneself) if caller == "both" else (professional, client)), status=status,
                               payment_status=payment, starts_at=start + datetime.timedelta(hours=number))
        person = {"client": client, "stranger": stranger}.get(caller, booking.professional)
        yield caller, status, payment, action, booking, person


@pytest.mark.parametrize("early, enforced", [(True, True), (False, True), (True, False)],
                         ids=["before the start", "after the start", "whenever"])
def test_what_is_offered_is_what_is_then_accepted(request, early, enforced):
    odys = request.getfixturevalue("strict" if enforced else "quiet")
    made = list(cells(odys, early))
    waits = early and enforced

    def both(cell):
        *_, action, booking, person = cell
        return odys.get(booking, person), odys.patch(booking, person, action)

    for (caller, status, payment, action, booking, _), (got, done) in zip(
            made, in_turn([lambda cell=cell: both(cell) for cell in made])):
        where = (caller, status, payment, action, got, done)
        if caller == "stranger":
            assert (got.status, done.status) == (403, 403), where
            continue
        body = got.json()
        assert body["allowedActions"] == spec.allowed_actions(caller, status, payment, waits), where
        start = booking.starts_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        assert body["notYet"] == [
            {"action": each, "code": "too_early", "allowedFrom": start} for each in spec.ACTIONS
            if spec.code(each, caller, status, payment, waits) == "too_early"], where
        assert (done.status == 200) == (action in body["allowedActions"]), where
        assert (done.json().get("code") == "too_early") == (action in [each["action"] for each in body["notYet"]])


def test_a_taken_slot_does_not_remove_confirm(quiet):
    professional = quiet.professional()
    quiet.booking(professional, status="confirmed")
    booking = quiet.booking(professional)
    assert "confirm" in read(quiet, booking).json()["allowedActions"]
    assert quiet.patch(booking, professional, "confirm").status == 409


# --- The history --------------------------------------------------------------------------------------

@pytest.mark.parametrize("action, actor", ACTS)
def test_every_action_is_told_to_both(quiet, action, actor):
    booking = quiet.booking()
    changed = quiet.act(booking, action, by=actor, reason="Sem aviso.").json()
    for by in ("professional", "client"):
        told = history(quiet, booking, by)
        assert list(told) == ["events", "messages"]
        (event,) = told["events"]
        assert list(event) == EVENT
        at = moment(event.pop("at"))
        hidden = action == "no_show" and by == "client"
        assert event == {
            "version": 2, "action": action, "actorRole": actor,
            "reason": "Sem aviso." if action in spec.KEEPS_REASON and not hidden else None,
            "fromStatus": "pending_confirmation", "toStatus": changed["appointment"]["status"],
            "fromPaymentStatus": "none", "toPaymentStatus": changed["appointment"]["paymentStatus"]}
        heard = {(channel, to, template) for channel, to, template in spec.heard(action, actor, True, True)
                 if channel != "in_app" and by in (to, "professional")}
        assert {(each["channel"], each["to"], each["template"]) for each in told["messages"]} == heard
        assert [each["id"] for each in told["messages"]] == [
            each["id"] for each in changed["messages"] if by in (each["to"], "professional")]
        for each in told["messages"]:
            assert list(each) == MESSAGE + (["error"] if by == "professional" else [])
            assert (each["version"], each["state"], each["attempts"], each["finishedAt"]) == (2, "pending", 0, None)
            assert moment(each["createdAt"]) == at


def test_a_note_about_a_no_show_never_reaches_the_client(quiet):
    booking = quiet.booking()
    quiet.act(booking, "no_show", reason="Terceira vez este mês.")
    assert b"Terceira vez" in quiet.get(booking, booking.professional, "/history").body
    assert b"Terceira vez" not in quiet.get(booking, booking.client, "/history").body


def test_who_is_both_reads_as_the_professional(quiet):
    professional = quiet.professional()
    booking = quiet.booking(professional, quiet.client(professional, user_id=professional.user_id))
    quiet.act(booking, "no_show", reason="Sem aviso.")
    told = history(quiet, booking)
    assert told["events"][0]["reason"] == "Sem aviso." and all("error" in each for each in told["messages"])
    assert {each["to"] for each in told["messages"]} == {"client", "professional"}


def test_a_long_story_is_told_from_its_beginning(quiet):
    booking = quiet.booking()
    reminder = {"appointment_id": booking.id, "channel": "whatsapp", "recipient_role": "client",
                "recipient": booking.client.number, "template": "reminder_24h", "payload": {}}
    quiet.enqueue(**reminder, created_at=datetime.datetime(2020, 1, 1))
    quiet.enqueue(**reminder, created_at=datetime.datetime(2040, 1, 1))
    try:
        for action, by in (("paid", "professional"), ("confirm", "professional"), ("cancel", "client")):
            quiet.act(booking, action, by=by)
        for by in ("professional", "client"):
            told = history(quiet, booking, by)
            assert [each["action"] for each in told["events"]] == ["paid", "confirm", "cancel"]
            assert [each["version"] for each in told["events"]] == [2, 3, 4]
            assert [(each["fromStatus"], each["toStatus"]) for each in told["events"]] == [
                ("pending_confirmation",) * 2, ("pending_confirmation", "confirmed"), ("confirmed", "cancelled")]
            assert [(each["fromPaymentStatus"], each["toPaymentStatus"]) for each in told["events"]] == [
                ("none", "captured"), ("captured", "captured"), ("captured", "captured")]
            created = [moment(each["createdAt"]) for each in told["messages"]]
            assert created == sorted(created)
            versions = [each["version"] for each in told["messages"]]
            assert (versions[0], versions[-1]) == (None, None)
            assert versions[1:-1] == sorted(versions[1:-1]) and {2, 3, 4} <= set(versions)
            # Nothing is delivered here, so the cancellation superseded the confirmation, but not the payment.
            assert {each["state"] for each in told["messages"] if each["version"] == 3} == {"superseded"}
            assert {each["state"] for each in told["messages"] if each["version"] != 3} == {"pending"}
            assert all((each["finishedAt"] is None) == (each["state"] == "pending") for each in told["messages"])
    finally:
        quiet.sql("DELETE FROM outbox WHERE appointment_version IS NULL AND appointment_id = %s", booking.id)


def test_what_became_of_each_message_is_told(odys):
    """Sent, dead with its error, and skipped with its reason."""
    professional = odys.professional(phone="")
    booking = odys.booking(professional)
    odys.whatsapp.control(mode="exists_false", number=booking.client.number, times=1)
    odys.act(booking, "confirm")
    rows = {row["message_uid"]: row for row in odys.settled(booking)}
    told = history(odys, booking)["messages"]
    assert {(each["channel"], each["to"]): each["state"] for each in told} == {
        ("whatsapp", "client"): "dead", ("whatsapp", "professional"): "skipped", ("email", "client"): "sent"}
    for each in told:
        row = rows[each["id"]]
        assert each["error"] == row["last_error"] and (each["error"] is None) == (each["state"] == "sent")
        assert each["attempts"] == row["attempts"] and moment(each["finishedAt"]) == row["finished_at"]
    dead = next(row["last_error"] for row in rows.values() if row["state"] == "dead")
    answer = read(odys, booking, "client", "/history")
    assert dead not in answer.body.decode() and "no_phone" not in answer.body.decode()
    assert {each["channel"]: each["state"] for each in answer.json()["messages"]} == {
        "whatsapp": "dead", "email": "sent"}
    assert all("error" not in each and each["to"] == "client" for each in answer.json()["messages"])


def test_what_is_older_than_the_product_can_be_read(quiet):
    booking = quiet.booking(status="completed", payment_status="captured")
    assert read(quiet, booking).header("ETag") == '"1"'
    assert read(quiet, booking).json()["allowedActions"] == []
    assert history(quiet, booking) == {"events": [], "messages": []}


def test_an_event_never_comes_without_its_messages(quiet):
    """Histories that are read while the appointment is changed."""
    professional = quiet.professional()
    bookings = [quiet.booking(professional, starts_at=STARTS_AT + datetime.timedelta(hours=hour))
                for hour in range(12)]

    def acted(booking):
        for action in ("paid", "confirm", "complete"):
            quiet.act(booking, action)

    def watched(booking):
        return [history(quiet, booking) for _ in range(8)]

    calls = [lambda each=each, booking=booking: each(booking) for booking in bookings for each in (acted, watched)]
    for told in itertools.chain(*filter(None, in_turn(calls))):
        assert {each["version"] for each in told["messages"]} == {each["version"] for each in told["events"]}


# --- Who is refused -----------------------------------------------------------------------------------

@pytest.mark.parametrize("suffix", ["", "/history"])
def test_a_stranger_learns_nothing(quiet, suffix):
    booking = quiet.booking()
    quiet.act(booking, "cancel", by="client", reason="Segredo.")
    other = quiet.booking()
    with nothing_written(quiet):
        for person in (quiet.stranger(), other.professional, other.client):
            body = problem(quiet.get(booking, person, suffix), "forbidden")
            assert "cancel" not in str(body) and "Segredo" not in str(body)
        problem(quiet.get(stack.NOBODY, booking.client, suffix), "not_found")
        for header, error in ((None, ""), ("Bearer", ""), ("Basic eDp5", ""),
                              ("Bearer x.y.z", ', error="invalid_token"')):
            answer = quiet.get(booking, booking.client, suffix, Authorization=header)
            problem(answer, "unauthenticated")
            assert answer.header("WWW-Authenticate") == f'Bearer realm="odys"{error}'


@pytest.mark.parametrize("path", ["/api/appointments/1", "/api/appointments/1/history", "/api/appointments/",
                                  f"{stack.NOBODY}/", f"{stack.NOBODY}/history/", f"{stack.NOBODY}/History",
                                  f"{stack.NOBODY}/history/1", f"{stack.NOBODY}/events"])
def test_nothing_else_is_there(quiet, path):
    problem(quiet.get(path, quiet.stranger()), "not_found")


@pytest.mark.parametrize("lost", ["professional", "client"])
def test_a_missing_party_is_a_clear_400(quiet, lost):
    booking = quiet.booking()
    column, nobody = f"{lost}_id", str(uuid.uuid4())
    with quiet.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION foreign_key_checks = 0")
        cursor.execute(f"UPDATE appointments SET {column} = %s WHERE id = %s", (nobody, booking.id))
    left, gone = ((booking.client, booking.professional) if lost == "professional"
                  else (booking.professional, booking.client))
    try:
        for suffix in ("", "/history"):
            problem(quiet.get(booking, left, suffix), "party_missing")
            problem(quiet.get(booking, gone, suffix), "forbidden")
    finally:
        quiet.sql("DELETE FROM appointments WHERE id = %s", booking.id)


@pytest.mark.parametrize("suffix", ["", "/history"])
def test_reading_writes_nothing_and_waits_for_nobody(quiet, suffix):
    booking = quiet.booking()
    with nothing_written(quiet), quiet.connect() as connection, connection.cursor() as cursor:
        connection.begin()
        cursor.execute("SELECT version FROM appointments WHERE id = %s FOR UPDATE", (booking.id,))
        # Waiting for the lock would end in a 503.
        read(quiet, booking, "client", suffix)
        connection.rollback()


def test_a_reading_answers_a_listed_origin(quiet):
    booking = quiet.booking()
    for suffix in ("", "/history"):
        answer = quiet.get(booking, booking.client, suffix, Origin=ORIGIN, X_Request_Id="from-the-page")
        assert answer.status == 200 and answer.header("Access-Control-Allow-Origin") == ORIGIN
        assert answer.header("X-Request-Id") == "from-the-page"
        assert "ETag" in answer.header("Access-Control-Expose-Headers")
        plain = quiet.get(booking, booking.client, suffix, Origin="https://evil.example")
        assert plain.status == 200 and plain.header("Access-Control-Allow-Origin") is None


# --- Conditions, pages --------------------------------------------------------------------------------

@pytest.mark.parametrize("suffix", ["", "/history"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_version_that_is_asked_for_is_honoured(quiet, suffix, method):
    booking = quiet.booking()
    quiet.act(booking, "confirm")

    def get(value):
        return quiet.request(method, booking.path + suffix, quiet.head(booking.client, If_Match=value))

    assert [get(value).status for value in ('"2"', "*", None, '"1"', '"3"', 'W/"2"', "2", "")] == [
        200, 200, 200, 412, 412, 400, 400, 400]
    if method == "GET":
        assert problem(get('"1"'), "version_mismatch")["currentVersion"] == 2
        problem(get("2"), "invalid_header")
    # Nobody else learns the version.
    stranger = quiet.head(quiet.stranger(), If_Match='"1"')
    assert quiet.request(method, booking.path + suffix, stranger).status == 403


def filled(odys, events, plain):
    """An appointment with so many events, a message to each side for each, and messages that name no version."""
    booking = odys.booking(status="confirmed", version=events + 1)
    odys.made.remove(booking.id)
    odys.sql("INSERT INTO appointment_events (appointment_id, version, action, actor_user_id, actor_role, from_status, "
             "to_status, from_payment_status, to_payment_status, request_id, marker, created_at) SELECT %s, seq + 1, "
             "'paid', 'x', 'professional', 'confirmed', 'confirmed', 'none', 'captured', 'r', "
             "UNHEX(MD5(CONCAT(%s, seq))), '2020-01-01' + INTERVAL seq SECOND FROM seq_1_to_100000 WHERE seq <= %s",
             booking.id, booking.id, events)
    for role, version, count in (("client", "seq + 1", events), ("professional", "seq + 1", events),
                                 ("client", "NULL", plain)):
        odys.sql("INSERT INTO outbox (appointment_id, appointment_version, channel, recipient_role, recipient, "
                 "template, payload, state, created_at, finished_at) "
                 f"SELECT %s, {version}, 'whatsapp', %s, '5511900000000', 'payment_confirmed', '{{}}', 'sent', "
                 "'2020-01-01' + INTERVAL seq SECOND, UTC_TIMESTAMP(6) FROM seq_1_to_100000 WHERE seq <= %s",
                 booking.id, role, count)
    return booking


def emptied(odys, booking):
    odys.sql("DELETE FROM outbox WHERE appointment_id = %s", booking.id)
    odys.sql("DELETE FROM appointments WHERE id = %s", booking.id)


def test_a_long_history_is_told_in_pages(quiet):
    booking = filled(quiet, 450, 0)
    try:
        for by in ("professional", "client"):
            versions: list[int] = []
            before = ""
            while True:
                told = read(quiet, booking, by, f"/history{before}").json()
                assert list(told) == ["events", "messages"] + (["more"] if "more" in told else [])
                own = [each["version"] for each in told["events"]]
                assert own == sorted(own) and len(own) <= 200 and len(told["messages"]) <= 200
                assert {each["version"] for each in told["messages"]} <= set(own)
                versions = own + versions
                if "more" not in told:
                    break
                assert told["more"] is True and len(own) == len(told["messages"]) == 200
                before = f"?before={own[0]}"
            assert versions == list(range(2, 452))
        for query in ("before=", "before=0", "before=x", "before=-1", "before=2&before=3"):
            problem(quiet.get(booking, booking.client, f"/history?{query}"), "malformed_body")
        assert history(quiet, booking, "client")["events"][-1]["version"] == 451
    finally:
        emptied(quiet, booking)


def test_a_history_that_others_filled_costs_no_memory(quiet):
    """100,000 events and 300,000 messages: the answer and the process stay as small as for ten."""
    small, page, large = filled(quiet, 10, 10), filled(quiet, 200, 200), filled(quiet, 100_000, 100_000)

    def timed(booking, times):
        took = []
        for _ in range(times):
            start = time.monotonic()
            body = read(quiet, booking, "professional", "/history").body
            took.append((time.monotonic() - start) * 1_000)
        return sorted(took)[times // 2], len(body)

    def resident():
        return sum(int(pathlib.Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * 4096
                   for pid in quiet.responder_pids())

    try:
        for booking in (small, page, large):
            timed(booking, 60)  # every thread has its statements
        before = resident()
        (slow, size), (full, _), (fast, _) = timed(large, 60), timed(page, 60), timed(small, 60)
        print(f"\nhistory: {fast:.2f} ms with 10 rows, {full:.2f} with 200, {slow:.2f} with 100,000; {size} bytes")
        assert size < 200_000
        assert resident() - before < 8 << 20
    finally:
        for booking in (small, page, large):
            emptied(quiet, booking)

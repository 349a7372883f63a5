"""What a successful action answers and writes."""

import datetime
import re
import uuid

import pytest

import spec

CASES = [
    (action, actor, "confirmed" if action == "complete" else "pending_confirmation")
    for action, actor in spec.HEARS]
PARTIES = {
    "registered with e-mail": {},
    "registered without e-mail": {"email": None},
    "unregistered with e-mail": {"user_id": None},
    "unregistered without e-mail": {"user_id": None, "email": None},
}
UTC_MICROSECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def cases():
    for action, actor, status in CASES:
        for parties, columns in PARTIES.items():
            # A client without an account cannot be the caller.
            if actor == "professional" or "user_id" not in columns:
                yield pytest.param(action, actor, status, columns, id=f"{action} by {actor}, {parties}")


@pytest.mark.parametrize("action, actor, status, columns", cases())
def test_an_action_answers_and_writes_what_it_promises(odys, action, actor, status, columns):
    professional = odys.professional()
    client = odys.client(professional, **columns)
    booking = odys.booking(professional, client, status=status)
    new_status, new_payment = spec.target(action, status, "none")
    heard = spec.heard(action, actor, "user_id" not in columns, "email" not in columns)

    request_id = f"test.{uuid.uuid4()}"
    answer = odys.patch(booking, getattr(booking, actor), action, reason="Sem energia", X_Request_Id=request_id)

    # the answer
    assert answer.status == 200, answer
    assert answer.header("Content-Type") == "application/json"
    assert answer.header("ETag") == '"2"'
    assert answer.header("Content-Length") == str(len(answer.body)) and answer.header("Transfer-Encoding") is None
    assert answer.header("Cache-Control") == "no-store"
    assert answer.header("X-Request-Id") == request_id
    body = answer.json()
    assert set(body) == {"success", "appointment", "messages"} and body["success"] is True
    updated_at = body["appointment"].pop("updatedAt")
    assert UTC_MICROSECONDS.fullmatch(updated_at)
    assert body["appointment"] == {
        "id": booking.id, "status": new_status, "paymentStatus": new_payment, "startsAt": "2031-03-05T17:30:00Z",
        "endsAt": "2031-03-05T18:20:00Z", "version": 2}
    assert all(set(message) == {"id", "to", "channel", "template", "state"} for message in body["messages"])
    assert {(each["channel"], each["to"], each["template"]) for each in body["messages"]} == \
        {line for line in heard if line[0] != "in_app"}
    assert {each["state"] for each in body["messages"]} == {"pending"}

    # the row
    row = odys.appointment(booking)
    assert (row["status"], row["payment_status"], row["version"]) == (new_status, new_payment, 2)
    assert row["updated_at"] == datetime.datetime.fromisoformat(updated_at.rstrip("Z"))

    # the event
    (event,) = odys.events(booking)
    assert event["marker"] is not None and len(event["marker"]) == 16
    assert event["request_id"] == request_id
    assert event["reason"] == ("Sem energia" if action in spec.KEEPS_REASON else None)
    assert (event["action"], event["actor_role"], event["actor_user_id"]) == \
        (action, actor, getattr(booking, actor).user_id)
    assert (event["from_status"], event["from_payment_status"]) == (status, "none")
    assert event["created_at"] == row["updated_at"]

    # the notification
    notifications = odys.notifications(booking)
    assert {("in_app", each["recipient_type"], each["type"]) for each in notifications} == \
        {line for line in heard if line[0] == "in_app"}
    for each in notifications:
        assert each["recipient_id"] == {"client": client.user_id, "professional": professional.user_id}[
            each["recipient_type"]]
        assert client.name in each["body"] and each["title"] and each["read"] == 0
        assert "14:30" in each["body"] and "5 de março" in each["body"]

    # the messages
    outbox = odys.settled(booking)
    assert {str(each["message_uid"]) for each in outbox} == {each["id"] for each in body["messages"]}
    assert {(each["state"], each["attempts"], each["appointment_version"], each["last_error"])
            for each in outbox} == {("sent", 1, 2, None)}
    assert all(each["provider_id"] for each in outbox if each["channel"] == "whatsapp")
    hours = {round((each["expires_at"] - event["created_at"]).total_seconds() / 3600, 2) for each in outbox}
    assert hours == {spec.EXPIRY_HOURS[action]}


def test_actions_follow_one_another_and_count_versions(odys):
    booking = odys.booking()
    versions = [odys.act(booking, action).header("ETag") for action in ("confirm", "paid", "complete")]
    assert versions == ['"2"', '"3"', '"4"']
    assert odys.state(booking) == ("completed", "captured", 4)
    odys.settled(booking, seconds=20)


def test_confirming_after_a_payment_keeps_the_payment(odys):
    booking = odys.booking()
    odys.act(booking, "paid")
    odys.act(booking, "confirm")
    assert odys.state(booking) == ("confirmed", "captured", 3)


def test_each_attempt_has_a_marker_of_its_own(odys):
    booking = odys.booking()
    for action in ("paid", "confirm", "cancel"):
        odys.act(booking, action)
    assert len({event["marker"] for event in odys.events(booking)}) == 3


@pytest.mark.parametrize("sent", ["", "a b", "é", "x" * 129, 'a"b', "a/b"], ids=repr)
def test_an_unusable_request_id_is_replaced(odys, sent):
    booking = odys.booking()
    answer = odys.raw_patch(booking, [
        "Content-Type: application/json", f"Authorization: Bearer {odys.token(booking.professional.user_id)}",
        f"X-Request-Id: {sent}"])
    assert answer.status == 200, answer
    request_id = answer.header("X-Request-Id")
    assert re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", request_id) and request_id != sent
    assert odys.events(booking)[0]["request_id"] == request_id


@pytest.mark.parametrize("sent", ["a", "x" * 128, "A.b_c:d-9"])
def test_a_usable_request_id_is_echoed_and_stored(odys, sent):
    booking = odys.booking()
    assert odys.act(booking, "paid", X_Request_Id=sent).header("X-Request-Id") == sent
    assert odys.events(booking)[0]["request_id"] == sent


def test_whoever_is_both_parties_acts_as_the_professional(odys):
    professional = odys.professional()
    booking = odys.booking(professional, odys.client(professional, user_id=professional.user_id))
    odys.act(booking, "cancel")
    assert odys.events(booking)[0]["actor_role"] == "professional"
    assert [each["template"] for each in odys.outbox(booking)] == ["cancelled_by_professional"]


def test_user_ids_are_compared_byte_by_byte(odys):
    professional = odys.professional(user_id="Müller-1 ")
    booking = odys.booking(professional)
    for almost in ("müller-1 ", "Müller-1", "Muller-1 ", "Mu\u0308ller-1 "):
        answer = odys.request("PATCH", booking.path, {
            "Content-Type": "application/json", "Authorization": f"Bearer {odys.token(almost)}"},
            b'{"action":"confirm"}')
        assert (answer.status, answer.json()["code"]) == (403, "forbidden"), almost
    odys.act(booking, "confirm")


def test_an_id_in_upper_case_is_the_same_id(odys):
    booking = odys.booking()
    answer = odys.send(f"/api/appointments/{booking.id.upper()}", booking.professional, b'{"action":"confirm"}')
    assert answer.status == 200 and answer.json()["appointment"]["id"] == booking.id


def test_a_query_string_changes_nothing(odys):
    booking = odys.booking()
    assert odys.send(f"{booking.path}?action=cancel&x=%00", booking.professional,
                     b'{"action":"confirm"}').json()["appointment"]["status"] == "confirmed"

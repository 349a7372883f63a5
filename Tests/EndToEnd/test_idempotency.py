"""Idempotency-Key: a request repeated under its key is executed once and answered twice."""

import contextlib
import functools
import hashlib
import json
import time
import uuid

import pytest

from refusing import nothing_written, problem
from together import at_once
from waiting import eventually

# How long a request waits for one that runs under the same key.
LOCK_SECONDS = 2


def fresh():
    return str(uuid.uuid4())


def keyed(odys, booking, action, key, by="professional", **more):
    return odys.patch(booking, getattr(booking, by), action, Idempotency_Key=key, **more)


def carried_out(answer):
    assert answer.status == 200 and answer.header("Idempotency-Replayed") is None, answer
    return answer


def same(first, again):
    """Asserts that the second answer is a replay of the first."""
    assert (again.status, again.body) == (first.status, first.body), again
    for name in ("ETag", "Content-Type", "Cache-Control"):
        assert again.header(name) == first.header(name)
    assert again.header("Idempotency-Replayed") == "true"
    assert again.header("X-Request-Id") not in (None, first.header("X-Request-Id"))


# --- Replays ------------------------------------------------------------------------------------------

def test_a_repeated_request_is_carried_out_once_and_answered_again(odys):
    booking, key = odys.booking(), fresh()
    first = carried_out(keyed(odys, booking, "confirm", key))
    for _ in range(3):
        same(first, keyed(odys, booking, "confirm", key))
    assert odys.state(booking) == ("confirmed", "authorized", 2)
    assert len(odys.events(booking)) == len(odys.notifications(booking)) == 1
    assert [row["attempts"] for row in odys.settled(booking)] == [1, 1, 1]
    assert len(odys.whatsapp.to(booking.client.number)) == len(odys.mail.to(booking.client.email)) == 1


def test_a_replay_writes_nothing(quiet):
    booking, key = quiet.booking(), fresh()
    first = carried_out(keyed(quiet, booking, "paid", key))
    with nothing_written(quiet):
        same(first, keyed(quiet, booking, "paid", key))


def test_a_replay_has_the_request_id_of_its_own_request(quiet):
    booking, key = quiet.booking(), fresh()
    carried_out(keyed(quiet, booking, "paid", key, X_Request_Id="first"))
    assert keyed(quiet, booking, "paid", key, X_Request_Id="second").header("X-Request-Id") == "second"
    assert [event["request_id"] for event in quiet.events(booking)] == ["first"]


@pytest.mark.parametrize("first, second", [("{}", '"{}"'), ('"{}"', "{}")], ids=["bare first", "quoted first"])
def test_a_bare_and_a_quoted_key_are_the_same(quiet, first, second):
    booking, key = quiet.booking(), fresh()
    same(carried_out(keyed(quiet, booking, "confirm", first.format(key))),
         keyed(quiet, booking, "confirm", second.format(key)))


def test_keys_are_compared_byte_by_byte(quiet):
    booking, key = quiet.booking(), f"Key-{fresh()}"
    carried_out(keyed(quiet, booking, "paid", key))
    for other in (key.lower(), key.upper(), key + "-", key[:-1]):
        problem(keyed(quiet, booking, "paid", other), "invalid_transition")


@pytest.mark.parametrize("body", [
    '{"reason":"Sem energia","action":"cancel","more":{"b":[1,{"d":2,"c":3}],"a":null}}',
    '\n{ "action" : "cancel",\t"more": {"a": null, "b": [ 1, {"c": 3, "d": 2} ]}, "reason": "Sem energia" }\n',
    '{"action":"c\\u0061ncel","more":{"a":null,"b":[1,{"c":3,"d":2}]},"reason":"Sem energia"}',
], ids=["other order", "blanks", "escapes"])
def test_the_body_counts_as_a_value(quiet, body):
    booking, key = quiet.booking(), fresh()
    original = b'{"action":"cancel","reason":"Sem energia","more":{"a":null,"b":[1,{"c":3,"d":2}]}}'
    same(carried_out(quiet.send(booking, booking.client, original, Idempotency_Key=key)),
         quiet.send(booking, booking.client, body.encode(), Idempotency_Key=key))


def test_an_id_in_upper_case_is_the_same_path(quiet):
    booking, key = quiet.booking(), fresh()
    first = carried_out(keyed(quiet, booking, "confirm", key))
    same(first, quiet.send(f"/api/appointments/{booking.id.upper()}", booking.professional, b'{"action":"confirm"}',
                           Idempotency_Key=key))


def test_an_answer_outlives_later_changes_of_the_appointment(quiet):
    booking, key = quiet.booking(), fresh()
    first = carried_out(keyed(quiet, booking, "confirm", key))
    quiet.act(booking, "cancel")
    same(first, keyed(quiet, booking, "confirm", key))
    assert first.json()["appointment"]["status"] == "confirmed" and first.header("ETag") == '"2"'
    assert quiet.state(booking) == ("cancelled", "authorized", 3)


def test_another_responder_answers_the_same(quiet):
    """Requests alternate between two responders; neither keeps state of its own."""
    booking, key = quiet.booking(), fresh()
    first = carried_out(keyed(quiet, booking, "confirm", key))
    for answer in at_once([functools.partial(keyed, quiet, booking, "confirm", key)] * 12):
        same(first, answer)


# --- What a key belongs to ----------------------------------------------------------------------------

@pytest.mark.parametrize("body", [b'{"action":"cancel"}', b'{"action":"confirm","reason":null}',
                                  b'{"action":"confirm","x":1}', b'{"action":"Confirm"}'], ids=bytes.decode)
def test_another_body_under_the_same_key_is_422(quiet, body):
    booking, key = quiet.booking(), fresh()
    first = carried_out(keyed(quiet, booking, "confirm", key))
    with nothing_written(quiet):
        problem(quiet.send(booking, booking.professional, body, Idempotency_Key=key), "idempotency_key_reused")
    same(first, keyed(quiet, booking, "confirm", key))


def test_another_appointment_under_the_same_key_is_422(quiet):
    professional, key = quiet.professional(), fresh()
    booking, other = quiet.booking(professional), quiet.booking(professional)
    carried_out(keyed(quiet, booking, "paid", key))
    with nothing_written(quiet):
        problem(keyed(quiet, other, "paid", key), "idempotency_key_reused")
    assert quiet.state(other) == ("pending_confirmation", "none", 1)


def test_the_same_key_of_another_caller_is_another_key(quiet):
    booking, key = quiet.booking(), fresh()
    carried_out(keyed(quiet, booking, "paid", key))
    carried_out(keyed(quiet, booking, "cancel", key, by="client"))
    # The same request of two callers, too: the second is decided anew, not replayed.
    professional = quiet.professional()
    first, key = quiet.booking(professional), fresh()
    carried_out(keyed(quiet, first, "cancel", key))
    problem(keyed(quiet, first, "cancel", key, by="client"), "invalid_transition")
    problem(quiet.patch(first, quiet.stranger(), "cancel", Idempotency_Key=key), "forbidden")


def test_nothing_of_a_key_or_its_caller_can_be_read_in_the_table(quiet):
    booking, key = quiet.booking(), f"secret-{fresh()}"
    carried_out(keyed(quiet, booking, "confirm", key))
    actor = hashlib.sha256(booking.professional.user_id.encode()).digest()
    row = quiet.one("SELECT * FROM idempotency_keys WHERE actor_hash = %s", actor)
    everything = b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in row.values())
    for word in (key, booking.professional.user_id, booking.client.user_id, booking.client.name, booking.client.phone):
        assert word.encode() not in everything
    # Each is stored as a hash, of the key without quotes.
    assert row["key_hash"] == hashlib.sha256(key.encode()).digest() and len(row["fingerprint"]) == 32
    assert row["expires_at"] - row["created_at"] == row["expires_at"].resolution * 24 * 3_600 * 1_000_000


def test_the_log_holds_no_key(quiet):
    booking, key = quiet.booking(), f"secret-{fresh()}"
    sizes = quiet.log_sizes()
    carried_out(keyed(quiet, booking, "confirm", key))
    carried_out_again = keyed(quiet, booking, "confirm", key)
    written = eventually(lambda: (text := quiet.logs_since(sizes)).count(carried_out_again.header("X-Request-Id"))
                         and text)
    assert key not in written and booking.professional.user_id not in written


# --- After 24 hours -----------------------------------------------------------------------------------

def expire(odys, key):
    changed = odys.sql("SELECT key_hash FROM idempotency_keys WHERE key_hash = UNHEX(SHA2(%s, 256))", key)
    assert len(changed) == 1
    odys.sql("UPDATE idempotency_keys SET expires_at = UTC_TIMESTAMP(6) WHERE key_hash = UNHEX(SHA2(%s, 256))", key)


def test_after_its_time_a_key_is_a_new_one(quiet):
    booking, key = quiet.booking(), fresh()
    carried_out(keyed(quiet, booking, "confirm", key))
    expire(quiet, key)
    problem(keyed(quiet, booking, "confirm", key), "invalid_transition")
    second = carried_out(keyed(quiet, booking, "cancel", key))
    same(second, keyed(quiet, booking, "cancel", key))
    left = quiet.one("SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(6), expires_at) AS seconds FROM idempotency_keys "
                     "WHERE key_hash = UNHEX(SHA2(%s, 256))", key)["seconds"]
    assert 24 * 3_600 - 60 < left <= 24 * 3_600


# --- Refusals are not stored --------------------------------------------------------------------------

def stored(odys):
    return odys.one("SELECT COUNT(*) AS number FROM idempotency_keys")["number"]


@pytest.mark.parametrize("refused, code, repair", [
    ({"status": "cancelled"}, "invalid_transition", {"status": "pending_confirmation"}),
    ({"status": "no_show"}, "invalid_transition", {"status": "pending_confirmation"}),
], ids=str)
def test_a_refusal_for_the_state_is_judged_anew(quiet, refused, code, repair):
    booking, key, before = quiet.booking(**refused), fresh(), stored(quiet)
    problem(keyed(quiet, booking, "confirm", key), code)
    assert stored(quiet) == before
    for column, value in repair.items():
        quiet.sql(f"UPDATE appointments SET {column} = %s WHERE id = %s", value, booking.id)
    same(carried_out(keyed(quiet, booking, "confirm", key)), keyed(quiet, booking, "confirm", key))


def test_a_refusal_for_the_caller_is_judged_anew(quiet):
    booking, key, before = quiet.booking(), fresh(), stored(quiet)
    problem(keyed(quiet, booking, "confirm", key, by="client"), "forbidden")
    quiet.sql("UPDATE professionals SET user_id = %s WHERE id = %s", "nobody-" + fresh(), booking.professional.id)
    problem(keyed(quiet, booking, "confirm", key), "forbidden")
    assert stored(quiet) == before
    quiet.sql("UPDATE professionals SET user_id = %s WHERE id = %s", booking.professional.user_id,
              booking.professional.id)
    carried_out(keyed(quiet, booking, "confirm", key))


def test_an_unknown_appointment_is_looked_for_anew(quiet):
    booking, key, before = quiet.booking(), fresh(), stored(quiet)
    row = quiet.appointment(booking)
    quiet.sql("DELETE FROM appointments WHERE id = %s", booking.id)
    problem(keyed(quiet, booking, "confirm", key), "not_found")
    assert stored(quiet) == before
    quiet.insert("appointments", row)
    carried_out(keyed(quiet, booking, "confirm", key))


def test_a_taken_slot_is_looked_at_anew(quiet):
    professional, key, before = quiet.professional(), fresh(), stored(quiet)
    holder = quiet.booking(professional, status="confirmed")
    booking = quiet.booking(professional)
    problem(keyed(quiet, booking, "confirm", key), "slot_conflict")
    assert stored(quiet) == before
    quiet.act(holder, "cancel")
    carried_out(keyed(quiet, booking, "confirm", key))


def test_a_stale_version_is_compared_anew(quiet):
    booking, key, before = quiet.booking(), fresh(), stored(quiet)
    problem(keyed(quiet, booking, "confirm", key, If_Match='"7"'), "version_mismatch")
    assert stored(quiet) == before
    carried_out(keyed(quiet, booking, "confirm", key, If_Match='"1"'))


def test_after_a_refusal_the_key_is_free_for_another_request(quiet):
    booking, key = quiet.booking(), fresh()
    quiet.act(booking, "confirm")
    problem(keyed(quiet, booking, "confirm", key), "invalid_transition")
    carried_out(keyed(quiet, booking, "cancel", key))


# --- Keys that cannot be used -------------------------------------------------------------------------

def with_lines(odys, booking, *lines, action="confirm"):
    """A PATCH with these header lines, which an HTTP library would not send."""
    return odys.raw_patch(booking, ["Content-Type: application/json", *lines,
                                    f"Authorization: Bearer {odys.token(booking.professional.user_id)}"],
                          json.dumps({"action": action}).encode())


@pytest.mark.parametrize("key", [
    "", '""', '"', '"a', '"a b"', "a b", "a\tb", "a\x01b", "a\x7fb", "é", '"chave-é"', "\u202ea", "x" * 256,
    '"' + "x" * 256 + '"', "x" * 4_000], ids=lambda key: ascii(key[:12]) + str(len(key)))
def test_a_key_that_cannot_be_used_is_400(quiet, key):
    booking = quiet.booking()
    with nothing_written(quiet):
        answer = quiet.raw_patch(booking, [
            "Content-Type: application/json", f"Authorization: Bearer {quiet.token(booking.professional.user_id)}",
            f"Idempotency-Key: {key}"])
        problem(answer, "invalid_header")


@pytest.mark.parametrize("first, second", [("a", "a"), ("a", "b"), ('"a"', "a"), ("", "a"), ("a", "")], ids=str)
def test_a_repeated_key_is_400(quiet, first, second):
    booking = quiet.booking()
    with nothing_written(quiet):
        problem(with_lines(quiet, booking, f"Idempotency-Key: {first}", f"idempotency-key: {second}"),
                "invalid_header")


@pytest.mark.parametrize("key", ["x", "x" * 255, '"' + "x" * 255 + '"', "!#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", '"a"b"'],
                         ids=lambda key: key[:6] + str(len(key)))
def test_every_visible_character_and_255_of_them_may_be_a_key(quiet, key):
    booking = quiet.booking()
    same(carried_out(keyed(quiet, booking, "confirm", key)), keyed(quiet, booking, "confirm", key))


# --- The order of checks ------------------------------------------------------------------------------

@pytest.fixture
def done(quiet):
    """A request that was executed under a key."""
    booking, key = quiet.booking(), fresh()
    return booking, key, carried_out(keyed(quiet, booking, "confirm", key))


def test_the_caller_is_checked_before_a_replay(quiet, done):
    booking, key, _ = done
    problem(quiet.patch(booking, None, "confirm", Idempotency_Key=key), "unauthenticated")
    problem(quiet.patch(booking, None, "confirm", Idempotency_Key=""), "unauthenticated")


def test_the_form_of_the_request_is_checked_before_a_replay(quiet, done):
    booking, key, _ = done
    send = functools.partial(quiet.send, booking, booking.professional, Idempotency_Key=key)
    problem(send(b'{"action":"confirm"}', Content_Type="text/plain"), "unsupported_media_type")
    problem(send(b'{"action":"confirm"'), "malformed_body")
    problem(send(b'{"action":"confirm","action":"confirm"}'), "malformed_body")
    problem(send(b'{"action":"confirm"}', If_Match="1"), "invalid_header")


def test_a_key_is_looked_at_before_the_appointment(quiet, done):
    booking, key, first = done
    problem(keyed(quiet, booking, "no such action", key), "idempotency_key_reused")
    quiet.sql("DELETE FROM appointments WHERE id = %s", booking.id)
    same(first, keyed(quiet, booking, "confirm", key))
    problem(keyed(quiet, booking, "cancel", key), "idempotency_key_reused")
    problem(keyed(quiet, booking, "confirm", fresh()), "not_found")
    quiet.made.remove(booking.id)


def test_an_unusable_key_is_refused_before_the_appointment_is_looked_for(quiet):
    caller = quiet.professional()
    answer = quiet.send(f"/api/appointments/{uuid.uuid4()}", caller, b'{"action":"confirm"}', Idempotency_Key='"')
    problem(answer, "invalid_header")


# --- At the same moment -------------------------------------------------------------------------------

def timed(call):
    began = time.monotonic()
    return call(), time.monotonic() - began


@pytest.mark.parametrize("turn", range(5))
def test_of_twenty_simultaneous_requests_one_is_carried_out(fragile, turn):
    booking, key = fragile.booking(), fresh()
    answers = at_once([functools.partial(timed, functools.partial(keyed, fragile, booking, "confirm", key))] * 20)
    done = [answer for answer, _ in answers if answer.status == 200]
    first = [answer for answer in done if answer.header("Idempotency-Replayed") is None]
    assert len(first) == 1, answers
    for answer in done:
        if answer is not first[0]:
            same(first[0], answer)
    for answer, seconds in answers:
        if answer.status != 200:
            problem(answer, "idempotency_in_progress")
            assert seconds >= LOCK_SECONDS
    same(first[0], keyed(fragile, booking, "confirm", key))
    assert fragile.state(booking) == ("confirmed", "authorized", 2) and len(fragile.events(booking)) == 1
    assert [row["state"] for row in fragile.settled(booking)] == ["sent"] * 3


def test_of_two_different_requests_under_one_key_one_is_carried_out(quiet):
    booking, key = quiet.booking(), fresh()
    answers = at_once([functools.partial(keyed, quiet, booking, action, key) for action in ("paid", "confirm")] * 4)
    winners = {answer.body for answer in answers if answer.status == 200}
    assert len(winners) == 1 and len(quiet.events(booking)) == 1
    for answer in answers:
        if answer.status != 200:
            problem(answer, "idempotency_key_reused")
    assert sorted(answer.status for answer in answers) == [200] * 4 + [422] * 4


@pytest.mark.parametrize("turn", range(3))
def test_simultaneous_requests_under_one_key_that_are_refused_are_each_judged(fragile, turn):
    """Each releases the key for the next."""
    booking, key = fragile.booking(status="cancelled"), fresh()
    with nothing_written(fragile):
        answers = at_once([functools.partial(timed, functools.partial(keyed, fragile, booking, "confirm", key))] * 20)
    for answer, seconds in answers:
        if answer.status == 409:
            problem(answer, "idempotency_in_progress")
            assert seconds >= LOCK_SECONDS
        else:
            problem(answer, "invalid_transition")


def waiting(odys):
    """The number of transactions that wait for a row."""
    return int(odys.one("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'")["Value"])


@contextlib.contextmanager
def holding(odys, table, identifier):
    """A session that keeps a row locked until its rollback."""
    session = odys.connect()
    try:
        session.begin()
        with session.cursor() as cursor:
            cursor.execute(f"SELECT id FROM {table} WHERE id = %s FOR UPDATE", identifier)
        yield session
    finally:
        session.close()


def test_a_key_whose_first_request_is_still_running_is_409(quiet):
    """The first request waits for the appointment, and then as long for the professional, which confirm locks last.
    Each wait ends after two seconds, so that the second request, which started in between, gives up first."""
    booking, key, others = quiet.booking(), fresh(), waiting(quiet)

    def second():
        eventually(lambda: waiting(quiet) == others + 1, LOCK_SECONDS)
        return keyed(quiet, booking, "confirm", key)

    def let_the_first_go_on():
        eventually(lambda: waiting(quiet) == others + 2, LOCK_SECONDS)
        appointment.rollback()

    before = quiet.contents()
    with holding(quiet, "appointments", booking.id) as appointment, \
            holding(quiet, "professionals", booking.professional.id):
        first, again, _ = at_once([functools.partial(keyed, quiet, booking, "confirm", key), second,
                                   let_the_first_go_on])
    problem(again, "idempotency_in_progress")
    assert again.header("Retry-After") == "1"
    problem(first, "unavailable")
    assert int(first.header("Retry-After")) > 0
    # Neither left a reservation: the same request is executed now.
    assert quiet.contents() == before
    carried_out(keyed(quiet, booking, "confirm", key))


def test_a_first_request_that_fails_leaves_the_key_to_the_second(quiet):
    booking, key, others = quiet.booking(), fresh(), waiting(quiet)

    def first():
        answer = keyed(quiet, booking, "confirm", key)
        appointment.rollback()
        return answer

    def second():
        eventually(lambda: waiting(quiet) == others + 1, LOCK_SECONDS)
        return keyed(quiet, booking, "confirm", key)

    with holding(quiet, "appointments", booking.id) as appointment:
        failed, again = at_once([first, second])
    problem(failed, "unavailable")
    same(carried_out(again), keyed(quiet, booking, "confirm", key))

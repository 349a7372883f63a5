"""If-Match: a change is made only to the version that the caller has seen."""

import contextlib
import json
import uuid

import pytest

import fastcgi
from refusing import nothing_written, problem


@pytest.fixture
def twice(quiet):
    """A confirmed appointment, at version 2."""
    booking = quiet.booking()
    quiet.act(booking, "confirm")
    return booking


def test_the_version_of_the_row_matches(quiet):
    booking = quiet.booking()
    for number, action in enumerate(("confirm", "paid", "complete"), start=1):
        answer = quiet.act(booking, action, If_Match=f'"{number}"')
        assert answer.header("ETag") == f'"{number + 1}"'


def test_the_etag_of_an_answer_can_be_sent_back(quiet):
    booking = quiet.booking()
    etag = quiet.act(booking, "confirm").header("ETag")
    quiet.act(booking, "cancel", If_Match=etag)


@pytest.mark.parametrize("version", ["0", "1", "3", "22"])
def test_another_version_is_412_and_names_the_current_one(quiet, twice, version):
    with nothing_written(quiet):
        answer = quiet.patch(twice, twice.professional, "paid", If_Match=f'"{version}"')
        assert problem(answer, "version_mismatch")["currentVersion"] == 2
    quiet.act(twice, "paid", If_Match='"2"')


def test_a_version_that_others_made_meanwhile_is_412(quiet):
    booking = quiet.booking()
    quiet.act(booking, "cancel", by="client", If_Match='"1"')
    answer = quiet.patch(booking, booking.professional, "confirm", If_Match='"1"')
    assert problem(answer, "version_mismatch")["currentVersion"] == 2


def test_a_star_matches_every_version(quiet, twice):
    quiet.act(twice, "paid", If_Match="*")
    quiet.act(twice, "cancel", If_Match="*")


@pytest.mark.parametrize("value", [
    'W/"2"', '"2", "3"', '"2","2"', '*, "2"', '"*"', "2", "'2'", '"2', '2"', '"', '""', "", '"a"', '"+2"', '"-2"',
    '"02"', '"2.0"', '" 2"', '"2 "', "**", "garbage", '"٢"', '"2"x', '"0x2"'], ids=ascii)
def test_a_value_in_another_form_is_400(quiet, twice, value):
    with nothing_written(quiet):
        answer = quiet.raw_patch(twice, head(quiet, twice, f"If-Match: {value}"), b'{"action":"paid"}')
        problem(answer, "invalid_header")


@pytest.mark.parametrize("first, second", [('"2"', '"2"'), ('"1"', '"2"'), ("*", "*"), ("", '"2"')], ids=str)
def test_a_repeated_field_is_400(quiet, twice, first, second):
    """Whether nginx itself refuses it, or passes both on, depends on its version."""
    with nothing_written(quiet):
        answer = quiet.raw_patch(twice, head(quiet, twice, f"If-Match: {first}", f"if-match: {second}"),
                                 b'{"action":"paid"}')
        problem(answer, answer.json()["code"], status=400)
        assert answer.json()["code"] in ("malformed_request", "invalid_header")


def test_a_repeated_field_that_nginx_passes_on_is_400(bench):
    bench.start(ODYS_DELIVERY="off")
    booking, body = bench.booking(), b'{"action":"confirm"}'
    values = fastcgi.parameters("PATCH", booking.path, bench.head(booking.professional, If_Match='"1"'), body)
    for second in (b'"1"', b'"2"', b"*", b""):
        with contextlib.closing(fastcgi.connect(bench.address)) as connection:
            connection.sendall(fastcgi.begin() + fastcgi.params([*values, (b"HTTP_IF_MATCH", second)])
                               + fastcgi.stdin(body))
            output = fastcgi.answer(connection)
        assert b"Status: 400" in output and b'"invalid_header"' in output, output
    assert bench.state(booking) == ("pending_confirmation", "none", 1)


# --- If-None-Match ------------------------------------------------------------------------------------

@pytest.mark.parametrize("value, status", [
    ("*", 412), ('"2"', 412), ('W/"2"', 412), ('"1", "2"', 412), ('"1","x",W/"2"', 412), ('"1"', 200),
    ('"1", W/"x"', 200), ("2", 400), ("", 400), ("*, *", 400)])
def test_a_version_that_is_excluded_is_not_changed(quiet, twice, value, status):
    before = quiet.state(twice)
    answer = quiet.raw_patch(twice, head(quiet, twice, f"If-None-Match: {value}"), b'{"action":"paid"}')
    assert answer.status == status
    if status == 412:
        assert problem(answer, "version_mismatch")["currentVersion"] == 2
    elif status == 400:
        problem(answer, "invalid_header")
    assert (quiet.state(twice) == before) == (status != 200)


def head(odys, booking, *lines):
    return ["Content-Type: application/json",
            f"Authorization: Bearer {odys.token(booking.professional.user_id)}", *lines]


# --- The order of checks ------------------------------------------------------------------------------

STALE = {"If_Match": '"1"'}


def test_what_is_checked_before_the_version(quiet, twice):
    with nothing_written(quiet):
        problem(quiet.patch(twice, None, "paid", **STALE), "unauthenticated")
        problem(quiet.send(twice, twice.professional, b"[", **STALE), "malformed_body")
        problem(quiet.patch(twice, quiet.stranger(), "paid", **STALE), "forbidden")
        problem(quiet.patch(twice, twice.professional, "Paid", **STALE), "unknown_action")
        problem(quiet.patch(twice, twice.client, "paid", **STALE), "forbidden")
        problem(quiet.send(f"/api/appointments/{uuid.uuid4()}", twice.professional,
                           json.dumps({"action": "paid"}).encode(), **STALE), "not_found")


def test_what_is_checked_after_the_version(quiet, twice):
    taken = quiet.booking(twice.professional, version=5)
    with nothing_written(quiet):
        # The state of the one would give 400, the slot of the other 409.
        problem(quiet.patch(twice, twice.professional, "confirm", **STALE), "version_mismatch")
        problem(quiet.patch(twice, twice.professional, "confirm", If_Match='"2"'), "invalid_transition")
        problem(quiet.patch(taken, twice.professional, "confirm", **STALE), "version_mismatch")
        problem(quiet.patch(taken, twice.professional, "confirm", If_Match='"5"'), "slot_conflict")
    quiet.made.remove(taken.id)


def test_the_start_is_checked_after_the_version(strict):
    booking = strict.booking()
    problem(strict.patch(booking, booking.professional, "complete", If_Match='"9"'), "version_mismatch")
    problem(strict.patch(booking, booking.professional, "complete", If_Match='"1"'), "too_early")


@pytest.mark.parametrize("value", ['W/"1"', "garbage", ""], ids=repr)
def test_a_value_that_cannot_be_used_is_refused_before_the_appointment_is_looked_for(quiet, value):
    problem(quiet.send(f"/api/appointments/{uuid.uuid4()}", quiet.professional(), b'{"action":"paid"}',
                       If_Match=value), "invalid_header")


# --- Together with a key ------------------------------------------------------------------------------

def test_a_replay_does_not_look_at_the_version(quiet):
    """The first request itself has changed it."""
    booking, key = quiet.booking(), str(uuid.uuid4())
    first = quiet.act(booking, "confirm", Idempotency_Key=key, If_Match='"1"')
    for value in ('"1"', '"2"', '"77"', "*", None):
        again = quiet.act(booking, "confirm", Idempotency_Key=key, If_Match=value)
        assert (again.header("Idempotency-Replayed"), again.body) == ("true", first.body)
    # A malformed value is refused all the same.
    problem(quiet.patch(booking, booking.professional, "confirm", Idempotency_Key=key, If_Match="1"), "invalid_header")


def test_another_request_under_a_key_is_422_whatever_the_version(quiet):
    booking, key = quiet.booking(), str(uuid.uuid4())
    quiet.act(booking, "confirm", Idempotency_Key=key)
    with nothing_written(quiet):
        for value in ('"1"', '"2"'):
            problem(quiet.patch(booking, booking.professional, "cancel", Idempotency_Key=key, If_Match=value),
                    "idempotency_key_reused")

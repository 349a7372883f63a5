"""Every refusal, in the order of the checks; none of them writes anything."""

import json
import threading
import time
import uuid

import pytest

import spec
from refusing import members, nothing_written, problem


def refused(odys, booking, caller, action, code, **more):
    with nothing_written(odys):
        return problem(odys.patch(booking, caller, action, **more), code)


@pytest.mark.parametrize("action", [*spec.ACTIONS, "Confirm", "", "delete"])
def test_a_stranger_learns_nothing_but_403(quiet, action):
    booking = quiet.booking()
    refused(quiet, booking, quiet.stranger(), action, "forbidden")


@pytest.mark.parametrize("who", ["professional", "client"])
@pytest.mark.parametrize(
    "action", ["Confirm", "CONFIRM", "confirm ", "", "noshow", "delete", "confirm\u0000", "cónfirm"])
def test_a_party_is_told_that_there_is_no_such_action(quiet, who, action):
    booking = quiet.booking()
    body = refused(quiet, booking, getattr(booking, who), action, "unknown_action")
    assert body["allowedActions"] == list(spec.ACTIONS)


@pytest.mark.parametrize("action", [action for action in spec.ACTIONS if action != "cancel"])
def test_a_role_is_checked_before_the_state(quiet, action):
    booking = quiet.booking(status="rejected", payment_status="refunded")
    refused(quiet, booking, booking.client, action, "forbidden")


def test_another_professional_and_another_client_are_strangers(quiet):
    booking, other = quiet.booking(), quiet.booking()
    for caller in (other.professional, other.client):
        refused(quiet, booking, caller, "cancel", "forbidden")


def test_a_state_that_does_not_allow_it_is_named(quiet):
    booking = quiet.booking(status="completed", payment_status="authorized")
    body = refused(quiet, booking, booking.professional, "cancel", "invalid_transition")
    assert (body["currentStatus"], body["currentPaymentStatus"]) == ("completed", "authorized")
    assert body["allowedActions"] == ["paid"]
    assert refused(quiet, booking, booking.client, "cancel", "invalid_transition")["allowedActions"] == []


@pytest.mark.parametrize("action", spec.ACTIONS)
def test_an_action_cannot_be_repeated(quiet, action):
    booking = quiet.booking()
    quiet.act(booking, action)
    refused(quiet, booking, booking.professional, action, "invalid_transition")


def test_an_unknown_id_is_404_for_everybody_with_a_token(quiet):
    path = f"/api/appointments/{uuid.uuid4()}"
    caller = quiet.professional()
    with nothing_written(quiet):
        for action in ("confirm", "delete"):
            problem(quiet.send(path, caller, json.dumps({"action": action}).encode()), "not_found")


@pytest.mark.parametrize("path", [
    "/api/appointments/", "/api/appointments/1", "/api/appointments/{id}/", "/api/appointments/{id}/cancel",
    "/api/appointments/{{{id}}}", "/api/appointments/{bare}", "/api/appointments/{id}%20", "/api/appointments/x{id}",
    "/api/appointments", "/", "/api/appointment/{id}", "/API/appointments/{id}", "/healthz/1", "/readyz/1",
    "/metrics/1", "/status/1", "/_odys/problem", "/api/appointments/..%2f..%2fhealthz/1",
    "//api/appointments/{id}", "/api/appointments/%7b{id}%7d"])
def test_every_other_path_is_404(quiet, path):
    booking = quiet.booking()
    wanted = path.format(id=booking.id, bare=booking.id.replace("-", ""))
    with nothing_written(quiet):
        problem(quiet.send(wanted, booking.professional, b'{"action":"confirm"}'), "not_found")


def test_the_health_page_is_not_public(quiet):
    problem(quiet.request("GET", "/healthz/1"), "not_found")


def test_a_missing_token_goes_before_everything_in_the_request(quiet):
    booking = quiet.booking()
    with nothing_written(quiet):
        for headers, body in (({}, b"x"), ({"Content-Type": "text/plain"}, b"{}"),
                              ({"Content-Type": "application/json"}, b'{"action":"confirm"}')):
            answer = quiet.request("PATCH", booking.path, headers, body)
            problem(answer, "unauthenticated")
            assert answer.header("WWW-Authenticate") == 'Bearer realm="odys"'


def test_a_missing_token_goes_before_an_unknown_appointment(quiet):
    answer = quiet.request("PATCH", f"/api/appointments/{uuid.uuid4()}", {}, b"")
    problem(answer, "unauthenticated")


def test_the_form_of_the_body_goes_before_an_unknown_appointment_and_the_caller(quiet):
    booking, caller = quiet.booking(), quiet.stranger()
    for path in (booking.path, f"/api/appointments/{uuid.uuid4()}"):
        problem(quiet.send(path, caller, b"["), "malformed_body")
        problem(quiet.send(path, caller, b"[", Content_Type="text/plain"), "unsupported_media_type")


@pytest.mark.parametrize("missing, caller", [("clients", "professional"), ("professionals", "client")])
def test_a_lost_party_is_a_clear_answer(quiet, missing, caller):
    booking = quiet.booking()
    lost = booking.client if missing == "clients" else booking.professional
    with quiet.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
        cursor.execute(f"DELETE FROM {missing} WHERE id = %s", lost.id)
    try:
        # Unknown action, wrong role and wrong state are checked only afterwards.
        for action in ("cancel", "confirm", "Confirm"):
            refused(quiet, booking, getattr(booking, caller), action, "party_missing")
        for stranger in (quiet.stranger(), lost):
            refused(quiet, booking, stranger, "cancel", "forbidden")
    finally:
        quiet.sql("DELETE FROM appointments WHERE id = %s", booking.id)


def test_a_taken_slot_is_named(quiet):
    professional = quiet.professional()
    held = quiet.booking(professional, status="confirmed")
    booking = quiet.booking(professional)
    body = refused(quiet, booking, professional, "confirm", "slot_conflict")
    assert body["conflictingAppointmentId"] == held.id


@pytest.mark.parametrize("status", spec.STATUSES)
def test_only_some_states_hold_their_slot(quiet, status):
    professional = quiet.professional()
    quiet.booking(professional, status=status)
    answer = quiet.patch(quiet.booking(professional), professional, "confirm")
    assert answer.status == (409 if status in spec.HOLDS_ITS_SLOT else 200)


def test_the_state_is_judged_before_the_slot(quiet):
    professional = quiet.professional()
    quiet.booking(professional, status="confirmed")
    booking = quiet.booking(professional, status="cancelled")
    refused(quiet, booking, professional, "confirm", "invalid_transition")


def test_a_locked_row_is_503_with_a_time_to_come_back(quiet):
    booking = quiet.booking()
    before = quiet.contents()
    blocker = quiet.connect()
    try:
        blocker.begin()
        with blocker.cursor() as cursor:
            cursor.execute("SELECT id FROM appointments WHERE id = %s FOR UPDATE", booking.id)
        started = time.monotonic()
        answer = quiet.patch(booking, booking.professional, "confirm")
        seconds = time.monotonic() - started
    finally:
        blocker.close()
    problem(answer, "unavailable")
    assert int(answer.header("Retry-After")) > 0
    assert seconds < 4
    assert quiet.contents() == before
    quiet.act(booking, "confirm")


def test_a_database_that_refuses_connections_is_503(bench):
    bench.start(ODYS_DELIVERY="off", ODYS_DB_PASSWORD="wrong", ODYS_DB_USER="nobody")
    booking = bench.booking()
    answer = bench.patch(booking, booking.professional, "confirm")
    problem(answer, "unavailable")
    assert answer.header("Retry-After")
    assert bench.state(booking) == ("pending_confirmation", "none", 1)


def test_a_503_says_nothing_of_the_inside(bench):
    bench.start(ODYS_DELIVERY="off")
    booking = bench.booking()
    bench.sql("RENAME TABLE outbox TO outbox_away")
    try:
        answer = bench.patch(booking, booking.professional, "confirm")
        assert answer.status in (500, 503), answer
        for word in ("outbox", "SQL", "Table", bench.db_name, "42S02", "1146"):
            assert word not in answer.body.decode()
        assert bench.state(booking) == ("pending_confirmation", "none", 1) and not bench.events(booking)
    finally:
        bench.sql("RENAME TABLE outbox_away TO outbox")


@pytest.mark.parametrize("accept, content_type", [
    ("application/json", "application/json"), ("application/json;q=0.9", "application/json"),
    ("Application/JSON", "application/json"), ("application/json, text/plain", "application/json"),
    ("application/json;q=0", "application/problem+json"), ("application/json, */*;q=0", "application/json"),
    ("*/*", "application/problem+json"), ("application/json, */*", "application/problem+json"),
    ("application/problem+json", "application/problem+json"), ("text/html", "application/problem+json"),
    ("application/json, application/problem+json", "application/problem+json")])
def test_who_asks_only_for_plain_json_gets_the_same_bytes_as_that(quiet, accept, content_type):
    booking = quiet.booking()
    answer = quiet.patch(booking, quiet.stranger(), "confirm", Accept=accept)
    assert answer.header("Content-Type") == content_type
    assert members(answer, "forbidden", 403, "Sem permissão")


def test_refusals_are_concurrent_and_still_write_nothing(quiet):
    booking = quiet.booking(status="cancelled")
    answers = []
    with nothing_written(quiet):
        threads = [threading.Thread(target=lambda: answers.append(quiet.patch(booking, booking.client, "cancel")))
                   for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(answers) == 16
    for answer in answers:
        problem(answer, "invalid_transition")

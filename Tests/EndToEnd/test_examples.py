"""The shipped examples, run as a reader runs them, against a stack with its own certificate authority."""

import json
import threading

import pytest

import stack
from waiting import eventually

EXAMPLES = stack.CHECKOUT / "examples"


def run(odys, booking, name, person=None, code=0, **settings):
    """Runs an example as this person; returns its output."""
    person = person or booking.professional
    words = {"curl": [EXAMPLES / "curl.sh", booking.id],
             "php": ["/usr/bin/php", EXAMPLES / "php" / "confirm.php", booking.id, person.user_id],
             "javascript": ["/usr/bin/node", EXAMPLES / "javascript" / "confirm.mjs", booking.id]}[name]
    ca = odys.description["ca"]
    done = stack.run(*words, check=False, **{
        "ODYS_URL": odys.description["url"], "ODYS_CA": ca, "NODE_EXTRA_CA_CERTS": ca,
        "ODYS_TOKEN": odys.token(person.user_id), "ODYS_JWT_SECRET": odys.secret, **settings})
    assert done.returncode == code, done
    return done


@pytest.mark.parametrize("name", ["curl", "php", "javascript"])
def test_an_example_confirms_and_shows_the_messages(quiet, name):
    booking = quiet.booking()
    text = run(quiet, booking, name).stdout
    assert quiet.state(booking) == ("confirmed", "authorized", 2)
    for word in ("confirmed", "whatsapp", "email", "booking_confirmed_receipt", "pending"):
        assert word in text
    if name == "curl":
        before, changed, history = (json.loads(line) for line in text.splitlines())
        assert "confirm" in before["allowedActions"] and changed["success"]
        assert [event["action"] for event in history["events"]] == ["confirm"]
    else:
        assert "confirmed, version 2" in text


@pytest.mark.parametrize("name, status", [("curl", 22), ("php", 1), ("javascript", 1)])
def test_an_example_says_what_was_refused(quiet, name, status):
    booking = quiet.booking(status="cancelled")
    done = run(quiet, booking, name, code=status)
    assert "invalid_transition" in done.stdout + done.stderr
    assert quiet.state(booking) == ("cancelled", "none", 1)


@pytest.mark.parametrize("name", ["curl", "php", "javascript"])
def test_an_example_trusts_only_the_authority_that_it_was_given(quiet, name):
    booking = quiet.booking()
    failure = {"curl": 60, "php": 255, "javascript": 1}[name]
    run(quiet, booking, name, code=failure, ODYS_CA=None, NODE_EXTRA_CA_CERTS=None)
    assert quiet.state(booking) == ("pending_confirmation", "none", 1)


@pytest.mark.parametrize("name", ["curl", "php", "javascript"])
def test_an_example_repeats_what_failed_until_it_is_done_once(quiet, name):
    """The appointment is locked until the first PATCH has got a 503."""
    booking = quiet.booking()

    def failures():
        return [line for line in quiet.log("nginx-access.log").splitlines()
                if booking.id in line and '"method":"PATCH"' in line and '"status":"503"' in line]

    def hold(holds):
        with quiet.connect() as connection, connection.cursor() as cursor:
            connection.begin()
            cursor.execute("SELECT id FROM appointments WHERE id = %s FOR UPDATE", (booking.id,))
            holds.set()
            eventually(failures, 30)
            connection.rollback()

    holds = threading.Event()
    holder = threading.Thread(target=hold, args=(holds,))
    holder.start()
    assert holds.wait(10)
    run(quiet, booking, name)
    holder.join()
    assert failures() and quiet.state(booking) == ("confirmed", "authorized", 2) and len(quiet.events(booking)) == 1

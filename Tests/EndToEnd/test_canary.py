"""The canary search itself: it finds test persons in logs."""

import canary


def test_whoever_the_tests_make_up_is_found(quiet, monkeypatch):
    monkeypatch.setattr(canary, "FOUND", [])
    monkeypatch.setattr(canary, "SEARCHED", {"bytes": 0, "places": 0})
    booking = quiet.booking()
    person, other = booking.client, booking.professional
    words = [person.name, person.phone, person.number, person.email, person.user_id, other.name, other.phone,
             other.number, other.user_id, quiet.token("x"), "Authorization: Bearer x"]
    for place, word in enumerate(words):
        canary.search(place, f"a line with {word} in it", {})
        assert len(canary.FOUND) == place + 1, word
    canary.search("secret", f"x{quiet.secret}x", {"ODYS_JWT_SECRET": quiet.secret})
    assert len(canary.FOUND) == len(words) + 1


def test_what_a_log_may_hold_is_not_found(quiet, monkeypatch):
    monkeypatch.setattr(canary, "FOUND", [])
    monkeypatch.setattr(canary, "SEARCHED", {"bytes": 0, "places": 0})
    booking = quiet.booking()
    quiet.act(booking, "confirm")
    quiet.search_for_people()
    assert booking.id in quiet.log("nginx-access.log")
    assert canary.FOUND == [] and canary.SEARCHED["places"] >= 8 and canary.SEARCHED["bytes"] > 1_000

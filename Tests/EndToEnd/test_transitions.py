"""The whole space of status, payment, action and caller, cell by cell."""

import datetime
import functools
import itertools

import pytest

import spec
from odys import STARTS_AT
from together import in_turn


def people(odys):
    """A professional with a client, and somebody who is both."""
    professional, both = odys.professional(), odys.professional()
    return {"apart": (professional, odys.client(professional)),
            "both": (both, odys.client(both, user_id=both.user_id))}


def cells(odys, status, payment, too_early=None, callers=spec.CALLERS):
    """A fresh appointment for each action and caller, all of them at different times."""
    parties, stranger = people(odys), odys.stranger()
    for number, (action, caller) in enumerate(itertools.product(spec.ACTIONS, callers)):
        start = STARTS_AT if too_early in (None, True) else datetime.datetime(2020, 1, 1, 12)
        booking = odys.booking(*parties["both" if caller == "both" else "apart"], status=status,
                               payment_status=payment, starts_at=start + datetime.timedelta(hours=number))
        person = {"professional": booking.professional, "both": booking.professional, "client": booking.client,
                  "stranger": stranger}[caller]
        yield action, caller, booking, functools.partial(odys.patch, booking, person, action, reason="x")


def check(odys, status, payment, too_early=None, callers=spec.CALLERS):
    made = list(cells(odys, status, payment, too_early, callers))
    answers = in_turn([call for *_, call in made])
    for (action, caller, booking, _), answer in zip(made, answers):
        wanted = spec.code(action, caller, status, payment, bool(too_early))
        body = answer.json()
        got = "ok" if answer.status == 200 else body["code"]
        assert got == wanted, (status, payment, action, caller, answer)
        if wanted == "ok":
            assert odys.state(booking) == (*spec.target(action, status, payment), 2), (action, caller)
            assert odys.events(booking)[0]["actor_role"] == spec.role(caller)
            continue
        assert answer.status == spec.ERRORS[wanted][0]
        assert odys.state(booking) == (status, payment, 1), (action, caller)
        assert not odys.events(booking) and not odys.outbox(booking) and not odys.notifications(booking)
        if wanted == "invalid_transition":
            assert (body["currentStatus"], body["currentPaymentStatus"]) == (status, payment)
            assert body["allowedActions"] == spec.allowed_actions(caller, status, payment, bool(too_early))
        if wanted == "too_early":
            assert body["allowedFrom"] == booking.starts_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return len(made)


@pytest.mark.parametrize("payment", spec.PAYMENTS)
@pytest.mark.parametrize("status", spec.STATUSES)
def test_every_action_of_every_caller_in_every_state(quiet, status, payment):
    assert check(quiet, status, payment) == len(spec.ACTIONS) * len(spec.CALLERS)


@pytest.mark.parametrize("too_early", [True, False], ids=["before the start", "after the start"])
@pytest.mark.parametrize("status", spec.STATUSES)
def test_where_the_start_is_enforced_some_actions_wait_for_it(strict, status, too_early):
    assert check(strict, status, "authorized", too_early, ("professional", "client")) == 2 * len(spec.ACTIONS)


def test_the_space_is_whole():
    """The specification itself: how many cells may succeed, counted by hand from the table of rules."""
    space = itertools.product(spec.ACTIONS, spec.CALLERS, spec.STATUSES, spec.PAYMENTS)
    codes = [spec.code(*cell) for cell in space]
    # For a professional, and the same for one who is both: confirm 4, reject 4, cancel 8, paid 8, complete 8,
    # no_show 8. For a client: cancel 8.
    assert len(codes) == 576 and codes.count("ok") == 40 * 2 + 8
    assert codes.count("forbidden") == 144 + 5 * 24

"""Every answer of a provider, and what becomes of the message: the classes of delivery."""

import time

import pytest

from waiting import eventually

# The row after the first attempt: (state, attempts, unclear, words of last_error, seconds until it is due).
NOT_SENT = ("pending", 1, 0, (2, 10))
UNCLEAR = ("pending", 1, 1, (29, 40))
PERMANENT = ("dead", 1, 0, None)
MISCONFIGURED = ("pending", 0, 0, (15, 30))

WHATSAPP = {
    "unavailable": (NOT_SENT, "503"),
    "bad_gateway": (NOT_SENT, "502"),
    "rate_limited": (NOT_SENT, "429"),
    "connection_closed": (NOT_SENT, "Connection Closed"),
    "gateway_timeout_504": (UNCLEAR, "504"),
    "no_key": (UNCLEAR, "201"),
    "no_key_200": (UNCLEAR, "200"),
    "unlicensed": (MISCONFIGURED, "LICENSE_REQUIRED"),
    "error_500": (UNCLEAR, "500"),
    "accepted_then_400": (UNCLEAR, "400"),
    "reset_after_accept": (UNCLEAR, ""),
    "huge": (UNCLEAR, ""),
    "reset_before_read": (UNCLEAR, ""),
    "exists_false": (PERMANENT, ""),
    "bad_request": (PERMANENT, "400"),
    "unauthorized": (MISCONFIGURED, "401"),
    "forbidden": (MISCONFIGURED, "403"),
    "instance_missing": (MISCONFIGURED, "404"),
    "redirect": (MISCONFIGURED, "302"),
}
# As a proxy answers, Cloudflare for example, when it did not pass the request on, and when it may have.
PROXY = {**dict.fromkeys((408, 421, 425, 521, 522, 523, 525, 526, 530), NOT_SENT),
         **dict.fromkeys((504, 520, 524), UNCLEAR)}
MAIL = {
    "greeting_4xx": (NOT_SENT, "421"),
    "reject_mail_4xx": (NOT_SENT, "451"),
    "reject_rcpt_4xx": (NOT_SENT, "450"),
    "reject_data_4xx": (NOT_SENT, "451"),
    "drop_before_reply": (UNCLEAR, ""),
    "drop_after_accept": (UNCLEAR, ""),
    "reject_rcpt_5xx": (PERMANENT, "SMTP 550 5.1.1: RCPT refused"),
    "reject_data_5xx": (PERMANENT, "SMTP 554 5.6.0"),
    "reject_mail_5xx": (MISCONFIGURED, "SMTP 550 5.7.1: MAIL refused"),
}
FOR_ALL = ("greeting_4xx", "reject_mail_4xx", "reject_mail_5xx")


def send(bench, channel, mode, **rule):
    """Enqueues a message for a person for whom the provider behaves so; returns the person and the row's id.

    Each test has a responder of its own: a breaker must not affect another test."""
    if not (bench.mail if channel == "email" else bench.whatsapp):
        bench.peer("smtp" if channel == "email" else "whatsapp")
    peer = bench.mail if channel == "email" else bench.whatsapp
    person = bench.client(bench.professional())
    key = "recipient" if channel == "email" else "number"
    recipient = person.email if channel == "email" else person.number
    peer.control(mode=mode, **({} if mode in FOR_ALL else {key: recipient}), **rule)
    identifier = bench.enqueue(
        channel=channel, recipient_role="client", recipient=recipient, template="booking_confirmed",
        payload={"clientName": "Ana", "professionalName": "Paula", "startsAt": "2031-03-05T17:30:00Z"})
    return person, identifier


def check(row, expected, words):
    state, attempts, unclear, due = expected
    assert (row["state"], row["attempts"], row["unclear"]) == (state, attempts, unclear), row
    assert words in row["last_error"], row["last_error"]
    assert (row["finished_at"] is None) == (state == "pending")
    if due:
        assert due[0] <= row["due_in"] <= due[1], row["due_in"]


@pytest.mark.parametrize("mode", WHATSAPP)
def test_an_answer_of_whatsapp_has_its_consequence(bench, mode):
    consequence(bench, "whatsapp", mode, *WHATSAPP[mode])


@pytest.mark.parametrize("mode", MAIL)
def test_an_answer_of_the_mail_server_has_its_consequence(bench, mode):
    consequence(bench, "email", mode, *MAIL[mode])


@pytest.mark.parametrize("status", PROXY)
def test_an_answer_of_a_proxy_has_its_consequence(bench, status):
    consequence(bench, "whatsapp", "proxy_error", PROXY[status], str(status), status=status)


def test_a_200_with_an_id_is_sent(bench):
    person, identifier = send(bench, "whatsapp", "ok_200")
    bench.start()
    row = bench.finished(identifier)
    assert (row["state"], row["attempts"]) == ("sent", 1)
    assert [entry["id"] for entry in bench.whatsapp.to(person.number)] == [row["provider_id"]]


def consequence(bench, channel, mode, expected, words, **rule):
    _, identifier = send(bench, channel, mode, times=1, **rule)
    bench.start()
    check(bench.tried(identifier), expected, words)
    if expected[0] == "pending":
        # What is due again is sent when the provider recovers, by any process.
        bench.restart()
        bench.make_due(identifier)
        row = bench.finished(identifier)
        assert (row["state"], row["attempts"], row["last_error"]) == ("sent", expected[1] + 1, None)


@pytest.mark.parametrize("channel, mode, copies", [
    ("whatsapp", "error_500", 0), ("whatsapp", "accepted_then_400", 2), ("whatsapp", "no_key", 0),
    ("email", "drop_before_reply", 0), ("email", "drop_after_accept", 2)])
def test_what_stays_unclear_is_repeated_once_and_then_dead(bench, channel, mode, copies):
    person, identifier = send(bench, channel, mode)
    bench.start()
    assert 29 <= bench.tried(identifier)["due_in"] <= 40
    bench.restart()
    bench.make_due(identifier)
    row = bench.finished(identifier)
    assert (row["state"], row["attempts"], row["last_error"]) == ("dead", 2, "outcome_unknown")
    arrived = bench.mail.to(person.email) if channel == "email" else bench.whatsapp.to(person.number)
    assert len(arrived) == copies


@pytest.mark.parametrize("mode", ["unavailable", "connection_closed"])
def test_retries_are_further_and_further_apart(bench, mode):
    _, identifier = send(bench, "whatsapp", mode)
    bench.start()
    for attempt, (low, high) in enumerate([(2, 6), (4.5, 11), (9, 21), (18, 41), (38, 81)], start=1):
        row = eventually(lambda attempt=attempt: (
            found := bench.row(identifier))["attempts"] == attempt and found["lease_token"] is None and found)
        assert row["state"] == "pending" and low <= row["due_in"] <= high, (attempt, row["due_in"])
        bench.restart()
        bench.make_due(identifier)
    bench.whatsapp.reset()
    bench.make_due(identifier)
    eventually(lambda: bench.row(identifier)["state"] == "sent" or bench.make_due(identifier), 15)


def mails(bench, count):
    """Due mails to as many people: their addresses, and the ids of the rows."""
    people = [bench.client(bench.professional()) for _ in range(count)]
    return [person.email for person in people], [bench.enqueue(
        channel="email", recipient_role="client", recipient=person.email, template="booking_confirmed",
        payload={"clientName": "Ana", "professionalName": "Paula", "startsAt": "2031-03-05T17:30:00Z"})
        for person in people]


@pytest.mark.parametrize("mode, words", [
    ("relay_denied", "SMTP 554 5.7.1: RCPT refused"), ("client_rejected", "SMTP 550 5.7.1: RCPT refused"),
    ("exim_relay", "SMTP 550: ")])
def test_a_mail_server_that_refuses_everybody_is_a_configuration_error(bench, mode, words):
    bench.peer("smtp")
    bench.mail.control(mode=mode)
    addresses, identifiers = mails(bench, 5)
    bench.start(ODYS_EMAIL_SENDERS="2")
    eventually(lambda: "the channel is paused" in bench.log())

    def unleased():
        rows = [bench.row(identifier) for identifier in identifiers]
        return all(row["lease_token"] is None for row in rows) and rows

    rows = eventually(unleased)
    assert [(row["state"], row["attempts"]) for row in rows] == [("pending", 0)] * 5
    tried = [row["last_error"] for row in rows if row["last_error"]]
    assert len(tried) >= 2 and all(words in error for error in tried), tried
    assert not any(address in (error or "") for address in addresses for error in tried)
    # Repaired: all of them arrive.
    bench.mail.reset()
    bench.restart()
    bench.make_due(*identifiers)
    assert {bench.finished(identifier)["state"] for identifier in identifiers} == {"sent"}
    assert [len(bench.mail.entries(address)) for address in addresses] == [1] * 5


@pytest.mark.parametrize("others", [0, 3])
def test_one_recipient_whom_the_mail_server_refuses_is_dead_alone(bench, others):
    bench.peer("smtp")
    (address, *_), (identifier, *rest) = mails(bench, 1 + others)
    bench.mail.control(mode="relay_denied", recipient=address)
    bench.start()
    row = bench.finished(identifier)
    assert (row["state"], row["attempts"], row["last_error"]) == ("dead", 1, "SMTP 554 5.7.1: RCPT refused")
    assert bench.mail.requests(address) == 2
    assert [bench.finished(other)["state"] for other in rest] == ["sent"] * others
    assert "the channel is paused" not in bench.log()


@pytest.mark.parametrize("path, name", [("", "odys.example"), ("/host-1.odys.example", "host-1.odys.example")])
def test_a_strict_mail_server_is_greeted_with_a_full_name(bench, path, name):
    """The stand-in refuses recipients from a client that gives a bare host name."""
    bench.peer("smtp")
    (address,), (identifier,) = mails(bench, 1)
    bench.start(ODYS_SMTP_URL=bench.own["ODYS_SMTP_URL"] + path)
    assert bench.finished(identifier)["state"] == "sent"
    (entry,) = bench.mail.entries(address)
    assert entry["commands"][0] == f"EHLO {name}"


@pytest.mark.parametrize("retry_after, low, high", [
    (60, 55, 61), (7, 5, 8), ("-5", 2, 6), ("soon", 2, 6), (10**9, 3_500, 3_601), (0, 2, 6)], ids=str)
def test_a_retry_after_is_heeded_within_reason(bench, retry_after, low, high):
    _, identifier = send(bench, "whatsapp", "rate_limited", retry_after=retry_after)
    bench.start()
    assert low <= bench.tried(identifier)["due_in"] <= high


@pytest.mark.parametrize("channel, mode", [("whatsapp", "exists_false"), ("email", "reject_rcpt_5xx")])
def test_one_channel_that_is_refused_for_good_does_not_stop_the_other(bench, channel, mode):
    bench.peer("whatsapp")
    bench.peer("smtp")
    bench.start()
    booking = bench.booking()
    if channel == "whatsapp":
        bench.whatsapp.control(mode=mode, number=booking.client.number)
    else:
        bench.mail.control(mode=mode, recipient=booking.client.email)
    bench.act(booking, "confirm")
    states = {(row["channel"], row["recipient_role"]): row["state"] for row in bench.settled(booking)}
    assert states.pop((channel, "client")) == "dead"
    assert set(states.values()) == {"sent"}


@pytest.mark.parametrize("channel, mode", [("email", "reject_rcpt_5xx"), ("whatsapp", "exists_false")])
def test_an_error_in_the_record_names_no_person(bench, channel, mode):
    person, identifier = send(bench, channel, mode)
    bench.start()
    error = bench.finished(identifier)["last_error"]
    for word in (person.email, person.number, person.name):
        assert word not in error


def test_providers_that_fall_silent_are_unclear_or_not_sent(bench):
    """All of them at once, since each takes the twenty seconds that a send may take."""
    waits = [
        ("whatsapp", "hang", UNCLEAR), ("whatsapp", "slow", UNCLEAR),
        ("email", "hang_after_dot", UNCLEAR), ("email", "hang_at_rcpt", NOT_SENT),
    ]
    sent = [(mode, send(bench, channel, mode, times=1)[1], expected) for channel, mode, expected in waits]
    bench.start(ODYS_EMAIL_SENDERS="2")
    # Well within the lease of a minute: otherwise another sender claims the message, and it arrives twice.
    deadline = time.monotonic() + 35
    for mode, identifier, expected in sent:
        row = bench.tried(identifier, deadline - time.monotonic())
        assert (row["state"], row["attempts"], row["unclear"]) == expected[:3], (mode, row)
    bench.restart()
    identifiers = [identifier for _, identifier, _ in sent]
    bench.make_due(*identifiers)
    assert {bench.finished(identifier)["state"] for identifier in identifiers} == {"sent"}


def test_a_server_that_is_not_there_is_not_sent(bench):
    bench.own.update(EVOLUTION_API_URL="http://127.0.0.1:9", EVOLUTION_API_KEY="k", EVOLUTION_INSTANCE="i",
                     EVOLUTION_API_VERSION="2", ODYS_SMTP_URL="smtp://127.0.0.1:9", ODYS_MAIL_FROM="a@odys.example")
    bench.start()
    booking = bench.booking()
    bench.act(booking, "confirm")
    for row in bench.outbox(booking):
        check(bench.tried(row["id"]), NOT_SENT, "")


def test_a_wrong_key_is_a_configuration_error(bench):
    bench.peer("whatsapp", "--api-key", "another", "--instance", "odys")
    bench.start()
    booking = bench.booking()
    bench.act(booking, "cancel")
    (row,) = bench.outbox(booking)
    check(bench.tried(row["id"]), MISCONFIGURED, "401")


@pytest.mark.parametrize("options, settings, expected", [
    (("--require-auth", "odys", "right"), {}, MISCONFIGURED),
    (("--require-auth", "odys", "right"), {"ODYS_SMTP_USERNAME": "odys", "ODYS_SMTP_PASSWORD": "wrong"}, MISCONFIGURED),
    (("--require-auth", "odys", "right"), {"ODYS_SMTP_USERNAME": "odys", "ODYS_SMTP_PASSWORD": "right"}, None),
    ((), {}, None)], ids=["no login", "wrong password", "right password", "no login needed"])
def test_the_login_at_the_mail_server(bench, options, settings, expected):
    """STARTTLS is not required of a server on loopback."""
    bench.peer("smtp", *options)
    bench.start(**settings)
    booking = bench.booking()
    bench.act(booking, "confirm")
    (row,) = [row for row in bench.outbox(booking) if row["channel"] == "email"]
    if expected:
        check(bench.tried(row["id"]), expected, "")
        assert bench.mail.ledger() == []
    else:
        assert bench.finished(row["id"])["state"] == "sent"
    assert "right" not in bench.log() and "wrong" not in bench.log()

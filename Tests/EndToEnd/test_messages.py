"""What arrives at the peers, word by word where it matters."""

import datetime
import json
import re

import pytest

import spec
from odys import STARTS_AT
from waiting import eventually

REASON = "Surgiu uma viagem"


def perform(odys, action, actor, columns=None, **more):
    professional = odys.professional()
    booking = odys.booking(professional, odys.client(professional, **(columns or {})), **more)
    odys.act(booking, action, by=actor, reason=REASON)
    odys.settled(booking)
    return booking


@pytest.mark.parametrize("action, actor", list(spec.HEARS))
def test_whatsapp_messages_say_what_they_have_to(odys, action, actor):
    booking = perform(odys, action, actor)
    for kind, to, template, _ in spec.HEARS[action, actor]:
        if kind != "whatsapp":
            continue
        (entry,) = odys.whatsapp.to(getattr(booking, to).number)
        text = entry["text"]
        assert entry["link_preview"] is False and entry["version"] == 2
        for part in (*spec.local(booking.starts_at), booking.client.name):
            assert part in text, (template, part, text)
        if to == "client":
            lines = text.split("\n")
            assert lines[0] == lines[2] == spec.RULE_LINE and lines[3] == "", text
            assert re.fullmatch(rf"\S+ \*[^*]+\* · {re.escape(booking.professional.name)}", lines[1]), lines[1]
            assert lines[-2] == "" and re.fullmatch(r"_[^_]+_", lines[-1]) and "Odys" in lines[-1], lines[-1]
        else:
            assert spec.RULE_LINE[0] not in text and re.match(r"\S+ \*[^*]+\*\n", text), text
        assert (REASON in text) == (template in spec.SHOWS_REASON), text
        assert (f"https://odys.example/p/{booking.professional.slug}" in text) == \
            (template in spec.LINKS_TO_BOOKING), text
        assert "/register" not in text


def test_an_unregistered_client_is_invited_in_the_same_message(odys):
    booking = perform(odys, "confirm", "professional", {"user_id": None})
    (entry,) = odys.whatsapp.to(booking.client.number)
    links = re.findall(r"https?://\S+", entry["text"])
    assert links == ["https://odys.example/register"]


@pytest.mark.parametrize("starts_at", [
    datetime.datetime(2031, 1, 1, 2, 0), datetime.datetime(2031, 1, 1, 3, 0), datetime.datetime(2030, 7, 14, 12, 5),
    datetime.datetime(2028, 2, 29, 23, 59)], ids=str)
def test_times_are_those_of_sao_paulo(odys, starts_at):
    booking = odys.booking(starts_at=starts_at)
    odys.act(booking, "paid")
    odys.settled(booking)
    (entry,) = odys.whatsapp.to(booking.client.number)
    weekday, day, time = spec.local(starts_at)
    assert f"{weekday}, {day}" in entry["text"] and time in entry["text"], entry["text"]


def test_an_email_has_the_form_of_one(odys):
    booking = perform(odys, "confirm", "professional")
    (message,) = odys.mail.to(booking.client.email)
    uid = next(str(row["message_uid"]) for row in odys.outbox(booking) if row["channel"] == "email")
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert message["Message-ID"] == f"<{uid}@odys.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["To"] == booking.client.email
    assert str(message["From"]) == "Odys <no-reply@odys.example>"
    date = message["Date"].datetime
    assert abs((date - datetime.datetime.now(datetime.UTC)).total_seconds()) < 120
    assert message.defects == [] and all(not part.defects for part in message.iter_parts())
    for part in message.iter_parts():
        assert part.get_content_charset() == "utf-8"
        text = part.get_content()
        for wanted in (*spec.local(booking.starts_at), booking.client.name, booking.professional.name):
            assert wanted in text, text
    assert message["Subject"]


def test_an_email_of_a_rejection_gives_the_reason_and_the_way_to_book(odys):
    booking = perform(odys, "reject", "professional")
    (message,) = odys.mail.to(booking.client.email)
    for part in message.iter_parts():
        assert REASON in part.get_content()
        assert f"https://odys.example/p/{booking.professional.slug}" in part.get_content()


def test_the_envelope_has_one_recipient_and_clean_lines(odys):
    booking = perform(odys, "confirm", "professional")
    (entry,) = odys.mail.entries(booking.client.email)
    commands = [command.split(" ")[0].split(":")[0].upper() for command in entry["commands"]]
    assert commands[0] == "EHLO" and commands.count("MAIL") == commands.count("RCPT") == commands.count("DATA") == 1
    assert entry["mail_from"] == "no-reply@odys.example"
    assert "\n" not in entry["data"].replace("\r\n", "")
    assert max(len(line.encode()) for line in entry["data"].split("\r\n")) <= 998


HOSTILE = {
    "header": "Ana\r\nBcc: evil@example.com\r\n\r\nOi",
    "marks": "*Ana* _Souza_ ~x~ `y` " + spec.RULE_LINE,
    "bidi": "Ana\u202e\u2066\u200b\u0001 Souza",
    "link": "https://evil.example/x evil.com www.evil.com",
    "html": '<script>alert(1)</script><img src=x onerror="y">&amp;',
    "long": "Ana " + "ã" * 3000,
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_name_cannot_change_a_message(odys, name):
    professional = odys.professional()
    client = odys.client(professional, name=name)
    booking = odys.booking(professional, client)
    odys.act(booking, "reject", reason="Não *dá* https://evil.example")
    odys.settled(booking)

    (entry,) = odys.whatsapp.to(client.number)
    text = entry["text"]
    lines = text.split("\n")
    assert lines[0] == lines[2] == spec.RULE_LINE and text.count(spec.RULE_LINE[0]) == 34
    assert text.count("*") == 2 and text.count("_") == 2 and "~" not in text and "`" not in text
    assert re.findall(r"https?://\S+", text) == [f"https://odys.example/p/{professional.slug}"]
    assert not re.search(r"[\u0000-\u0009\u000b-\u001f\u200b\u202a-\u202e\u2066-\u2069]", text)
    assert len(text.encode("utf-16-le")) // 2 <= 4096

    (message,) = odys.mail.to(client.email)
    assert message["Bcc"] is None and message["To"] == client.email and message.defects == []
    plain, html = [part.get_content() for part in message.iter_parts()]
    assert "<script" not in html and "<img src=x" not in html
    assert set(re.findall(r'href="([^"]*)"', html)) <= {
        f"https://odys.example/p/{professional.slug}", "https://odys.example"}
    assert "evil.example" not in plain and "evil.com" not in plain
    assert len(odys.mail.entries(client.email)) == 1


UNUSABLE_ADDRESSES = ("a@example.com\r\nRCPT TO:<evil@example.com>", "a@example.com, evil@example.com",
                      "a@example.com>\n<evil@example.com", "no address", "a@b@c")


def test_an_address_cannot_add_recipients_or_headers(odys):
    professional = odys.professional()
    for days, email in enumerate(UNUSABLE_ADDRESSES):
        booking = odys.booking(professional, odys.client(professional, email=email),
                               starts_at=STARTS_AT + datetime.timedelta(days=days))
        odys.act(booking, "confirm")
        rows = {row["channel"]: row for row in odys.settled(booking) if row["recipient_role"] == "client"}
        assert (rows["email"]["state"], rows["email"]["last_error"]) == ("skipped", "unusable_address"), email
        assert rows["whatsapp"]["state"] == "sent"
    assert not [entry for entry in odys.mail.ledger() if "evil@example.com" in json.dumps(entry["rcpt_to"])]


@pytest.mark.parametrize("phone, error", [("", "no_phone"), ("   ", "no_phone"), ("123", "unusable_phone"),
                                          ("(00) 99999-9999", "unusable_phone"), ("ramal doze", "unusable_phone"),
                                          ("3333-4444 / 5555", "unusable_phone"),
                                          ("11 3333-4444 45", "unusable_phone")])
def test_a_message_without_a_usable_phone_is_a_skipped_row(odys, phone, error):
    professional = odys.professional()
    booking = odys.booking(professional, odys.client(professional, phone=phone))
    answer = odys.act(booking, "confirm")
    rows = {(row["channel"], row["recipient_role"]): row for row in odys.settled(booking)}
    assert (rows["whatsapp", "client"]["state"], rows["whatsapp", "client"]["last_error"]) == ("skipped", error)
    assert rows["whatsapp", "client"]["attempts"] == 0
    assert rows["whatsapp", "professional"]["state"] == rows["email", "client"]["state"] == "sent"
    states = {(each["channel"], each["to"]): each["state"] for each in answer.json()["messages"]}
    assert states == {("whatsapp", "client"): "skipped", ("whatsapp", "professional"): "pending",
                      ("email", "client"): "pending"}


@pytest.mark.parametrize("typed, number", [
    ("(11) 9{}-{}", "55119{}{}"), ("011 9{}{}", "55119{}{}"), ("55 11 9{} {}", "55119{}{}"),
    ("+55 (11) 9{}-{}", "55119{}{}"), ("+1 415 5{}{}", "14155{}{}"), ("351 91{}{}", "35191{}{}"),
    ("+55 (0)11 9{}-{}", "55119{}{}"), ("0055 11 9{}{}", "55119{}{}"), ("00 1 415 5{}{}", "14155{}{}"),
    ("(11) 9{}-{}/45", "55119{}{}"), ("(11) 9{}-{} (2)", "55119{}{}"), ("(11) 9{}-{} ramal 45", "55119{}{}"),
    ("(11) 9{}-{}\n(11) 91234-5678", "55119{}{}"), ("\uff08\uff11\uff11\uff09\uff19{}\uff0d{}", "55119{}{}")])
def test_a_phone_is_read_as_people_type_it(odys, typed, number):
    professional = odys.professional()
    digits = professional.number[-8:]
    parts = digits[:4], digits[4:]
    booking = odys.booking(professional, odys.client(professional, phone=typed.format(*parts)))
    odys.act(booking, "cancel")
    odys.settled(booking)
    (entry,) = odys.whatsapp.to(number.format(*parts))
    assert booking.client.name in entry["text"]


@pytest.mark.parametrize("starts_at", [
    "2031-03-05T17:30:00Z", "2031-03-05T17:30:00+00:00", "2031-03-05T14:30:00-03:00", "2031-03-05t17:30:00.123z",
    "2031-03-05T17:30:00.123456789Z", "2031-03-06T01:30:00+08:00", "2031-03-05 17:30:00", "2031-03-05 17:30:00.000000"])
def test_an_instant_of_another_program_is_read_in_every_form(odys, starts_at):
    professional = odys.professional()
    identifier = odys.enqueue(
        channel="whatsapp", recipient_role="professional", recipient=professional.phone, template="booking_request",
        payload={"clientName": "Ana", "startsAt": starts_at})
    assert odys.finished(identifier)["state"] == "sent"
    (entry,) = odys.whatsapp.to(professional.number)
    for part in spec.local(datetime.datetime(2031, 3, 5, 17, 30)):
        assert part in entry["text"]


def test_a_reply_from_the_client_belongs_to_the_last_message_for_two_hours(odys):
    professional = odys.professional()
    client = odys.client(professional)
    first = odys.booking(professional, client)
    second = odys.booking(professional, client, starts_at=first.starts_at + datetime.timedelta(days=1))

    def context():
        rows = odys.sql("SELECT *, TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), expires_at) AS seconds "
                        "FROM whatsapp_contexts WHERE phone = %s", client.number)
        return rows[0] if rows else {}

    for booking in (first, second):
        odys.act(booking, "confirm")
        odys.settled(booking)
        eventually(lambda: str(context().get("appointment_id")) == booking.id)
        assert str(context()["professional_id"]) == professional.id
        assert 7_100 < context()["seconds"] <= 7_200
    assert not odys.sql("SELECT * FROM whatsapp_contexts WHERE phone = %s", professional.number)

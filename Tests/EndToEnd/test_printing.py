"""What odysctl prints: nothing that strangers wrote acts on a terminal, and output that is lost is an error."""

import json
import os
import subprocess
import unicodedata

import jwt
import pytest

import bench
import stack
from test_manuals import tree

# Escape sequences, a line end, DEL, C1, marks that turn the direction, a separator and a tag.
HOSTILE = "a\x1b]0;x\x07\x1b[2Jb\r\nc\x7f\x9b31m\u202e\u2066\u200f\ufeff\u2028\U000e0041z"
ASCII = "".join(character for character in HOSTILE if ord(character) < 128)
SHOWN = r"a\u{1b}]0;x\u{7}\u{1b}[2Jb\u{d}\u{a}c\u{7f}\u{9b}31m\u{202e}\u{2066}\u{200f}\u{feff}\u{2028}\u{e0041}z"
COLUMNS = """SELECT table_name, column_name, character_set_name, character_maximum_length
             FROM information_schema.columns WHERE table_schema = DATABASE()
                 AND data_type IN ('char', 'varchar', 'text', 'mediumtext', 'longtext')"""
# JSON, or judged by its own rule.
NOT_FREE = {("outbox", "payload"), ("idempotency_keys", "body"), ("schema_migrations", "checksum")}


@pytest.fixture(scope="module")
def hostile(database):
    """A database whose every text is hostile; `subject`, a booking, and `message` are in it."""
    booking = database.booking()
    database.subject = booking
    common = {"appointment_id": booking.id, "recipient_role": "client", "recipient": "x", "template": "no_show",
              "payload": json.dumps({"clientName": HOSTILE, "reason": HOSTILE}, ensure_ascii=False)}
    database.message = database.enqueue(**common, channel="whatsapp", appointment_version=2, state="dead")
    database.enqueue(**common, channel="email", appointment_version=2)
    database.insert("appointment_events", {
        "appointment_id": booking.id, "version": 2, "action": "no_show", "actor_user_id": "x", "reason": "x",
        "actor_role": "client", "from_status": "confirmed", "to_status": "no_show", "from_payment_status": "none",
        "to_payment_status": "none", "request_id": "x", "marker": b"0123456789abcdef"})
    database.insert("notifications", {"appointment_id": booking.id, "recipient_id": "x", "recipient_type": "client",
                                      "type": "x", "title": "x", "body": "x"})
    database.insert("operator_actions", {"operator": "x", "action": "x", "outbox_id": database.message, "detail": "x"})
    database.insert("whatsapp_contexts", {"phone": "x", "professional_id": booking.professional.id,
                                          "appointment_id": booking.id, "expires_at": "2037-01-01"})
    database.insert("idempotency_keys", {
        "actor_hash": b"x" * 32, "key_hash": b"x" * 32, "fingerprint": b"x" * 32, "status": 200, "etag": "x",
        "body": json.dumps({"appointment": {"id": booking.id}, "x": HOSTILE}, ensure_ascii=False)})
    for column in ({name.lower(): value for name, value in row.items()} for row in database.sql(COLUMNS)):
        table, name = column["table_name"], column["column_name"]
        if (table, name) in NOT_FREE:
            continue
        text = ASCII if column["character_set_name"] == "ascii" else HOSTILE
        database.sql(f"UPDATE {table} SET {name} = %s" + ("" if table != "schema_migrations" else " WHERE version = 2"),
                     text[:column["character_maximum_length"]])
    return database


def commands(database, directory):
    """(words, what they need beside): every command, over what is hostile."""
    token = directory / "token"
    header = json.dumps({"alg": "HS256", "kid": HOSTILE}, ensure_ascii=False).encode()
    claims = json.dumps({"sub": HOSTILE, "exp": 1, "n\u202e": "\x9b"}, ensure_ascii=False).encode()
    token.write_text(".".join(jwt.utils.base64url_encode(part).decode()
                              for part in (header, claims, b"x")) + "\n", encoding="utf-8")
    settings = {"ODYS_JWT_SECRET": "s" * 32, "ODYS_APP_URL": "https://odys.example", f"ODYS_X{HOSTILE}": HOSTILE}
    wrong = {**settings, "ODYS_ALLOWED_ORIGINS": HOSTILE, "ODYS_TIME_ZONE": HOSTILE, "ODYS_JWKS_FILE": HOSTILE,
             "ODYS_SMTP_URL": HOSTILE, "ODYS_INSTANCE": HOSTILE}
    booking, message = database.subject, str(database.message)
    yield from (((*words, *more), {}) for more in ((), ("--reveal",)) for words in (
        ("outbox", "list"), ("outbox", "show"), ("outbox", "show", message), ("messages", "--to", booking.client.id),
        ("messages", "--to", booking.professional.id)))
    for words in (
            ("outbox", "retry"), ("outbox", "discard", "--reason", HOSTILE), ("outbox", "stats"),
            ("outbox", "expire", "--before", "now"), ("timeline", booking.id), ("cleanup",),
            ("migrate", "status", "--sql", bench.SQL), ("migrate", "up", "--sql", bench.SQL),
            ("migrate", "grants", "--user", "x\u202e"), ("migrate", "grants", "--user", HOSTILE),
            ("person", "export", booking.client.id), ("person", "erase", booking.client.id),
            ("message", "preview", "no_show", "--client-name", HOSTILE, "--professional-name", HOSTILE),
            ("message", "preview", "booking_confirmed", "--email", "--slug", HOSTILE),
            ("message", "preview", "booking_confirmed", "--email", "--html", "--client-name", HOSTILE),
            # What quotes its arguments.
            ("outbox", "list", "--state", HOSTILE), ("outbox", HOSTILE), (HOSTILE,), ("outbox", "list", f"--{HOSTILE}"),
            ("timeline", HOSTILE), ("messages", "--to", HOSTILE), ("person", "export", HOSTILE),
            ("message", "preview", HOSTILE), ("migrate", "up", "--sql", HOSTILE),
            ("token", "inspect", "--file", HOSTILE), ("status", HOSTILE),
            ("status", "--socket-dir", HOSTILE), ("status", "--socket", HOSTILE),
            ("health", "live", "--socket", HOSTILE), ("health", "ready", "--socket-dir", HOSTILE),
            ("outbox", "expire", "--before", HOSTILE)):
        yield words, {}
    configured = [("config", each) for each in ("check", "show", "nginx", "example")] + [
        ("token", "mint", "--sub", HOSTILE), ("token", "inspect", "--file", token),
        ("doctor", "--socket-dir", HOSTILE, "--nginx-dir", HOSTILE)]
    yield from ((words, each) for words in configured for each in (settings, wrong))
    yield ("mcp", "--professional", booking.professional.id), settings
    yield ("mcp", "--professional", HOSTILE), settings


def acting(text):
    return {character for character in text
            if character != "\n" and unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp")}


CALL = {"jsonrpc": "2.0", "id": HOSTILE, "method": "tools/call", "params": {
    "name": "get_customer_by_phone", "arguments": {"phone": "0312"}, "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}}}


def odysctl(database, words, settings, **options):
    environment = stack.clean_environment(**{**database.settings(), **settings, "ODYS_BIN_DIR": None})
    options = {"stdout": subprocess.PIPE, **options}
    return subprocess.run([bench.CTL, *map(str, words)], env=environment, stderr=subprocess.PIPE, timeout=60,
                          check=False, input=json.dumps(CALL).encode() + b"\n", **options)


def test_nothing_that_is_printed_acts(hostile, tmp_path):
    seen = set()
    for words, settings in commands(hostile, tmp_path):
        for form in ((), ("--json",)):
            done = odysctl(hostile, (*words, *(form if words[0] != "mcp" else ())), settings)
            output = done.stdout.decode("utf-8") + done.stderr.decode("utf-8")
            assert not acting(output), (words, form, output)
            assert output, words
            # A line end of theirs is not one of ours.
            assert not [line for line in done.stdout.decode().splitlines() if line.startswith(r"c\u{7f}")], words
            if form and done.stdout:
                json.loads(done.stdout)
        seen.add(tuple(map(str, words)))
    missing = [leaf for leaf in tree() if not any(words[:len(leaf)] == leaf for words in seen)]
    assert missing == []


def test_what_was_written_can_still_be_read(hostile):
    (entry,) = json.loads(odysctl(hostile, ("outbox", "show", "--json", "--reveal", hostile.message), {}).stdout)
    assert (entry["error"], entry["providerId"], entry["recipient"]) == (HOSTILE,) * 3
    assert json.loads(entry["payload"])["reason"] == HOSTILE
    text = odysctl(hostile, ("outbox", "show", hostile.message), {}).stdout.decode()
    assert f"error: {SHOWN}\n" in text and "recipient: •••••" in text
    (event,) = json.loads(odysctl(hostile, ("timeline", "--json", hostile.subject.id), {}).stdout)["events"]
    assert event["reason"] == HOSTILE
    assert f"because: {SHOWN}\n" in odysctl(hostile, ("timeline", hostile.subject.id), {}).stdout.decode()
    done = odysctl(hostile, ("person", "export", hostile.subject.client.id), {})
    assert done.returncode == 0, done
    person = json.loads(done.stdout)
    assert person["clients"][0]["name"] == person["events"][0]["reason"] == HOSTILE
    assert person["messages"][0]["payload"]["clientName"] == HOSTILE


@pytest.mark.parametrize("where", ["a full disk", "a closed pipe", "nowhere"])
def test_output_that_is_lost_is_exit_code_1(hostile, tmp_path, where):
    """In every command; what the command did stays done."""
    seen = set()
    more: list = [((*words, "--help"), {}) for words in ((), ("outbox", "list"))] + [(("--version",), {})]
    for words, settings in [*commands(hostile, tmp_path), *more]:
        if not odysctl(hostile, words, settings).stdout:
            continue
        if where == "a full disk":
            with open("/dev/full", "wb") as full:
                done = odysctl(hostile, words, settings, stdout=full)
        elif where == "nowhere":
            # Descriptor 1 is closed: the connection to the database must not take its place.
            environment = stack.clean_environment(**{**hostile.settings(), **settings, "ODYS_BIN_DIR": None})
            done = subprocess.run(["/bin/sh", "-c", 'exec "$0" "$@" >&-', bench.CTL, *map(str, words)], check=False,
                                  env=environment, stderr=subprocess.PIPE, input=json.dumps(CALL).encode() + b"\n")
        else:
            reading, writing = os.pipe()
            os.close(reading)
            done = odysctl(hostile, words, settings, stdout=writing)
            os.close(writing)
        assert done.returncode == 1, (words, done)
        assert b"the output could not be written: " in done.stderr.splitlines()[-1], (words, done)
        seen.add(words[0])
    assert seen >= {leaf[0] for leaf in tree()} - {"status", "health"}

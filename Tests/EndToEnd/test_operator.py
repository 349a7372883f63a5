"""The operator's commands for the queue: odysctl outbox and odysctl cleanup."""

import datetime
import json
import os
import pathlib
import pwd
import re
import subprocess

import pytest

import bench
import stack

PERSON = {"clientName": "Ana Souza", "professionalName": "Paula Lima", "startsAt": "2031-03-05T17:30:00Z"}
APPOINTMENT = "0d5a1c00-0000-4000-8000-0000000000aa"
PHONE, ADDRESS = "+55 21 98765-4321", "ana.souza@example.com"
STATES = ("pending", "sent", "dead", "skipped", "expired", "superseded")


@pytest.fixture
def queue(database):
    """{state: id} of one WhatsApp message in each state, and `mail`, a dead email; nothing delivers them."""
    for table in ("outbox", "operator_actions", "idempotency_keys", "whatsapp_contexts"):
        database.sql(f"DELETE FROM {table}")
    ids = {state: enqueued(database, state=state, **finished(state)) for state in STATES}
    ids["mail"] = enqueued(database, channel="email", recipient=ADDRESS, template="booking_confirmed", state="dead",
                           appointment_id=APPOINTMENT, appointment_version=2, last_error="550 5.1.1 No such user",
                           **finished("dead"))
    database.sql("UPDATE outbox SET created_at = UTC_TIMESTAMP(6) - INTERVAL 5 HOUR WHERE id = %s", ids["sent"])
    return ids


def enqueued(database, **columns):
    return database.enqueue(**{"channel": "whatsapp", "recipient_role": "client", "recipient": PHONE,
                               "template": "no_show", "payload": PERSON, **columns})


def finished(state):
    return {} if state == "pending" else {"finished_at": now(), "attempts": 1}


def now(**ago):
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - datetime.timedelta(**ago)


def outbox(database, *words, code=0, **settings):
    done = database.ctl("outbox", *words, check=False, **settings)
    assert done.returncode == code, (words, done)
    return done


def listed(database, *words):
    return [entry["id"] for entry in json.loads(outbox(database, "list", "--json", *words).stdout)]


def actions(database):
    return database.sql("SELECT * FROM operator_actions ORDER BY id")


NOBODY = 2**32 - 1


def login():
    """The name under which what this process starts is recorded."""
    try:
        uid = int(pathlib.Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except FileNotFoundError:
        uid = NOBODY
    return pwd.getpwuid(os.getuid() if uid == NOBODY else uid).pw_name


# --- list and show ------------------------------------------------------------------------------------

@pytest.mark.parametrize("words, names", [
    ((), ("mail", *reversed(STATES))),
    *((("--state", state), (("mail",) if state == "dead" else ()) + (state,)) for state in STATES),
    (("--channel", "email"), ("mail",)),
    (("--channel", "whatsapp", "--state", "dead"), ("dead",)),
    (("--template", "booking_confirmed"), ("mail",)),
    (("--template", "reminder_1h"), ()),
    (("--appointment", APPOINTMENT), ("mail",)),
    (("--appointment", APPOINTMENT.upper()), ("mail",)),
    (("--appointment", APPOINTMENT, "--channel", "whatsapp"), ()),
    *(((name, "1", "--channel", "whatsapp"), tuple(state for state in reversed(STATES) if state != "sent"))
      for name in ("--since", "--hours")),
    (("--limit", "2"), ("mail", "superseded")),
], ids=str)
def test_filters_choose_messages_and_the_newest_comes_first(database, queue, words, names):
    assert listed(database, *words) == [queue[name] for name in names]


def test_ids_choose_messages(database, queue):
    assert listed(database, str(queue["sent"])) == [queue["sent"]]
    assert set(listed(database, str(queue["sent"]), str(queue["mail"]))) == {queue["sent"], queue["mail"]}


def test_a_list_for_people_has_a_line_for_each_message(database, queue):
    lines = outbox(database, "list").stdout.splitlines()
    assert len(lines) == len(queue)
    (line,) = [line for line in lines if line.startswith(f"{queue['mail']} ")]
    for word in ("dead", "email", "client", "booking_confirmed", "550 5.1.1"):
        assert word in line


def test_everything_about_a_message_is_shown(database, queue):
    (entry,) = json.loads(outbox(database, "show", "--json", str(queue["mail"])).stdout)
    row = database.row(queue["mail"])
    assert (entry["uid"], entry["appointmentId"], entry["version"]) == (row["message_uid"], APPOINTMENT, 2)
    assert (entry["state"], entry["attempts"], entry["to"], entry["error"]) == (
        "dead", 1, "client", "550 5.1.1 No such user")
    for name in ("createdAt", "availableAt", "expiresAt", "finishedAt"):
        assert datetime.datetime.fromisoformat(entry[name].rstrip("Z"))
    text = outbox(database, "show", str(queue["mail"])).stdout
    assert row["message_uid"] in text and "550 5.1.1" in text


PERSONAL = (PHONE, "98765", ADDRESS, "ana.souza", "Ana Souza", "Paula Lima", "2031-03-05")


@pytest.mark.parametrize("words", [("list",), ("list", "--json"), ("show",), ("show", "--json"), ("retry",),
                                   ("retry", "--json"), ("discard", "--reason", "x"), ("stats", "--json")], ids=str)
def test_nobody_is_named_unless_asked_for(database, queue, words):
    done = outbox(database, *words)
    for word in PERSONAL:
        assert word not in done.stdout + done.stderr
    assert actions(database) == ()


@pytest.mark.parametrize("words", [("list",), ("list", "--json"), ("show",), ("show", "--json")], ids=str)
def test_what_is_revealed_is_recorded(database, queue, words):
    ids = [queue["dead"], queue["mail"]]
    done = outbox(database, *words, "--reveal", *map(str, ids))
    assert PHONE in done.stdout and ADDRESS in done.stdout
    assert ("Ana Souza" in done.stdout) == (words != ("list",))
    recorded = actions(database)
    assert sorted((row["action"], row["outbox_id"]) for row in recorded) == sorted(("reveal", each) for each in ids)
    assert {row["operator"] for row in recorded} == {login()}
    for row in recorded:
        assert not [word for word in PERSONAL if word in str(row["detail"])]


@pytest.mark.parametrize("sudo, shown", [
    ("maria", "{} (SUDO_USER maria)"), ("", "{}"), (login(), "{}"), ("m" * 99, "{} (SUDO_USER mmmm"),
    ("x\x1b[2J", "{} (SUDO_USER x\x1b[2J)")], ids=["sudo", "empty", "oneself", "long", "hostile"])
def test_whom_sudo_names_stands_beside_who_logged_in(database, queue, sudo, shown):
    outbox(database, "list", "--reveal", "--limit", "1", SUDO_USER=sudo)
    (row,) = actions(database)
    assert row["operator"].startswith(shown.format(login())) and len(row["operator"]) <= 64
    assert sudo == "m" * 99 or row["operator"] == shown.format(login())


def test_who_logged_in_is_recorded_whoever_they_became(database, queue):
    """As after `sudo -i` or `su -`, which keep the login uid. Where the kernel lets nobody set it, it is compared all
    the same with what the kernel says."""
    other = next(each for each in pwd.getpwall() if each.pw_uid != os.getuid() and each.pw_name != login())
    script = 'echo "$1" 2>&- >/proc/self/loginuid; cat /proc/self/loginuid >&2; shift; exec "$@"'
    environment = stack.clean_environment(**{**database.settings(), "ODYS_BIN_DIR": None})
    done = subprocess.run(
        ["sh", "-c", script, "sh", str(other.pw_uid), bench.CTL, "outbox", "list", "--reveal", "--limit", "1"],
        env=environment, check=True, capture_output=True, text=True, timeout=60)
    told = int(re.findall(r"\d+", done.stderr)[-1])
    (row,) = actions(database)
    assert row["operator"] == pwd.getpwuid(os.getuid() if told == 2**32 - 1 else told).pw_name


def test_stats_count_by_channel_and_state(database, queue):
    database.sql("UPDATE outbox SET available_at = UTC_TIMESTAMP(6) - INTERVAL 90 SECOND WHERE id = %s",
                 queue["pending"])
    value = json.loads(outbox(database, "stats", "--json").stdout)
    counts = {(each["channel"], each["state"]): each["count"] for each in value["messages"]}
    assert counts == {**{("whatsapp", state): 1 for state in STATES}, ("email", "dead"): 1}
    assert set(value["oldestDueSeconds"]) == {"whatsapp"} and 90 <= value["oldestDueSeconds"]["whatsapp"] < 120
    text = outbox(database, "stats").stdout
    assert "superseded" in text and "9" in text


# --- retry --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("state", ["dead", "skipped", "expired", "superseded"])
def test_a_message_can_be_tried_again(database, queue, state):
    identifier, before = queue[state], database.row(queue[state])
    database.sql("UPDATE outbox SET expires_at = UTC_TIMESTAMP(6) - INTERVAL 1 DAY, unclear = 1, lost_claims = 5 "
                 "WHERE id = %s", identifier)
    done = outbox(database, "retry", "--json", str(identifier))
    assert json.loads(done.stdout) == {"retried": [identifier]}
    row = database.row(identifier)
    assert (row["state"], row["finished_at"], row["lease_token"], row["unclear"], row["lost_claims"]) == (
        "pending", None, None, 0, 0)
    assert row["due_in"] <= 0 and row["message_uid"] == before["message_uid"]
    # Otherwise it would expire again at once.
    left = database.one("SELECT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(6), expires_at) AS minutes FROM outbox "
                        "WHERE id = %s", identifier)["minutes"]
    assert 24 * 60 - 2 <= left <= 24 * 60
    assert [(each["action"], each["outbox_id"]) for each in actions(database)] == [("retry", identifier)]


@pytest.mark.parametrize("state", ["pending", "sent"])
def test_what_is_pending_or_sent_is_not_tried_again(database, queue, state):
    before = database.contents()
    done = outbox(database, "retry", str(queue[state]), code=1)
    assert done.stderr and database.contents() == before


def test_of_several_messages_those_that_can_be_are_tried_again(database, queue):
    done = outbox(database, "retry", str(queue["dead"]), str(queue["sent"]), "999999999", code=1)
    assert "1 retried" in done.stdout and "2 not retried" in done.stderr
    assert database.row(queue["dead"])["state"] == "pending" and database.row(queue["sent"])["state"] == "sent"


@pytest.mark.parametrize("words", [("retry", "--state", "dead"), ("retry",), ("discard", "--reason", "x"),
                                   ("discard", "--reason", "x", "--state", "pending", "--json")], ids=str)
def test_without_ids_nothing_is_done_unless_told_to(database, queue, words):
    before = database.contents()
    done = outbox(database, *words)
    assert str(queue["pending" if "discard" in words else "dead"]) in done.stdout
    assert database.contents() == before


@pytest.mark.parametrize("limit", [1, 3, 50])
@pytest.mark.parametrize("command, done", [(("retry",), "retried"), (("discard", "--reason", "x"), "discarded")])
def test_what_a_dry_run_shows_is_what_is_done(database, queue, command, done, limit):
    """The newest of any state that allows it, at most the limit, and nothing that was emptied."""
    database.sql("UPDATE outbox SET recipient = '', payload = '{}', emptied_at = UTC_TIMESTAMP(6) WHERE id = %s",
                 queue["mail"])
    waiting = enqueued(database)
    names = ("superseded", "expired", "skipped", "dead")
    chosen = [queue[name] for name in names] if done == "retried" else [waiting, queue["pending"]]
    words = (*command, "--limit", str(limit))
    shown = [entry["id"] for entry in json.loads(outbox(database, *words, "--json").stdout)]
    lines = outbox(database, *words).stdout.splitlines()
    assert shown == chosen[:limit]
    assert [int(line.split()[0]) for line in lines[:-1]] == shown
    assert lines[-1] == f"{len(shown)} would be {done}; --apply does it"
    assert json.loads(outbox(database, *words, "--apply", "--json").stdout) == {done: shown}
    assert [each["outbox_id"] for each in actions(database)] == shown


def test_a_filter_is_applied_when_told_to(database, queue):
    done = outbox(database, "retry", "--state", "dead", "--channel", "email", "--apply", "--json")
    assert json.loads(done.stdout) == {"retried": [queue["mail"]]}
    assert database.row(queue["mail"])["state"] == "pending"
    assert database.row(queue["dead"])["state"] == "dead"
    assert [each["outbox_id"] for each in actions(database)] == [queue["mail"]]


def test_a_dead_message_arrives_as_the_same_message(bench):
    """After the fault was repaired: here the number and the address now exist."""
    bench.peer("whatsapp")
    bench.peer("smtp")
    bench.start()
    booking = bench.booking()
    bench.whatsapp.control(mode="exists_false", number=booking.client.number, times=1)
    bench.mail.control(mode="reject_rcpt_5xx", recipient=booking.client.email, times=1)
    bench.act(booking, "confirm")
    dead = [row for row in bench.settled(booking) if row["state"] == "dead"]
    assert {row["channel"] for row in dead} == {"whatsapp", "email"}
    bench.ctl("outbox", "retry", "--state", "dead", "--apply")
    for row in dead:
        again = bench.finished(row["id"])
        assert (again["state"], again["message_uid"], again["attempts"]) == ("sent", row["message_uid"], 2)
    (mail,) = bench.mail.to(booking.client.email)
    (uid,) = [row["message_uid"] for row in dead if row["channel"] == "email"]
    assert mail["Message-ID"] == f"<{uid}@odys.example>"
    assert len(bench.whatsapp.to(booking.client.number)) == 1


def test_an_operator_does_not_send_what_is_no_longer_true(bench):
    bench.peer("whatsapp")
    bench.start()
    booking = bench.booking()
    bench.whatsapp.control(mode="exists_false", number=booking.client.number, times=1)
    bench.act(booking, "confirm")
    bench.settled(booking)
    bench.act(booking, "cancel", by="client")
    (dead,) = [row for row in bench.settled(booking) if row["state"] == "dead"]
    bench.ctl("outbox", "retry", str(dead["id"]))
    assert bench.finished(dead["id"])["state"] == "superseded"
    assert len(bench.whatsapp.to(booking.client.number)) == 1


# --- discard ------------------------------------------------------------------------------------------

def test_a_pending_message_can_be_given_up(database, queue):
    done = outbox(database, "discard", "--reason", "the client asked for it", "--json", str(queue["pending"]))
    assert json.loads(done.stdout) == {"discarded": [queue["pending"]]}
    row = database.row(queue["pending"])
    assert (row["state"], row["last_error"]) == ("dead", "discarded") and row["finished_at"]
    (recorded,) = actions(database)
    assert (recorded["action"], recorded["outbox_id"], recorded["detail"]) == (
        "discard", queue["pending"], "the client asked for it")


def test_what_a_sender_has_in_hand_is_left_alone(database, queue):
    leased, lapsed = enqueued(database, attempts=1), enqueued(database, attempts=1)
    for identifier, seconds in ((leased, 30), (lapsed, -1)):
        database.sql("UPDATE outbox SET lease_token = RANDOM_BYTES(16), "
                     "available_at = UTC_TIMESTAMP(6) + INTERVAL %s SECOND WHERE id = %s", seconds, identifier)
    before = database.row(leased)
    outbox(database, "discard", "--reason", "x", str(leased), code=1)
    outbox(database, "discard", "--reason", "x", "--state", "pending", "--apply")
    after = database.row(leased)
    assert {**after, "due_in": None} == {**before, "due_in": None}
    # Its sender has died: the lease is over.
    assert database.row(lapsed)["state"] == database.row(queue["pending"])["state"] == "dead"
    assert leased not in {each["outbox_id"] for each in actions(database)}


@pytest.mark.parametrize("state", [state for state in STATES if state != "pending"])
def test_what_is_finished_is_not_given_up(database, queue, state):
    before = database.contents()
    outbox(database, "discard", "--reason", "x", str(queue[state]), code=1)
    assert database.contents() == before


# --- Exit codes ---------------------------------------------------------------------------------------

COMMANDS = {"list": (), "show": ("1",), "retry": ("1",), "discard": ("--reason", "x", "1"), "stats": ()}


@pytest.mark.parametrize("command", ["show", "retry", "discard"])
def test_an_unknown_id_is_exit_code_1(database, queue, command):
    words = ("--reason", "x") if command == "discard" else ()
    done = outbox(database, command, *words, "999999999", code=1)
    assert done.stderr.startswith("odysctl: ")


def test_one_unknown_id_among_others_is_exit_code_1(database, queue):
    done = outbox(database, "show", "--json", str(queue["dead"]), "999999999", code=1)
    assert [entry["id"] for entry in json.loads(done.stdout)] == [queue["dead"]] and done.stderr


@pytest.mark.parametrize("words", [
    ("list", "--state", "lost"), ("list", "--channel", "pigeon"), ("list", "--appointment", "1"), ("list", "x"),
    ("list", "--since", "soon"), ("list", "--no-such-option"), ("discard", "1"),
    ("retry", "--state", "lost", "--apply"), ("forget",)], ids=str)
def test_wrong_usage_is_exit_code_2(database, queue, words):
    before = database.contents()
    done = outbox(database, *words, code=2)
    assert done.stderr and not done.stdout and database.contents() == before


@pytest.mark.parametrize("command", COMMANDS)
def test_missing_settings_are_exit_code_2(command):
    done = stack.run(bench.CTL, "outbox", command, *COMMANDS[command], check=False)
    assert done.returncode == 2 and "ODYS_DB" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_that_is_away_is_exit_code_3(database, command):
    done = outbox(database, command, *COMMANDS[command], code=3, ODYS_DB_SOCKET="/nonexistent/mariadb.sock")
    assert done.stderr and not done.stdout


def test_a_database_without_our_tables_is_exit_code_1(odys):
    empty = bench.Database(odys)
    try:
        for command, words in COMMANDS.items():
            assert outbox(empty, command, *words, code=1).stderr
    finally:
        empty.drop()


# --- cleanup ------------------------------------------------------------------------------------------

@pytest.fixture
def aged(database, queue):
    """The same messages ten days later, and the other rows that expire."""
    database.sql("UPDATE outbox SET created_at = created_at - INTERVAL 10 DAY, "
                 "available_at = available_at - INTERVAL 10 DAY, finished_at = finished_at - INTERVAL 10 DAY, "
                 "expires_at = expires_at - INTERVAL 10 DAY")
    for number, end in ((1, "-"), (2, "+")):
        database.sql(f"INSERT INTO idempotency_keys (actor_hash, key_hash, fingerprint, status, body, expires_at) "
                     f"VALUES (RANDOM_BYTES(32), RANDOM_BYTES(32), RANDOM_BYTES(32), 200, '{number}', "
                     f"UTC_TIMESTAMP(6) {end} INTERVAL 1 MINUTE)")
        database.sql(f"INSERT INTO whatsapp_contexts VALUES ('{number}', UUID(), UUID(), "
                     f"UTC_TIMESTAMP(6) {end} INTERVAL 1 MINUTE)")
    return queue


def left(database):
    return {row["id"] for row in database.sql("SELECT id FROM outbox")}


def test_what_is_past_its_retention_is_deleted(database, aged):
    young = enqueued(database, state="sent", **finished("sent"))
    done = database.ctl("cleanup", "--retention-days", "9", "--json")
    assert json.loads(done.stdout) == {"messages": 6, "emptied": 0, "keys": 1, "contexts": 1, "actions": 0}
    # Pending messages are never too old: their expiry ends them.
    assert left(database) == {aged["pending"], young}
    assert [row["body"] for row in database.sql("SELECT body FROM idempotency_keys")] == ["2"]
    assert [row["phone"] for row in database.sql("SELECT phone FROM whatsapp_contexts")] == ["2"]
    assert json.loads(database.ctl("cleanup", "--retention-days", "9", "--json").stdout) == {
        "messages": 0, "emptied": 0, "keys": 0, "contexts": 0, "actions": 0}


@pytest.mark.parametrize("settings, words", [({}, ()), ({"ODYS_RETENTION_DAYS": "11"}, ()),
                                             ({"ODYS_RETENTION_DAYS": "1"}, ("--retention-days", "11"))], ids=str)
def test_what_is_within_its_retention_is_kept(database, aged, settings, words):
    assert "deleted 0 messages" in database.ctl("cleanup", *words, **settings).stdout
    assert left(database) == set(aged.values())


def test_the_setting_decides_where_nothing_is_said(database, aged):
    database.ctl("cleanup", ODYS_RETENTION_DAYS="9")
    assert left(database) == {aged["pending"]}


def test_many_messages_are_deleted_batch_by_batch(database, aged):
    database.sql("INSERT INTO outbox (channel, recipient_role, recipient, template, payload, state, available_at, "
                 "finished_at) SELECT 'email', 'client', 'x', 'x', '{}', 'sent', UTC_TIMESTAMP(6) - INTERVAL 10 DAY, "
                 "UTC_TIMESTAMP(6) - INTERVAL 10 DAY FROM seq_1_to_1700")
    assert json.loads(database.ctl("cleanup", "--retention-days", "9", "--json").stdout)["messages"] == 1_706
    assert left(database) == {aged["pending"]}


@pytest.mark.parametrize("days", ["0", "-1", "soon", ""])
def test_a_retention_that_is_none_is_exit_code_2(database, aged, days):
    done = database.ctl("cleanup", f"--retention-days={days}", check=False)
    assert done.returncode == 2 and left(database) == set(aged.values())


@pytest.mark.parametrize("days", ["0", "-1", "soon"])
def test_a_setting_that_is_no_retention_is_exit_code_2(database, aged, days):
    done = database.ctl("cleanup", check=False, ODYS_RETENTION_DAYS=days)
    assert done.returncode == 2 and "ODYS_RETENTION_DAYS" in done.stderr
    assert left(database) == set(aged.values())


def test_cleanup_without_a_database_is_exit_code_3(database):
    done = database.ctl("cleanup", check=False, ODYS_DB_SOCKET="/nonexistent/mariadb.sock")
    assert done.returncode == 3 and done.stderr


def test_what_finished_messages_said_is_emptied_and_they_cannot_be_sent_again(database):
    def messages(state, days):
        return enqueued(database, state=state, **{**finished(state), "finished_at": now(days=days)})

    old, young = messages("dead", 31), messages("dead", 29)
    assert json.loads(database.ctl("cleanup", "--json").stdout)["emptied"] == 1
    assert json.loads(database.ctl("cleanup", "--json", "--payload-days", "29").stdout)["emptied"] == 1
    for identifier in (old, young):
        row = database.row(identifier)
        assert (row["recipient"], row["payload"], row["state"]) == ("", "{}", "dead") and row["emptied_at"]
    assert {str(old), str(young)} <= set(database.ctl("outbox", "list").stdout.split())
    done = database.ctl("outbox", "retry", str(old), str(young), check=False)
    assert done.returncode == 1 and done.stderr.count("it cannot be sent again") == 2, done.stderr
    assert database.row(old)["state"] == "dead"


def test_the_record_of_operators_is_kept_for_its_time_and_no_longer(bench):
    """The application's account adds to it; only the owner's removes from it."""
    for days in (731, 729, 0):
        bench.sql("INSERT INTO operator_actions (operator, action, created_at) "
                  "VALUES ('x', %s, UTC_TIMESTAMP(6) - INTERVAL %s DAY)", str(days), days)
    bench.sql("INSERT INTO operator_actions (operator, action, created_at) SELECT 'x', 'old', '2001-01-01' "
              "FROM seq_1_to_700 ORDER BY seq")
    bench.sql("UPDATE operator_actions SET id = id + 10000 WHERE action <> 'old'")
    without = {"ODYS_DB_MIGRATE_USER": None, "ODYS_DB_MIGRATE_PASSWORD": None}
    done = bench.ctl("cleanup", "--json", check=False, **without)
    assert done.returncode == 3 and "ODYS_DB_MIGRATE_USER" in done.stderr and json.loads(done.stdout)["actions"] == 0
    assert json.loads(bench.ctl("cleanup", "--json").stdout)["actions"] == 701
    assert [row["action"] for row in actions(bench)] == ["729", "0"]
    # Nothing is old, so the owner's account is not asked for.
    assert json.loads(bench.ctl("cleanup", "--json", **without).stdout)["actions"] == 0
    assert json.loads(bench.ctl("cleanup", "--json", "--audit-days", "700").stdout)["actions"] == 1
    assert json.loads(bench.ctl("cleanup", "--json", ODYS_AUDIT_DAYS="1").stdout)["actions"] == 0
    assert bench.ctl("cleanup", "--audit-days", "0", check=False).returncode == 2


@pytest.mark.parametrize("words, settings", [(["--payload-days=0"], {}), ([], {"ODYS_PAYLOAD_DAYS": "0"})], ids=str)
def test_a_time_that_is_none_is_exit_code_2(database, words, settings):
    assert database.ctl("cleanup", *words, check=False, **settings).returncode == 2

"""The operator's commands: odysctl and scripts/stack."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import jwt
import pytest

import bench
import spec
import stack
from conftest import ORIGIN
from refusing import problem
from together import at_once
from waiting import eventually

COLUMNS = """SELECT table_name, column_name, column_type, is_nullable, column_default, collation_name, column_key
             FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position"""


@pytest.fixture
def database(odys):
    made = bench.Database(odys)
    yield made
    made.drop()


def schema(database):
    return [{name.lower(): value for name, value in row.items()} for row in database.sql(COLUMNS)]


def states(database, **more):
    done = database.migrate("status", "--json", check=False, **more)
    return [row["state"] for row in json.loads(done.stdout)], done.returncode


def files():
    return sorted(bench.SQL.glob("[0-9]*.sql"))


def paste(database, *paths):
    """Runs SQL as a person does with a SQL client."""
    for path in paths:
        with open(path, "rb") as file:
            subprocess.run(["/usr/bin/mariadb", "--no-defaults", f"--socket={database.db_socket}", "--user=root",
                            database.db_name], stdin=file, check=True, capture_output=True, timeout=60)


# --- migrate ------------------------------------------------------------------------------------------

def test_a_fresh_database_is_migrated_and_a_second_time_changes_nothing(database):
    assert states(database) == (["pending"] * len(files()), 1)
    database.migrate()
    assert states(database) == (["applied"] * len(files()), 0)
    before = schema(database), database.contents()
    assert "up to date" in database.migrate().stdout
    assert (schema(database), database.contents()) == before
    tables = {row["table_name"] for row in before[0]}
    assert tables >= {"professionals", "clients", "appointments", "notifications", "appointment_events", "outbox",
                      "idempotency_keys", "whatsapp_contexts", "schema_migrations"}


def test_a_file_that_was_changed_after_it_was_applied_is_noticed(database, tmp_path):
    copy = tmp_path / "sql"
    shutil.copytree(bench.SQL, copy)
    database.migrate()
    with open(copy / "0002_actions.sql", "a", encoding="utf-8") as file:
        file.write("-- changed\n")
    found, code = states(database, sql=copy)
    assert found[1] == "changed" and code == 1
    done = database.migrate("up", sql=copy, check=False)
    assert done.returncode == 1 and "2_actions" in done.stderr and "changed" in done.stderr


def test_files_that_were_pasted_into_a_client_are_adopted(database):
    paste(database, *files())
    before = schema(database)
    assert states(database) == (["unverified"] * len(files()), 0)
    database.migrate()
    assert states(database) == (["applied"] * len(files()), 0)
    assert schema(database) == before


def test_pasting_twice_does_no_harm(database):
    paste(database, *files())
    before = schema(database), database.contents()
    paste(database, *files(), *files())
    assert (schema(database), database.contents()) == before


ADDED = {("appointments", "version"), ("appointments", "updated_at"), ("notifications", "appointment_id")}


def test_an_existing_platform_gets_only_the_columns_that_are_added(odys, database):
    """A database with the platform's four tables, and with rows."""
    reference = bench.Database(odys)
    try:
        paste(reference, files()[0])
        reference.sql("ALTER TABLE appointments DROP COLUMN version, DROP COLUMN updated_at")
        reference.sql("ALTER TABLE notifications DROP COLUMN appointment_id")
        for table in ("professionals", "clients", "appointments", "notifications"):
            create = reference.one(f"SHOW CREATE TABLE {table}")["Create Table"]
            database.sql(create)
    finally:
        reference.drop()
    booking = database.booking()
    database.insert("notifications", {"recipient_id": "x", "recipient_type": "client", "type": "x", "title": "x",
                                      "body": "x"})
    old = schema(database)
    rows = {table: database.sql(f"SELECT * FROM {table}") for table in ("professionals", "clients", "appointments",
                                                                        "notifications")}
    database.migrate()
    new = [row for row in schema(database) if row["table_name"] in rows]
    assert {(row["table_name"], row["column_name"]) for row in new} - \
        {(row["table_name"], row["column_name"]) for row in old} == ADDED
    unkeyed = [{**row, "column_key": ""} for row in new if (row["table_name"], row["column_name"]) not in ADDED]
    assert unkeyed == [{**row, "column_key": ""} for row in old]
    for table, before in rows.items():
        after = database.sql(f"SELECT * FROM {table}")
        assert [{name: row[name] for name in before[0]} for row in after] == list(before)
    assert database.state(booking) == ("pending_confirmation", "none", 1)


def test_only_columns_without_a_default_are_needed(database):
    """The platform's own test fixtures set no more columns than these."""
    database.migrate()
    database.sql("INSERT INTO professionals (user_id, name, slug, phone, profession) VALUES ('u', 'P', 's', '1', 'x')")
    database.sql("INSERT INTO clients (professional_id, name, phone) SELECT id, 'C', '2' FROM professionals")
    database.sql("INSERT INTO appointments (professional_id, client_id, starts_at, ends_at) "
                 "SELECT professional_id, id, '2031-01-01 10:00', '2031-01-01 11:00' FROM clients")
    row = database.one("SELECT * FROM appointments")
    assert (row["status"], row["payment_status"], row["version"]) == ("pending_confirmation", "none", 1)
    row = database.one("SELECT * FROM professionals")
    assert (row["session_duration"], row["session_price"], row["plan"], row["payment_type"],
            row["payment_percentage"], row["auto_confirm"], row["active"]) == (50, 0, "free", "upfront", 100, 0, 1)


def test_two_hosts_may_migrate_at_the_same_moment(database):
    done = at_once([lambda: database.migrate(check=False)] * 3)
    assert [each.returncode for each in done] == [0, 0, 0], done
    assert sum(each.stdout.count("applied") for each in done) == len(files())


def test_a_database_that_is_away_is_exit_code_3(database):
    done = database.ctl("migrate", "up", "--sql", bench.SQL, check=False, ODYS_DB_SOCKET="/nonexistent/mariadb.sock")
    assert done.returncode == 3 and done.stderr


def test_a_missing_directory_is_wrong_usage(database):
    done = database.migrate("up", sql="/nonexistent", check=False)
    assert done.returncode == 2 and "/nonexistent" in done.stderr


# --- message, token, config ---------------------------------------------------------------------------

@pytest.mark.parametrize("template", spec.WHATSAPP_TEMPLATES)
def test_a_preview_shows_a_message(template):
    done = stack.run(bench.CTL, "message", "preview", template, "--client-name", "Ana Souza", ODYS_BIN_DIR=None)
    assert "Ana Souza" in done.stdout
    assert json.loads(stack.run(bench.CTL, "message", "preview", template, "--json", ODYS_BIN_DIR=None).stdout)["text"]


@pytest.mark.parametrize("template", ["booking_confirmed", "booking_rejected"])
def test_a_preview_shows_an_email(template):
    html = stack.run(bench.CTL, "message", "preview", template, "--email", "--html").stdout
    assert "<html" in html.lower() and "14:00" in html
    value = json.loads(stack.run(bench.CTL, "message", "preview", template, "--email", "--json").stdout)
    assert set(value) == {"subject", "text", "html"}


@pytest.mark.parametrize("words", [("message", "preview", "no_such"), ("message", "preview"), ("nonsense",),
                                   ("message", "preview", "no_show", "--starts-at", "tomorrow")], ids=str)
def test_wrong_usage_is_exit_code_2(words):
    done = stack.run(bench.CTL, *words, check=False)
    assert done.returncode == 2 and done.stderr and not done.stdout


def settings_of(odys):
    """The environment that the stack wrote for a shell."""
    text = pathlib.Path(odys.description["env_file"]).read_text(encoding="utf-8")
    return {name: value.strip("'") for name, value in re.findall(r"^export (\w+)=(.*)$", text, re.MULTILINE)}


def test_a_minted_token_is_accepted(odys):
    booking = odys.booking()
    token = stack.run(bench.CTL, "token", "mint", "--sub", booking.professional.user_id,
                      **settings_of(odys)).stdout.strip()
    assert odys.patch(booking, None, "paid", Authorization=f"Bearer {token}").status == 200


def test_a_minted_token_has_the_issuer_the_audience_and_an_end(strict):
    booking = strict.booking()
    mint = ("token", "mint", "--sub", booking.professional.user_id)
    claims = jwt.decode(stack.run(bench.CTL, *mint, "--ttl", "60", **settings_of(strict)).stdout.strip(),
                        strict.secret, ["HS256"], audience=strict.claims["aud"], issuer=strict.claims["iss"])
    assert claims["sub"] == booking.professional.user_id and 0 < claims["exp"] - time.time() <= 61
    token = stack.run(bench.CTL, *mint, **settings_of(strict)).stdout.strip()
    assert strict.patch(booking, None, "paid", Authorization=f"Bearer {token}").status == 200


def test_config_check_accepts_what_the_stack_runs_with(odys):
    settings = {name: value for name, value in settings_of(odys).items() if name != "ODYS_BIN_DIR"}
    done = stack.run(bench.CTL, "config", "check", **{**settings, "ODYS_BIN_DIR": None})
    assert done.returncode == 0, done.stdout


def test_config_check_names_what_is_wrong(odys):
    settings = {**settings_of(odys), "ODYS_BIN_DIR": None}
    done = stack.run(bench.CTL, "config", "check", check=False, **{**settings, "ODYS_DELIVRY": "off"})
    assert done.returncode == 1 and "ODYS_DELIVRY" in done.stdout
    wrong = {**settings, "ODYS_THREADS": "x", "ODYS_JWT_SECRET": ""}
    done = stack.run(bench.CTL, "config", "check", check=False, **wrong)
    assert done.returncode == 2 and "ODYS_THREADS" in done.stderr and "ODYS_JWT_SECRET" in done.stderr
    assert odys.secret not in done.stderr + done.stdout


def test_config_nginx_prints_a_map_of_the_origins(odys):
    text = stack.run(bench.CTL, "config", "nginx", **settings_of(odys)).stdout
    assert rf'"~^\Q{ORIGIN}\E\z" $http_origin;' in text
    assert "$odys_cors_origin" in text and "$odys_cors_credentials" in text
    assert text == (odys.dir / "nginx" / "odys" / "origins.conf").read_text(encoding="utf-8")


def test_the_readme_names_the_commands_that_there_are():
    help_ = json.loads(stack.run(bench.CTL, "--experimental-dump-help").stdout)["command"]["subcommands"]
    there = {each["commandName"]: {sub["commandName"] for sub in each.get("subcommands", [])} for each in help_}
    readme = (stack.CHECKOUT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("## odysctl\n")[2].partition("\n## ")[0]
    named: dict[str, set] = {}
    for row in re.findall(r"^\| (`.*?) \|", table, re.M):
        group = ""
        for span in re.findall(r"`([^`]+)`", row):
            words = span.split()
            if words[0] in there and words[0] not in there.get(group, ()):
                group, words = words[0], words[1:]
            named.setdefault(group, set()).update(words[:1] if there[group] else [])
    assert set(named) == set(there) - {"help"}
    # A command that is named alone stands for all below it.
    assert not {group: words for group, words in named.items() if words and words != there[group]}


# --- scripts/stack ------------------------------------------------------------------------------------

def processes_of(directory):
    """The pids whose command line or environment names the directory."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if bytes(directory) in text:
                found.append(int(entry.name))
    return found


@pytest.fixture
def own_directory():
    """Mode 0700, as the contract allows, and a path too long for a Unix socket."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="odys-e2e-", dir="/tmp")) / ("long" * 25)
    directory.mkdir(mode=0o700)
    yield directory
    stack.run(stack.SCRIPT, "down", "--dir", directory, check=False)
    shutil.rmtree(directory.parent, ignore_errors=True)


def test_up_and_down_keep_their_promises(own_directory):
    port = bench.free_port()
    stack.run(stack.SCRIPT, "up", "--dir", own_directory, "--port", port, "--responders", "2", "--no-peers")
    description = json.loads((own_directory / "stack.json").read_text(encoding="utf-8"))

    # stack.json
    assert description["url"] == f"https://localhost:{port}"
    assert {"url", "ca", "db_socket", "ops_url", "db_name", "db_admin_user", "responders", "nginx_pid",
            "mariadbd_pid"} <= set(description)
    paths = [description["ca"], description["db_socket"],
             *(each[key] for each in description["responders"] for key in ("socket", "pid_file"))]
    assert all(os.path.isabs(path) and os.path.exists(path) for path in paths)
    pids = [int(pathlib.Path(each["pid_file"]).read_text(encoding="ascii")) for each in description["responders"]]
    assert len(pids) == 2 and all(stack.is_alive(pid) for pid in (*pids, description["nginx_pid"],
                                                                  description["mariadbd_pid"]))
    assert description["ops_url"].startswith("http://127.0.0.1:")

    # A second stack in the same directory, and an interrupted database.
    assert stack.run(stack.SCRIPT, "up", "--dir", own_directory, check=False).returncode == 2
    os.kill(description["mariadbd_pid"], signal.SIGKILL)
    stack.run(stack.SCRIPT, "restart-db", "--dir", own_directory)
    again = json.loads((own_directory / "stack.json").read_text(encoding="utf-8"))
    assert again["mariadbd_pid"] != description["mariadbd_pid"] and stack.is_alive(again["mariadbd_pid"])
    assert {**again, "mariadbd_pid": 0} == {**description, "mariadbd_pid": 0}
    # Restarting a running one is not an error.
    stack.run(stack.SCRIPT, "restart-db", "--dir", own_directory)

    # down
    run_directory = pathlib.Path(description["db_socket"]).parent
    started = processes_of(own_directory)
    assert {again["nginx_pid"], *pids} & set(started)
    stack.run(stack.SCRIPT, "down", "--dir", own_directory)
    assert not [pid for pid in started if stack.is_alive(pid)] and not processes_of(own_directory)
    assert not run_directory.exists() and not (own_directory / "stack.json").exists()
    assert (own_directory / "logs").is_dir()
    # A second time there is nothing to stop.
    stack.run(stack.SCRIPT, "down", "--dir", own_directory)


def test_the_sample_rows_can_be_acted_on(make_stack):
    seeded = make_stack("--responders", "1", "--no-peers", ODYS_DELIVERY="off", ODYS_THREADS="2")
    token = seeded.token("user-beatriz")
    answer = seeded.request("PATCH", "/api/appointments/0d5a1c00-0000-4000-8000-000000000001", {
        "Content-Type": "application/json", "Authorization": f"Bearer {token}"}, b'{"action":"confirm"}')
    assert answer.status == 200
    answer = seeded.request("PATCH", "/api/appointments/0d5a1c00-0000-4000-8000-000000000003", {
        "Content-Type": "application/json", "Authorization": f"Bearer {token}"}, b'{"action":"confirm"}')
    problem(answer, "slot_conflict")
    eventually(seeded.all_answer)

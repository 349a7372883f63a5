"""The tables of an existing platform: a dump with rows, and what the migrations make of it."""

import pathlib
import re
import subprocess

import pytest

from bench import SQL, Bench, Database
from stack import CHECKOUT

DUMP = pathlib.Path(__file__).with_name("platform-dump.sql")
APPOINTMENT = "5b0cf0a4-0d7e-4d8c-9a7e-000000000001"
TABLES = ("appointments", "availability", "clients", "notifications", "professionals")
ADDED = {"appointments": {"version", "updated_at"}, "notifications": {"appointment_id"}}


def paste(database, text):
    """Runs the files in the mariadb client."""
    subprocess.run(["mariadb", "--no-defaults", "--default-character-set=utf8mb4", f"--socket={database.db_socket}",
                    f"--user={database.db_user}", database.db_name], input=text.encode(), check=True)


def schema(database):
    """SHOW CREATE TABLE of every table, without AUTO_INCREMENT counters."""
    names = [row["name"] for row in database.sql(
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = %s ORDER BY 1",
        database.db_name)]
    return {name: re.sub(r" AUTO_INCREMENT=\d+", "", database.one(f"SHOW CREATE TABLE {name}")["Create Table"])
            for name in names}


class Adopted(Bench):
    """A responder on a database restored from a dump; `before` holds its rows."""

    def migrate(self, *words, **options):
        paste(self, DUMP.read_text(encoding="utf-8"))
        self.before = {table: self.sql(f"SELECT * FROM {table} ORDER BY id") for table in TABLES}
        return super().migrate(*words, **options)


@pytest.fixture
def adopted(odys):
    made = Adopted(odys)
    try:
        yield made
    finally:
        made.close()


def test_rows_stay_as_they_were_and_only_the_added_columns_come(adopted):
    for table, rows in adopted.before.items():
        found = adopted.sql(f"SELECT * FROM {table} ORDER BY id")
        added = ADDED.get(table, set())
        assert [{name: value for name, value in row.items() if name not in added} for row in found] == rows
        assert set(found[0]) - set(rows[0]) == added
    assert {row["version"] for row in adopted.sql("SELECT version FROM appointments")} == {1}


@pytest.fixture
def empty(odys):
    made = Database(odys)
    try:
        yield made
    finally:
        made.drop()


def test_a_second_run_changes_nothing(adopted):
    before = schema(adopted)
    done = Bench.migrate(adopted)
    assert "applied" not in done.stdout and schema(adopted) == before


def test_files_pasted_into_a_client_make_the_same_schema(adopted, empty):
    paste(empty, DUMP.read_text(encoding="utf-8"))
    for _ in range(2):
        for path in sorted(SQL.glob("*.sql")):
            paste(empty, path.read_text(encoding="utf-8"))
    assert len(schema(empty)) > 10 and schema(empty) == schema(adopted)


def test_ids_that_are_texts_are_named_and_nothing_is_changed(adopted, empty):
    """docs/DEPLOY.md has the statements that turn them into UUIDs."""
    paste(empty, DUMP.read_text(encoding="utf-8").replace(" uuid ", " char(36) "))
    before = schema(empty)
    refused = empty.migrate(check=False)
    assert refused.returncode == 1 and schema(empty) == before
    for column in ("appointments.id", "appointments.client_id", "clients.professional_id", "notifications.id"):
        assert column in refused.stderr
    document = (CHECKOUT / "docs" / "DEPLOY.md").read_text(encoding="utf-8")
    found = re.search(r"^    ALTER TABLE appointments DROP FOREIGN KEY .*\n(?:    .*\n)+", document, re.M)
    assert found
    paste(empty, found[0])
    empty.migrate()
    for table, rows in adopted.before.items():
        if table != "availability":
            names = ", ".join(f"`{name}`" for name in rows[0])
            found = empty.sql(f"SELECT {names} FROM {table} ORDER BY id")
            assert [{**row, "recurring_schedule_id": None} for row in found] == [
                {**row, "recurring_schedule_id": None} for row in rows]


def test_other_collations_make_no_difference(adopted, empty):
    """As on hosts set up before MariaDB had the collation that the platform names."""
    text = DUMP.read_text(encoding="utf-8").replace("utf8mb4_nopad_bin", "utf8mb4_general_ci")
    text = text.replace("utf8mb4_unicode_ci", "utf8mb4_general_ci")
    paste(empty, text.replace("ROW_FORMAT=DYNAMIC", "ROW_FORMAT=COMPACT"))
    empty.migrate()
    for table, rows in adopted.before.items():
        names = ", ".join(f"`{name}`" for name in rows[0])
        assert empty.sql(f"SELECT {names} FROM {table} ORDER BY id") == rows


def test_an_old_appointment_can_be_acted_on_and_read(adopted):
    adopted.start(ODYS_DELIVERY="off")
    head = {"Authorization": f"Bearer {adopted.token('dump-professional')}", "Content-Type": "application/json"}
    path = f"/api/appointments/{APPOINTMENT}"
    answer = adopted.request("PATCH", path, head, b'{"action": "confirm"}')
    assert answer.status == 200 and answer.json()["appointment"]["version"] == 2
    assert adopted.one("SELECT notes FROM appointments WHERE id = %s", APPOINTMENT)["notes"] == "traz exames 🩺"
    old = adopted.request("GET", path.replace("0001", "0002") + "/history", head)
    assert old.status == 200 and old.json() == {"events": [], "messages": []}
    assert "confirm by the professional" in adopted.ctl("timeline", APPOINTMENT).stdout

"""The tables of a platform that was there before: a dump with its rows, and what the migrations make of it."""

import pathlib
import subprocess

import pytest

from bench import Bench

DUMP = pathlib.Path(__file__).with_name("platform-dump.sql")
APPOINTMENT = "5b0cf0a4-0d7e-4d8c-9a7e-000000000001"
TABLES = ("appointments", "availability", "clients", "notifications", "professionals")
ADDED = {"appointments": {"version", "updated_at"}, "notifications": {"appointment_id"}}


class Adopted(Bench):
    """A responder on a database that came as a dump; `before` has its rows as they were."""

    def migrate(self, *words, **options):
        with open(DUMP, "rb") as dump:
            subprocess.run(["mariadb", f"--socket={self.db_socket}", f"--user={self.db_user}", self.db_name], stdin=dump,
                           check=True)
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


def test_a_second_run_changes_nothing(adopted):
    def schema():
        return [adopted.one(f"SHOW CREATE TABLE {table}")["Create Table"] for table in (*TABLES, "outbox")]

    before = schema()
    done = Bench.migrate(adopted)
    assert "applied" not in done.stdout and schema() == before


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

"""A MariaDB that answers and does not do it: requests get 503, and readiness, doctor and the log name the cause.

The server is one of their own, with a binary log: its settings are changed, and it is restarted."""

import json
import pathlib
import tempfile

import pytest

import odys
from conftest import bench_on
from refusing import problem
from scrape import ready
from stacklib import database
from stacklib.processes import stop
from test_watching import VISIBLE, lines
from waiting import eventually


class Server(odys.Odys):
    """A MariaDB that writes a binary log."""

    def __init__(self, directory):
        super().__init__()
        self.directory = directory
        self.db_socket = str(directory / "db.sock")
        (directory / "tmp").mkdir()
        self.log_file = str(directory / "mariadb.log")
        database.install(directory / "data", directory / "tmp", self.log_file)
        self.argv = [*database.server_argv(directory / "data", self.db_socket, directory / "tmp", 100),
                     f"--log-bin={directory}/data/binlog", "--sync-binlog=1"]
        self.begin()

    def begin(self):
        self.process = database.start_server(self.argv, self.db_socket, self.log_file)

    def end(self):
        stop("mariadbd", self.process, database.STOP_SECONDS)


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory(prefix="odys-conditions-", dir="/tmp") as name:
        made = Server(pathlib.Path(name))
        try:
            yield made
        finally:
            made.end()


@pytest.fixture
def own(server):
    with bench_on(server) as made:
        yield made


def cut(bench):
    """Ends the connections of the responder, so that it opens others."""
    for row in bench.sql("SELECT id FROM information_schema.processlist WHERE user = %s", bench.user):
        try:
            bench.sql(f"KILL {row['id']}")
        except Exception as error:  # pylint: disable=broad-except
            assert "1094" in str(error), error


def doctor(bench):
    done = bench.ctl("doctor", "--json", "--socket-dir", bench.dir, check=False)
    bad = [each for each in json.loads(done.stdout) if each["state"] != "good"]
    return " ".join(f"{each['check']}: {each['cause']} {each['remedy']}" for each in bad
                    if each["check"] in ("database", "writes", "schema", "grants"))


USER = "'{user}'@'localhost'"
CONDITIONS = {
    "a binary log of statements": ("SET GLOBAL binlog_format = STATEMENT", "SET GLOBAL binlog_format = MIXED",
                                   "binlog_format = MIXED or ROW"),
    "no prepared statement left": ("SET GLOBAL max_prepared_stmt_count = 0",
                                   "SET GLOBAL max_prepared_stmt_count = 16382", "raise max_prepared_stmt_count"),
    "a locked account": (f"ALTER USER {USER} ACCOUNT LOCK", f"ALTER USER {USER} ACCOUNT UNLOCK", "ACCOUNT UNLOCK"),
    "an account of unix_socket": (f"ALTER USER {USER} IDENTIFIED VIA unix_socket",
                                  f"ALTER USER {USER} IDENTIFIED BY '{{password}}'", "IDENTIFIED BY the password"),
    "an expired password": (f"ALTER USER {USER} PASSWORD EXPIRE",
                            f"ALTER USER {USER} IDENTIFIED BY '{{password}}' PASSWORD EXPIRE NEVER", "has expired"),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_what_the_server_refuses_is_503_and_named_everywhere(own, name):
    begin, end, words = (text.format(user=own.user, password=own.user_password) for text in CONDITIONS[name])
    own.start(ODYS_DELIVERY="off")
    booking = own.booking()
    assert ready(own)[0] == 200
    own.sql(begin)
    try:
        cut(own)
        answer = own.patch(booking, booking.professional, "confirm")
        problem(answer, "unavailable")
        assert int(answer.header("Retry-After")) > 0
        eventually(lambda: words in json.dumps(ready(own)[1]), VISIBLE)
        assert ready(own)[0] == 503
        assert words in doctor(own)
        assert any(words in json.dumps(line) for line in lines(own.log())), own.log()
        assert "report" not in own.log()
    finally:
        own.sql(end)
    eventually(lambda: own.patch(booking, booking.professional, "confirm").status == 200, 10)
    eventually(lambda: ready(own)[0] == 200, 10)


def test_readiness_does_not_stumble_over_a_restart_of_the_server(server, own):
    own.start(ODYS_DELIVERY="off")
    booking = own.booking()
    assert ready(own)[0] == 200 and own.patch(booking, booking.professional, "confirm").status == 200
    server.end()
    server.begin()
    seen = []

    def has_looked():
        """A look is kept for a second; the next one opens the first connection to the new server."""
        seen.append(ready(own)[0])
        return own.sql("SELECT id FROM information_schema.processlist WHERE user = %s", own.user)

    eventually(has_looked, 10)
    assert {*seen, ready(own)[0]} == {200}
    assert own.patch(booking, booking.professional, "cancel").status == 200


def test_a_start_names_what_deviates_and_serves(own):
    own.sql("ALTER TABLE clients MODIFY phone VARCHAR(64) NULL")
    own.sql("ALTER TABLE notifications ADD COLUMN urgency INT NOT NULL")
    own.start(ODYS_DELIVERY="off")
    errors = [line for line in lines(own.log()) if "a table deviates" in line["msg"]]
    assert {line["error"].split()[0] for line in errors} == {"clients.phone", "notifications.urgency"}
    assert all("ALTER TABLE" in line["msg"] for line in errors)
    found = doctor(own)
    assert "schema: clients.phone may be NULL" in found and "grants" not in found
    done = own.migrate("status", check=False)
    assert done.returncode == 1 and "notifications.urgency takes no NULL and has no default" in done.stdout
    booking = own.booking()
    answer = own.patch(booking, booking.professional, "confirm")
    problem(answer, "unavailable")
    assert any("has no default" in json.dumps(line) for line in lines(own.log()))
    own.sql("ALTER TABLE notifications ALTER COLUMN urgency SET DEFAULT 0")
    assert own.patch(booking, booking.professional, "confirm").status == 200


def test_the_applications_account_needs_no_other_columns(own):
    """Delivery, timeline and tools for assistants too: a column that is read without a grant fails them."""
    own.start(ODYS_DELIVERY="off")
    booking = own.booking()
    assert own.patch(booking, booking.professional, "confirm").status == 200
    for words in (("timeline", booking.id), ("messages", "--to", booking.id), ("outbox", "list"), ("cleanup",)):
        own.ctl(*words)

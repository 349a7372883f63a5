"""The application's user of a stack has the grants that `odysctl migrate grants` prints, and no others."""

import pathlib
import re
import shlex

import pymysql
import pytest

import stack

LINE = re.compile(r"GRANT (.+) ON `(.+)`\.`(.+)` TO [`'](.+)[`']@[`'](.+)[`'];?$")
# Denied: 1044 for a schema, 1045 at login, 1142 for a table, 1143 for a column, 1227 for a server privilege, 1370 for a
# routine.
DENIED = {1044, 1045, 1142, 1143, 1227, 1370}


def rights(line):
    """(table, {(privilege, column)}) of a GRANT statement."""
    found = LINE.match(line)
    assert found, line
    privileges: set = set()
    for name, columns in re.findall(r"([A-Z]+)(?: \(([^)]*)\))?", found[1]):
        privileges |= {(name, column.strip(" `")) for column in columns.split(",")} if columns else {(name, "")}
    return found[3], privileges


def settings(odys):
    """The settings that the stack wrote for a shell."""
    lines = pathlib.Path(odys.description["env_file"]).read_text(encoding="utf-8").splitlines()
    return dict(shlex.split(line)[1].split("=", 1) for line in lines)


@pytest.fixture
def application(quiet):
    """A connection of the application's user."""
    own = settings(quiet)
    connection = pymysql.connect(unix_socket=quiet.db_socket, user=own["ODYS_DB_USER"],
                                 password=own["ODYS_DB_PASSWORD"],
                                 database=quiet.db_name, autocommit=True, local_infile=True)
    with connection:
        yield connection


def test_the_server_has_the_grants_that_are_printed_and_no_others(quiet):
    own = settings(quiet)
    printed = stack.run(stack.BINARIES / "odysctl", "migrate", "grants", **own).stdout.splitlines()
    shown = [next(iter(row.values())) for row in
             quiet.sql(f"SHOW GRANTS FOR '{own['ODYS_DB_USER']}'@'localhost'")]
    usage = [line for line in shown if line.startswith("GRANT USAGE ON *.*")]
    tables = [line for line in shown if not line.startswith("GRANT USAGE ON *.*")]
    assert len(usage) == 1 and "GRANT OPTION" not in "".join(shown)
    assert sorted(map(rights, tables)) == sorted(map(rights, printed))
    assert all(line.endswith(";") for line in printed) and len(printed) == 11
    read = ("id", "professional_id", "client_id", "starts_at", "ends_at", "status", "payment_status", "version",
            "created_at", "updated_at")
    assert rights(next(line for line in printed if "`appointments`" in line)) == ("appointments", {
        *(("SELECT", column) for column in read), ("UPDATE", "status"), ("UPDATE", "payment_status"),
        ("UPDATE", "version"), ("UPDATE", "updated_at")})


def test_user_and_host_can_be_named(quiet):
    words = stack.run(stack.BINARIES / "odysctl", "migrate", "grants", "--user", "o'dys", "--host", "10.0.0.%",
                      **{**settings(quiet), "ODYS_DB_NAME": "pro`d"}).stdout
    assert words.splitlines()[0] == "GRANT SELECT ON `pro``d`.`schema_migrations` TO 'o''dys'@'10.0.0.%';"


@pytest.mark.parametrize("statement", [
    "CREATE TABLE t (a INT)", "DROP TABLE outbox", "ALTER TABLE outbox ADD COLUMN a INT", "TRUNCATE outbox",
    "CREATE INDEX i ON outbox (state)", "CREATE VIEW v AS SELECT 1", "CREATE TEMPORARY TABLE t (a INT)",
    "CREATE PROCEDURE p() SELECT 1", "CREATE TRIGGER t BEFORE INSERT ON outbox FOR EACH ROW SET @a = 1",
    "CREATE DATABASE d", "CREATE USER u", "GRANT SELECT ON outbox TO root@localhost",
    "DELETE FROM appointments", "DELETE FROM appointment_events", "DELETE FROM notifications", "DELETE FROM clients",
    "DELETE FROM professionals", "DELETE FROM schema_migrations", "DELETE FROM operator_actions",
    "INSERT INTO appointments (professional_id, client_id, starts_at, ends_at) VALUES (UUID(), UUID(), '2030-01-01', "
    "'2030-01-02')", "INSERT INTO schema_migrations (version, name) VALUES (99, 'x')",
    "UPDATE appointments SET notes = 'x'", "UPDATE appointments SET client_id = UUID()",
    "UPDATE appointment_events SET reason = 'x'", "UPDATE clients SET phone = 'x'",
    "UPDATE professionals SET pix_key = 'x'", "UPDATE notifications SET title = 'x'",
    "UPDATE outbox SET template = 'x'",
    "UPDATE operator_actions SET operator = 'x'", "SELECT * FROM notifications",
    "SELECT * FROM appointments", "SELECT notes FROM appointments", "SELECT stripe_payment_intent_id FROM appointments",
    "SELECT pix_key FROM professionals", "SELECT stripe_customer_id FROM professionals",
    "SELECT stripe_subscription_id FROM professionals", "SELECT avatar_url FROM clients",
    "SELECT id FROM appointments WHERE notes LIKE 'x%'",
    "SELECT * FROM mysql.global_priv", "SELECT * FROM mysql.user", "SELECT * FROM sys.version", "USE mysql",
    "SELECT 'x' INTO OUTFILE '/tmp/odys-outfile'", "LOAD DATA INFILE '/etc/hostname' INTO TABLE outbox (template)",
    "SET GLOBAL innodb_flush_log_at_trx_commit = 0", "SET GLOBAL general_log = 1", "SHUTDOWN", "FLUSH TABLES",
], ids=lambda text: text[:40])
def test_what_was_not_granted_is_refused(application, statement):
    with application.cursor() as cursor, pytest.raises(pymysql.MySQLError) as refusal:
        cursor.execute(statement)
    assert refusal.value.args[0] in DENIED, refusal.value


def test_no_file_of_the_servers_is_read(application):
    with application.cursor() as cursor:
        cursor.execute("SELECT LOAD_FILE('/etc/hostname')")
        assert cursor.fetchone() == (None,)


def test_other_peoples_sessions_are_not_seen(application):
    with application.cursor() as cursor:
        cursor.execute("SELECT DISTINCT user FROM information_schema.processlist")
        assert {row[0] for row in cursor.fetchall()} == {"odys"}


@pytest.mark.parametrize("words", [("outbox", "list"), ("outbox", "list", "--reveal"), ("outbox", "stats"),
                                   ("outbox", "retry", "--apply", "--state", "dead"),
                                   ("outbox", "discard", "--apply", "--reason", "x", "--template", "none"),
                                   ("cleanup",)], ids=" ".join)
def test_operators_need_no_other_user(quiet, words):
    own = {name: value for name, value in settings(quiet).items() if "MIGRATE" not in name}
    stack.run(stack.BINARIES / "odysctl", *words, **own)


def test_the_schema_is_not_the_applications_to_change(quiet):
    own = {name: value for name, value in settings(quiet).items() if "MIGRATE" not in name}
    quiet.sql("UPDATE schema_migrations SET checksum = NULL WHERE version = 4")
    done = stack.run(stack.BINARIES / "odysctl", "migrate", "up", "--sql", stack.CHECKOUT / "sql", check=False, **own)
    assert done.returncode in (1, 3) and "ODYS_DB_MIGRATE_USER" in done.stderr, done.stderr
    stack.run(stack.BINARIES / "odysctl", "migrate", "up", "--sql", stack.CHECKOUT / "sql", **settings(quiet))

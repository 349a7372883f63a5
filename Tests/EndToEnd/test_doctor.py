"""odysctl doctor on a healthy stack, and with one fault at a time."""

import contextlib
import json
import os
import pathlib
import signal
import tempfile

import pytest

import bench
import jwks
import stack
from conftest import ORIGIN
from refusing import nothing_written
from test_commands import settings_of


@pytest.fixture(scope="module")
def patient(make_stack):
    """A stack of its own: the settings of its server are changed."""
    return make_stack("--rate-limit", "off", "--no-seed", "--responders", "1", ODYS_ALLOWED_ORIGINS=ORIGIN)


def sockets(patient):
    return pathlib.Path(patient.description["responders"][0]["socket"]).parent


def doctor(patient, *words, **settings):
    """The findings other than ok, and the exit code."""
    done = stack.run(bench.CTL, "doctor", "--json", "--socket-dir", sockets(patient), "--nginx-dir",
                     patient.dir / "nginx", "--free-mib", "1", *words, check=False,
                     **{**settings_of(patient), "ODYS_BIN_DIR": None, **settings})
    findings = json.loads(done.stdout)
    for secret in (patient.secret, settings_of(patient)["ODYS_DB_PASSWORD"]):
        assert secret not in done.stdout + done.stderr
    for finding in findings:
        assert (finding["remedy"] is None) == (finding["state"] == "good"), finding
    return findings, [each for each in findings if each["state"] != "good"], done.returncode


def test_a_stack_that_is_well(patient):
    requests = len(patient.whatsapp.ledger()), len(patient.mail.ledger())
    with nothing_written(patient):
        findings, bad, code = doctor(patient)
    assert bad == [] and code == 0
    assert {each["check"] for each in findings} == {
        "settings", "timezone", "database", "server", "schema", "grants", "clock", "durability", "disk", "evolution",
        "smtp", "sockets", "instances", "nginx"}
    assert (len(patient.whatsapp.ledger()), len(patient.mail.ledger())) == requests
    text = stack.run(bench.CTL, "doctor", "--socket-dir", sockets(patient), "--nginx-dir", patient.dir / "nginx",
                     "--free-mib", "1", **settings_of(patient), ODYS_BIN_DIR=None).stdout
    assert "root:root with mode" in text or os.geteuid() != 0


# --- Faults in the settings, or in what they point to -------------------------------------------------

@pytest.mark.parametrize("settings, check, code, cause, remedy", [
    ({"ODYS_DB_SOCKET": "/nowhere/db.sock"}, "database", 3, "connect", "start MariaDB"),
    ({"ODYS_DB_PASSWORD": "wrong"}, "database", 2, "login is refused", "ODYS_DB_PASSWORD"),
    ({"ODYS_TIME_ZONE": "Mars/Olympus"}, "settings", 2, "ODYS_TIME_ZONE", "correct it"),
    ({"ODYS_DELIVRY": "off"}, "settings", 1, "ODYS_DELIVRY", "correct its name"),
    ({"ODYS_ALLOWED_ORIGINS": "https://other.example"}, "nginx", 1, "origins.conf", "odysctl config nginx"),
    ({"EVOLUTION_API_URL": "http://127.0.0.1:1"}, "evolution", 3, "connect", "start the Evolution API"),
    ({"EVOLUTION_API_KEY": "wrong"}, "evolution", 2, "401", "EVOLUTION_API_KEY"),
    ({"EVOLUTION_INSTANCE": "other"}, "evolution", 2, "no such instance", "EVOLUTION_INSTANCE"),
    ({"ODYS_SMTP_URL": "smtp://127.0.0.1:1"}, "smtp", 3, "connect", "start the mail server"),
    ({"ODYS_LISTEN": "unix:/nowhere/fcgi-1.sock"}, "sockets", 1, "No such file", "ODYS_LISTEN"),
], ids=lambda value: next(iter(value)) if isinstance(value, dict) else str(value)[:20])
def test_a_wrong_setting_is_named(patient, settings, check, code, cause, remedy):
    one(doctor(patient, **settings), check, code, cause, remedy)


def one(result, check, code, cause, remedy):
    """Exactly this finding, and no other."""
    _, bad, exit_code = result
    assert [each["check"] for each in bad] == [check], bad
    assert exit_code == code and cause in bad[0]["cause"] and remedy in bad[0]["remedy"], bad


def test_words_of_the_command_line_are_heeded(patient, tmp_path):
    one(doctor(patient, "--free-mib", str(1 << 40)), "disk", 1, "MiB are free", "make room")
    one(doctor(patient, "--socket-dir", tmp_path), "sockets", 1, "no fcgi-N.sock", "odys-fcgi@N.socket")
    one(doctor(patient, "--nginx-dir", tmp_path), "nginx", 1, "nginx.conf cannot be read", "--nginx-dir")
    (tmp_path / "nginx.conf").write_text("http {}\n# include odys-api.conf;\n", encoding="utf-8")
    _, bad, code = doctor(patient, "--nginx-dir", tmp_path)
    assert code == 1 and [each["check"] for each in bad] == ["nginx"] * 3
    assert "odys-http.conf" in bad[0]["cause"] and "odys-api.conf" in bad[1]["cause"]


def test_the_gravest_gives_the_exit_code(patient):
    _, bad, code = doctor(patient, ODYS_SMTP_URL="smtp://127.0.0.1:1", ODYS_DELIVRY="off")
    assert {each["state"] for each in bad} == {"unreachable", "problem"} and code == 3
    _, bad, code = doctor(patient, ODYS_SMTP_URL="smtp://127.0.0.1:1", ODYS_THREADS="x")
    assert {each["state"] for each in bad} == {"unreachable", "configuration"} and code == 2


# --- Faults of the stack ------------------------------------------------------------------------------

@contextlib.contextmanager
def server(patient, name, value):
    """Sets a global variable of the server inside the block."""
    before = patient.one(f"SELECT @@GLOBAL.{name} AS value")["value"]
    patient.sql(f"SET GLOBAL {name} = %s", value)
    try:
        yield
    finally:
        patient.sql(f"SET GLOBAL {name} = %s", before)


@pytest.mark.parametrize("seconds, told", [(-3600, 3600), (90, 90)])
def test_a_clock_that_differs(patient, seconds, told):
    with server(patient, "init_connect", f"SET timestamp = UNIX_TIMESTAMP() + {seconds}"):
        result = doctor(patient)
    one(result, "clock", 1, "differ by", "NTP")
    assert abs(int(result[1][0]["cause"].split()[-2]) - told) <= 2


def test_a_server_that_may_lose_changes(patient):
    with server(patient, "innodb_flush_log_at_trx_commit", 2):
        one(doctor(patient), "durability", 1, "may lose", "innodb_flush_log_at_trx_commit = 1")


def doctor_without(patient, *rights):
    """What doctor finds while the service's account lacks rights, each with its table."""
    user = f"'{settings_of(patient)['ODYS_DB_USER']}'@'localhost'"
    for right, table in rights:
        patient.sql(f"REVOKE {right} ON {patient.db_name}.{table} FROM {user}")
    try:
        return doctor(patient)
    finally:
        for right, table in rights:
            patient.sql(f"GRANT {right} ON {patient.db_name}.{table} TO {user}")


def test_a_missing_grant(patient):
    result = doctor_without(patient, ("INSERT", "appointment_events"), ("DELETE", "outbox"))
    one(result, "grants", 1, "INSERT on appointment_events", "odysctl migrate grants")
    cause = result[1][0]["cause"]
    assert "DELETE on outbox" in cause and "SELECT" not in cause and "UPDATE" not in cause


def test_a_column_that_a_new_version_needs(patient):
    """As after a migration without its grants: emptying messages, and the timeline, would be refused."""
    result = doctor_without(patient, ("UPDATE (emptied_at)", "outbox"), ("SELECT", "operator_actions"))
    one(result, "grants", 1, "lacks UPDATE (emptied_at) on outbox, SELECT on operator_actions",
        "odysctl migrate grants")


def test_a_schema_that_is_too_old(patient):
    database = bench.Database(patient)
    try:
        one(doctor(patient, **database.settings()), "schema", 1, "version 0", "odysctl migrate up")
        database.drop()
        one(doctor(patient, **database.settings()), "database", 2, "no such database", "ODYS_DB_NAME")
    finally:
        database.drop()


def test_a_socket_that_anybody_may_write_to(patient):
    path = pathlib.Path(patient.description["responders"][0]["socket"])
    before = path.stat().st_mode
    path.chmod(0o666)
    try:
        one(doctor(patient), "sockets", 1, "mode 666", "0660")
    finally:
        path.chmod(before)


@pytest.fixture
def files():
    """A settings file, a secret and a key set with the modes that they should have, reachable for everybody."""
    with tempfile.TemporaryDirectory(prefix="odys-e2e-", dir="/tmp") as made:
        directory = pathlib.Path(made)
        directory.chmod(0o755)
        for name, mode in (("odys.env", 0o640), ("secret", 0o600), ("jwks.json", 0o644)):
            content = jwks.key_set(jwks.Key.es256("one")) if name == "jwks.json" else "s" * 40
            (directory / name).write_text(content, encoding="ascii")
            (directory / name).chmod(mode)
        yield directory


@pytest.mark.parametrize("name, mode, cause, remedy", [
    ("odys.env", 0o644, "odys.env holds secrets, and every user", "chmod 0640"),
    ("secret", 0o604, "secret holds", "chmod 0640"),
    ("jwks.json", 0o646, "jwks.json can be written by every user", "chmod o-w"),
    ("odys.env", 0o642, "odys.env can be written", "chmod o-w")])
def test_a_file_that_others_may_read_or_write(patient, files, name, mode, cause, remedy):
    """As `odysctl config example > odys.env` makes it with the usual umask."""
    def look():
        return doctor(patient, "--settings-file", files / "odys.env", ODYS_SMTP_PASSWORD_FILE=str(files / "secret"),
                      ODYS_SMTP_USERNAME="odys", ODYS_SMTP_URL=None, ODYS_JWKS_FILE=str(files / "jwks.json"))

    findings, bad, code = look()
    assert (bad, code) == ([], 0) and "those of secrets are closed" in str(findings)
    (files / name).chmod(mode)
    one(look(), "files", 1, cause, remedy)
    # A closed directory above is as good.
    files.chmod(0o700)
    assert look()[1:] == ([], 0)


def test_an_instance_that_is_frozen(patient):
    pid = patient.responder_pids()[0]
    os.kill(pid, signal.SIGSTOP)
    try:
        one(doctor(patient), "instances", 3, "does not answer", "systemctl restart odys-fcgi@1")
    finally:
        os.kill(pid, signal.SIGCONT)


def test_the_keys_of_an_issuer(patient):
    with jwks.serving(jwks.Key.es256("one")) as issuer:
        findings, bad, code = doctor(patient, ODYS_JWKS_URL=issuer.url)
        assert (bad, code) == ([], 0) and "1 at ODYS_JWKS_URL" in str(findings)
        issuer.publish()
        one(doctor(patient, ODYS_JWKS_URL=issuer.url), "keys", 1, "no key", "publish")
    one(doctor(patient, ODYS_JWKS_URL=issuer.url), "keys", 3, "ODYS_JWKS_URL", "correct the address")


def test_a_phone_that_is_not_linked(patient):
    patient.whatsapp.control(mode="connection_closed")
    try:
        one(doctor(patient), "evolution", 1, "'close'", "link the phone again")
    finally:
        patient.whatsapp.reset()


def test_a_mail_server_that_refuses_the_login(bench, patient):
    bench.peer("smtp", "--require-auth", "odys", "right")
    url = bench.own["ODYS_SMTP_URL"]
    login = {"ODYS_SMTP_URL": url, "ODYS_SMTP_USERNAME": "odys"}
    assert doctor(patient, **login, ODYS_SMTP_PASSWORD="right")[1:] == ([], 0)
    one(doctor(patient, **login, ODYS_SMTP_PASSWORD="wrong"), "smtp", 2, "535", "ODYS_SMTP_PASSWORD")
    bench.mail.control(mode="greeting_4xx")
    one(doctor(patient, **login, ODYS_SMTP_PASSWORD="right"), "smtp", 1, "421", "log")
    assert bench.mail.ledger() == []

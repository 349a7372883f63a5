"""Settings: problems are reported all at once and by name, and secrets are never shown."""

import json
import os
import secrets
import subprocess

import pytest

import fastcgi
from bench import free_port, responder_with
from waiting import eventually

SECRET = "s3cret-" + "x" * 40
GOOD = {"ODYS_DB_SOCKET": "/nonexistent/mariadb.sock", "ODYS_JWT_SECRET": SECRET, "ODYS_APP_URL": "https://odys.example",
        "ODYS_LISTEN": "unix:/nonexistent/odys.sock"}
# Bytes that are not UTF-8, as Python hands them on to a process: "é" in Latin-1.
LATIN_1 = "\udce9" * 40
WRONG = {
    "ODYS_LISTEN": "tcp:0.0.0.0:9", "ODYS_THREADS": "0", "ODYS_WHATSAPP_SENDERS": "many", "ODYS_EMAIL_SENDERS": "-1",
    "ODYS_DELIVERY": "maybe", "ODYS_JWT_SECRET": "short", "ODYS_ALLOWED_ORIGINS": "*", "EVOLUTION_API_URL": "ftp://x",
    "EVOLUTION_API_VERSION": "3", "ODYS_SMTP_URL": "http://x", "ODYS_APP_URL": "odys", "ODYS_LOG_LEVEL": "loud",
    "ODYS_ENFORCE_START_TIME": "yes", "ODYS_LOG_FORMAT": "xml", "ODYS_DB_PORT": "x"}


def named(done):
    """The variables that the responder reports."""
    return {line.removeprefix("odys-fcgi: ").partition(":")[0] for line in done.stderr.splitlines()
            if line.startswith("odys-fcgi: ")}


def test_every_problem_is_reported_at_once():
    done = responder_with(**WRONG, EVOLUTION_API_KEY="k")
    assert done.returncode == 2
    assert named(done) >= set(WRONG) | {"ODYS_DB_SOCKET", "EVOLUTION_INSTANCE", "ODYS_MAIL_FROM"}, done.stderr
    assert '"started"' not in done.stderr


def test_an_empty_environment_names_everything_that_is_required():
    done = responder_with()
    assert done.returncode == 2
    assert named(done) >= {"ODYS_DB_SOCKET", "ODYS_JWT_SECRET", "ODYS_APP_URL"}, done.stderr


@pytest.mark.parametrize("settings, name", [
    ({"ODYS_JWT_SECRET": ""}, "ODYS_JWT_SECRET"),
    ({"ODYS_JWT_SECRET": "x" * 31}, "ODYS_JWT_SECRET"),
    ({"ODYS_LISTEN": "tcp:*:{port}"}, "ODYS_LISTEN"), ({"ODYS_LISTEN": "tcp::{port}"}, "ODYS_LISTEN"),
    ({"ODYS_LISTEN": "tcp:[::]:{port}"}, "ODYS_LISTEN"), ({"ODYS_LISTEN": "tcp:0:{port}"}, "ODYS_LISTEN"),
    ({"ODYS_LISTEN": "tcp:[::ffff:0.0.0.0]:{port}"}, "ODYS_LISTEN"), ({"ODYS_LISTEN": "tcp:0.0:{port}"}, "ODYS_LISTEN"),
    ({"ODYS_LISTEN": "tcp:0x0:{port}"}, "ODYS_LISTEN"), ({"ODYS_LISTEN": "tcp:127.0.0.1"}, "ODYS_LISTEN"),
    ({"ODYS_LISTEN": "tcp:127.0.0.1:0"}, "ODYS_LISTEN"), ({"ODYS_LISTEN": "unix:" + "/x" * 60}, "ODYS_LISTEN"),
    ({"ODYS_LISTEN": "/run/odys.sock"}, "ODYS_LISTEN"),
    ({"EVOLUTION_API_URL": "https://e.example"}, "EVOLUTION_API_KEY"),
    ({"EVOLUTION_API_URL": "http://e.example", "EVOLUTION_API_KEY": "k", "EVOLUTION_INSTANCE": "i"},
     "EVOLUTION_API_URL"),
    ({"EVOLUTION_API_URL": "http://127.0.0.1.evil.example", "EVOLUTION_API_KEY": "k", "EVOLUTION_INSTANCE": "i"},
     "EVOLUTION_API_URL"),
    ({"EVOLUTION_API_URL": "http://localhost@evil.example", "EVOLUTION_API_KEY": "k", "EVOLUTION_INSTANCE": "i"},
     "EVOLUTION_API_URL"),
    ({"EVOLUTION_API_URL": "https://e.example", "EVOLUTION_API_KEY": "k\r\nX: y", "EVOLUTION_INSTANCE": "i"},
     "EVOLUTION_API_KEY"),
    ({"EVOLUTION_API_URL": "https://e.example", "EVOLUTION_API_KEY": "k", "EVOLUTION_INSTANCE": "i\r\nX: y"},
     "EVOLUTION_INSTANCE"),
    ({"EVOLUTION_API_URL": "https://e.example/\r\nX: y", "EVOLUTION_API_KEY": "k", "EVOLUTION_INSTANCE": "i"},
     "EVOLUTION_API_URL"),
    ({"ODYS_SMTP_URL": "smtp://127.0.0.1:25", "ODYS_MAIL_FROM": "a@b.example", "ODYS_SMTP_USERNAME": "u\r\nRSET",
      "ODYS_SMTP_PASSWORD": "p"}, "ODYS_SMTP_USERNAME"),
    ({"ODYS_SMTP_URL": "smtp://127.0.0.1:25/x\r\nRSET", "ODYS_MAIL_FROM": "a@b.example"}, "ODYS_SMTP_URL"),
    ({"ODYS_SMTP_URL": "smtp://127.0.0.1:25"}, "ODYS_MAIL_FROM"),
    ({"ODYS_SMTP_URL": "smtp://127.0.0.1:25", "ODYS_MAIL_FROM": "Odys"}, "ODYS_MAIL_FROM"),
    ({"ODYS_SMTP_URL": "smtp://127.0.0.1:25", "ODYS_MAIL_FROM": "a@b.example\r\nBcc: x@y.example"}, "ODYS_MAIL_FROM"),
    ({"ODYS_ALLOWED_ORIGINS": "https://a.example/"}, "ODYS_ALLOWED_ORIGINS"),
    ({"ODYS_ALLOWED_ORIGINS": 'https://a.example";evil'}, "ODYS_ALLOWED_ORIGINS"),
    ({"ODYS_DB_HOST": "127.0.0.1"}, "ODYS_DB_SOCKET"),
    ({"ODYS_JWT_SECRET": SECRET + "\r"}, "ODYS_JWT_SECRET"),
    ({"ODYS_DB_SOCKET": None, "ODYS_DB_HOST": "db.example.com:3307"}, "ODYS_DB_HOST"),
    ({"ODYS_DB_SOCKET": "localhost"}, "ODYS_DB_SOCKET"), ({"ODYS_DB_CA": "/nonexistent/ca.pem"}, "ODYS_DB_CA"),
    ({"ODYS_ALLOWED_ORIGINS": "https://a.example:443"}, "ODYS_ALLOWED_ORIGINS"),
    ({"ODYS_TIME_ZONE": "America/Sao_Paolo"}, "ODYS_TIME_ZONE"),
    ({"ODYS_TIME_ZONE": "../../etc/passwd"}, "ODYS_TIME_ZONE"),
    ({"ODYS_JWT_SECRET_FILE": "/nonexistent/secret", "ODYS_JWT_SECRET": None}, "ODYS_JWT_SECRET_FILE"),
    ({"ODYS_JWT_SECRET_FILE": "/etc/hostname"}, "ODYS_JWT_SECRET"),
    ({"ODYS_JWT_SECRET_FILE": "/etc", "ODYS_JWT_SECRET": None, "ODYS_JWKS_URL": "https://issuer.example/jwks.json"},
     "ODYS_JWT_SECRET_FILE"),
    ({"ODYS_DB_PASSWORD_FILE": "/proc/self/mem"}, "ODYS_DB_PASSWORD_FILE"),
    ({"ODYS_JWKS_FILE": "/etc"}, "ODYS_JWKS_FILE"),
    ({"ODYS_DB_PASSWORD": LATIN_1}, "ODYS_DB_PASSWORD"), ({"EVOLUTION_INSTANCE": LATIN_1}, "EVOLUTION_INSTANCE"),
    ({"ODYS_FOO": LATIN_1}, "ODYS_FOO"),
], ids=str)
def test_a_wrong_setting_is_named_and_nothing_starts(settings, name):
    environment = {key: value.replace("{port}", str(free_port())) for key, value in {**GOOD, **settings}.items()
                   if value is not None}
    done = responder_with(**environment)
    assert done.returncode == 2 and named(done) >= {name}, done.stderr
    assert SECRET not in done.stderr and '"started"' not in done.stderr


def test_secrets_are_never_printed():
    values = {name: f"canary-{secrets.token_hex(20)}" for name in (
        "ODYS_JWT_SECRET", "ODYS_DB_PASSWORD", "ODYS_SMTP_PASSWORD", "EVOLUTION_API_KEY", "ODYS_DB_MIGRATE_PASSWORD")}
    done = responder_with(**{**GOOD, **values, "ODYS_SMTP_URL": "smtp://127.0.0.1:9", "ODYS_THREADS": "none"})
    assert done.returncode == 2
    for value in values.values():
        assert value not in done.stderr + done.stdout


def test_logs_hold_no_person_and_no_secret(odys):
    """Over everything of this whole run."""
    booking = odys.booking()
    odys.act(booking, "reject", reason="Canário no motivo")
    odys.settled(booking)
    logs = "".join(odys.log(f"{name}.log") for name in ("responder-1", "responder-2", "nginx-access", "nginx-error",
                                                        "supervisor"))
    assert booking.id in logs  # these are the right logs
    for word in (booking.client.name, booking.client.number, booking.client.email, booking.client.phone,
                 booking.professional.name, booking.professional.number, "Canário", odys.secret, "Bearer ",
                 booking.client.user_id, booking.professional.user_id):
        assert word not in logs, word


def test_an_unknown_variable_is_reported_and_not_fatal(bench):
    bench.start(ODYS_DELIVRY="off", ODYS_FOO="canary-value")
    assert "ODYS_DELIVRY" in bench.log() and "ODYS_FOO" in bench.log()
    assert "canary-value" not in bench.log()
    bench.act(bench.booking(), "confirm")


def test_secrets_may_come_from_files(bench, tmp_path):
    (tmp_path / "jwt").write_text(bench.secret + "\n", encoding="utf-8")
    bench.start(ODYS_JWT_SECRET=None, ODYS_JWT_SECRET_FILE=str(tmp_path / "jwt"))
    bench.act(bench.booking(), "confirm")


def test_secrets_may_come_as_systemd_credentials(bench, tmp_path):
    (tmp_path / "odys-jwt-secret").write_text(bench.secret, encoding="utf-8")
    bench.start(ODYS_JWT_SECRET=None, CREDENTIALS_DIRECTORY=str(tmp_path))
    bench.act(bench.booking(), "confirm")


def test_an_empty_secret_does_not_hide_its_credential(bench, tmp_path):
    (tmp_path / "odys-jwt-secret").write_text(bench.secret, encoding="utf-8")
    bench.start(ODYS_JWT_SECRET="", CREDENTIALS_DIRECTORY=str(tmp_path))
    bench.act(bench.booking(), "confirm")


def test_a_credential_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "odys-jwt-secret").mkdir()
    done = responder_with(**{**GOOD, "ODYS_JWT_SECRET": "", "ODYS_JWKS_URL": "https://issuer.example/jwks.json",
                             "CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert done.returncode == 2 and named(done) == {"ODYS_JWT_SECRET"}, done.stderr


def test_a_password_of_the_database_may_come_from_a_file(bench, tmp_path):
    user = f"u{secrets.token_hex(6)}"
    bench.sql(f"CREATE USER {user}@localhost IDENTIFIED BY 'pass word'")
    try:
        bench.sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {bench.db_name}.* TO {user}@localhost")
        (tmp_path / "password").write_text("pass word\n", encoding="utf-8")
        bench.start(ODYS_DB_PASSWORD=None, ODYS_DB_USER=user, ODYS_DB_PASSWORD_FILE=str(tmp_path / "password"))
        bench.act(bench.booking(), "confirm")
    finally:
        bench.sql(f"DROP USER {user}@localhost")


def test_a_responder_listens_on_a_port_of_this_machine(bench):
    port = free_port()
    bench.address = ("127.0.0.1", port)
    bench.start(ODYS_LISTEN=f"tcp:127.0.0.1:{port}")
    bench.act(bench.booking(), "confirm")


def test_a_socket_file_is_for_its_owner_and_group_and_is_taken_over_from_a_dead_process(bench):
    bench.start()
    assert os.stat(bench.address).st_mode & 0o777 == 0o660
    bench.restart()
    bench.act(bench.booking(), "confirm")


def test_nobody_else_can_connect_to_the_socket(bench):
    """Whoever can write to it acts as the web server."""
    bench.start()
    if os.geteuid() != 0:
        # Another user needs root; the kernel goes by the mode.
        status = os.stat(bench.address)
        assert status.st_uid == os.geteuid() and status.st_mode & 0o007 == 0
        return
    bench.dir.chmod(0o755)  # the socket itself must refuse, not a directory above it
    script = ("import os, socket, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
              "os.stat(sys.argv[1])\n"
              "try: socket.socket(socket.AF_UNIX).connect(sys.argv[1])\n"
              "except PermissionError: sys.exit(13)")
    done = subprocess.run(["/usr/bin/python3", "-c", script, bench.address], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 13, done.stderr
    bench.act(bench.booking(), "confirm")


def test_a_socket_that_somebody_listens_on_is_not_taken_away(bench):
    bench.start()
    second = bench.launch()
    assert second.wait(20) == 2
    assert "ODYS_LISTEN" in bench.log()
    bench.act(bench.booking(), "confirm")


def test_without_an_address_the_listener_is_descriptor_0():
    settings = {name: value for name, value in GOOD.items() if name != "ODYS_LISTEN"}
    done = responder_with(**settings)
    assert done.returncode in (1, 2) and "ODYS_LISTEN" in done.stderr


def test_a_schema_that_is_too_old_is_refused(bench):
    bench.sql("DELETE FROM schema_migrations WHERE version > 1")
    process = bench.launch()
    assert process.wait(20) == 1
    assert "odysctl migrate" in bench.log() and '"started"' not in bench.log()


def test_an_empty_database_is_refused(bench):
    bench.sql("DROP TABLE schema_migrations")
    assert bench.launch().wait(20) == 1
    assert "odysctl migrate" in bench.log()


def test_a_database_that_is_away_does_not_stop_the_start(bench):
    bench.start(ODYS_DB_SOCKET="/nonexistent/mariadb.sock")
    booking = bench.booking()
    answer = bench.patch(booking, booking.professional, "confirm")
    assert answer.status == 503 and answer.header("Retry-After")
    status, _, body = fastcgi.request(bench.address, "GET", "/healthz/1", {})
    assert status == 200 and b"pass" in body


def test_another_time_zone_is_used(bench):
    bench.peer("whatsapp", "--api-key", "key", "--instance", "odys")
    bench.start(ODYS_TIME_ZONE="America/Manaus")
    booking = bench.booking()
    bench.act(booking, "paid")
    eventually(lambda: bench.whatsapp.to(booking.client.number))
    assert "13:30" in bench.whatsapp.to(booking.client.number)[0]["text"]


def test_the_hosts_own_time_zone_does_not_matter(bench):
    bench.peer("whatsapp", "--api-key", "key", "--instance", "odys")
    bench.start(TZ="Asia/Tokyo")
    booking = bench.booking()
    answer = bench.act(booking, "paid")
    assert answer.json()["appointment"]["startsAt"] == "2031-03-05T17:30:00Z"
    eventually(lambda: bench.whatsapp.to(booking.client.number))
    assert "14:30" in bench.whatsapp.to(booking.client.number)[0]["text"]


def test_proxies_of_the_environment_are_not_used(bench):
    bench.peer("whatsapp", "--api-key", "key", "--instance", "odys")
    bench.start(http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9", all_proxy="http://127.0.0.1:9",
                ALL_PROXY="http://127.0.0.1:9")
    booking = bench.booking()
    bench.act(booking, "paid")
    eventually(lambda: bench.whatsapp.to(booking.client.number))


def test_logs_are_lines_of_json_or_of_text(bench):
    bench.start(ODYS_LOG_LEVEL="debug")
    booking = bench.booking()
    bench.patch(booking, None, "confirm", X_Request_Id="log-1")
    bench.act(booking, "confirm")
    for line in bench.log().splitlines():
        facts = json.loads(line[line.index("{"):])
        assert {"ts", "level", "msg"} <= set(facts)
    assert bench.stop() == 0
    bench.log_file.unlink()
    bench.launch(ODYS_LOG_FORMAT="text")
    eventually(lambda: "started" in bench.log())
    assert "{" not in bench.log()

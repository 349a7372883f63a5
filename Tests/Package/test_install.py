"""The life of the package on a clean Debian 12 with its own systemd: `make test-deb`. The tests run in order."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading

import pytest

from conftest import CHECKOUT
from debian import Debian, eventually

INSTANCES = (1, 2, 3, 4)
CREDENTIAL = "LoadCredential=odys-jwt-secret:/etc/odys/credentials/odys-jwt-secret"
KEY = "0123456789abcdef0123456789abcdef"
PROFESSIONAL = "0d5a1c00-0000-4000-8000-0000000000a1"
APPOINTMENTS = [f"0d5a1c00-0000-4000-8000-0000000000{number:02d}" for number in range(11, 15)]


class Host(Debian):
    """A host, and the peers of its responders, in the same network namespace."""

    def __init__(self, directory):
        super().__init__(directory)
        self.peers = {}

    def peer(self, name, *options):
        port, ledger = self.dir / f"{name}.port", self.dir / f"{name}.jsonl"
        words = [*self.enter("net"), "/usr/bin/python3", CHECKOUT / "scripts" / "peers" / f"{name}.py",
                 "--port-file", port, "--ledger", ledger, *options]
        with open(self.log, "ab") as log:
            self.peers[name] = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log,
                                                stderr=log)
        eventually(port.exists)
        return port.read_text(encoding="ascii").strip(), ledger

    token = ""

    def curl(self, *words):
        """Status and body."""
        done = subprocess.run([*self.enter("net"), "curl", "--silent", "--show-error", "--max-time", "20",
                               "--write-out", "\n%{http_code}", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    def api(self, appointment, body=None):
        """GET, or PATCH with an action, as the professional."""
        words = ["--cacert", str(self.dir / "ca.pem"), "--resolve", "api.example.com:443:127.0.0.1",
                 "-H", f"Authorization: Bearer {self.token}"]
        if body:
            words += ["-X", "PATCH", "-H", "Content-Type: application/json", "-d", json.dumps(body)]
        status, text = self.curl(*words, f"https://api.example.com/api/appointments/{appointment}")
        return status, json.loads(text)

    def settings(self):
        """The file as systemd reads it."""
        lines = self.path("etc/odys/odys.env").read_text(encoding="utf-8").splitlines()
        pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
        return {name: value.strip('"') for name, value in pairs}

    def ctl(self, *words, **more):
        return self.run("odysctl", *words, **{
            **self.settings(), "ODYS_JWT_SECRET_FILE": "/etc/odys/credentials/odys-jwt-secret", **more})

    def sql(self, statement):
        return self.run("mariadb", "--batch", "--skip-column-names", stdin=statement)

    def responders(self):
        """The main pids, from systemd."""
        names = [f"odys-fcgi@{instance}.service" for instance in INSTANCES]
        return re.findall(r"MainPID=(\d+)", self.run("systemctl", "show", "--property=MainPID", *names))

    def close(self):
        for process in self.peers.values():
            process.kill()
            process.wait(10)
        super().close()


@pytest.fixture(scope="module")
def host(package):
    made = Host.__new__(Host)
    directory = tempfile.mkdtemp(prefix="odys-deb-", dir="/tmp")
    try:
        made.__init__(directory)  # type: ignore[misc]  # `finally` needs it where making it fails
        shutil.copy(package, made.path("root/odys.deb"))
        made.install("mariadb-server", "nginx", "systemd", "dbus", "openssl", "/root/odys.deb")
        made.boot()
        yield made
    finally:
        if hasattr(made, "init"):
            made.close()
        else:
            shutil.rmtree(directory)


def repacked(host, package, version, change):
    """The package as another version; `change` edits the unpacked files."""
    tree, made = host.dir / f"tree-{version}", host.path(f"root/odys_{version}.deb")
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"^Version: .*$", f"Version: {version}", control.read_text(encoding="utf-8"),
                              flags=re.M), encoding="utf-8")
    change(tree)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, made], check=True,
                   stdout=subprocess.DEVNULL)
    return f"/root/{made.name}"


def test_installed_nothing_runs_and_nothing_is_enabled(host):
    assert host.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "odys*").strip() == ""
    enabled = [path.name for path in host.path("etc/systemd/system").rglob("odys*")]
    assert enabled == [] and not list(host.path("etc/nginx").rglob("*odys*"))
    assert host.run("stat", "-c", "%a %U %G", "/etc/odys/odys.env", "/etc/odys/credentials", "/run/odys").split(
        "\n")[:3] == ["640 root odys", "700 root root", "755 root root"]
    assert host.run("getent", "passwd", "odys").strip().endswith(":/nonexistent:/usr/sbin/nologin")
    units = [f"/lib/systemd/system/{name}" for name in ("odys.target", "odys-fcgi@.service", "odys-fcgi@.socket",
                                                         "odys-maintenance.service", "odys-maintenance.timer")]
    host.run("systemd-analyze", "verify", "--man=no", *units)


def test_set_up_as_the_manual_says_it_serves_and_delivers(host):
    """README.Debian, step by step."""
    host.sql("CREATE DATABASE odys CHARACTER SET utf8mb4; CREATE USER odys@localhost IDENTIFIED VIA unix_socket;")

    whatsapp, host.ledger = host.peer("whatsapp", "--api-key", KEY, "--instance", "odys")
    host.whatsapp = f"http://127.0.0.1:{whatsapp}"
    smtp, host.mails = host.peer("smtp", "--control-port-file", host.dir / "smtp.control")
    settings = host.path("etc/odys/odys.env")
    text = settings.read_text(encoding="utf-8").replace("\nODYS_JWT_SECRET=\n", "\n")
    text += (f"EVOLUTION_API_URL={host.whatsapp}\nEVOLUTION_API_KEY={KEY}\nEVOLUTION_INSTANCE=odys\n"
             f"ODYS_SMTP_URL=smtp://127.0.0.1:{smtp}\nODYS_MAIL_FROM=\"Odys <agenda@odys.example>\"\n")
    settings.write_text(text, encoding="utf-8")
    secret = host.path("etc/odys/credentials/odys-jwt-secret")
    secret.write_text("s" * 40, encoding="ascii")
    secret.chmod(0o600)
    override = host.path("etc/systemd/system/odys-fcgi@.service.d/override.conf")
    override.parent.mkdir()
    override.write_text(f"[Service]\n{CREDENTIAL}\n", encoding="ascii")
    assert host.ctl("config", "check").strip() == "the settings are good"
    assert "applied 1 platform" in host.ctl("migrate", "up", ODYS_DB_MIGRATE_USER="root")
    host.sql(host.ctl("migrate", "grants"))
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "enable", "--now", "odys.target", "odys-maintenance.timer",
             *(f"odys-fcgi@{n}.{kind}" for n in INSTANCES for kind in ("socket", "service")))
    assert host.run("stat", "-c", "%a %U %G", "/run/odys/fcgi-4.sock").strip() == "660 root odys-web"
    nginx(host)

    seed(host)
    host.token = host.ctl("token", "mint", "--sub", "user-beatriz").strip()
    for instance in INSTANCES:
        status, body = host.curl(f"http://127.0.0.1:9464/readyz/{instance}")
        assert status == 200, body
    status, answer = host.api(APPOINTMENTS[0], {"action": "confirm"})
    assert status == 200 and answer["appointment"]["status"] == "confirmed", answer
    eventually(lambda: len(host.ledger.read_text(encoding="utf-8").splitlines()) == 2)
    eventually(lambda: "camila@example.com" in host.mails.read_text(encoding="utf-8"))
    # As the shipped settings say.
    status, answer = host.api(APPOINTMENTS[1], {"action": "complete"})
    assert (status, answer["code"]) == (400, "too_early")
    host.run("systemctl", "start", "odys-maintenance.service")


def nginx(host):
    """deploy/nginx/README.md: where each file belongs."""
    examples = host.path("usr/share/doc/odys/examples/nginx")
    table = re.findall(r"^\| `(odys-\S+\.conf)` \| `(/etc/nginx/\S+)` \|", (examples / "README.md").read_text(
        encoding="utf-8"), re.M)
    assert len(table) == len(list(examples.glob("*.conf")))
    for name, place in table:
        target = host.path(place) / name if place.endswith("/") else host.path(place)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(examples / name, target)
    host.path("etc/nginx/odys/origins.conf").write_text(host.ctl("config", "nginx"), encoding="utf-8")
    certificate = host.path("etc/letsencrypt/live/api.example.com")
    certificate.mkdir(parents=True)
    host.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=api.example.com", "-addext", "subjectAltName=DNS:api.example.com",
             "-keyout", "/etc/letsencrypt/live/api.example.com/privkey.pem",
             "-out", "/etc/letsencrypt/live/api.example.com/fullchain.pem")
    shutil.copy(certificate / "fullchain.pem", host.dir / "ca.pem")
    host.path("etc/nginx/sites-enabled/odys-site.conf").symlink_to("../sites-available/odys-site.conf")
    host.run("sed", "-i", "s/^user www-data;/user www-data odys-web;/", "/etc/nginx/nginx.conf")
    host.run("nginx", "-t")
    host.run("systemctl", "reload", "nginx")
    eventually(lambda: listening(host, 443))


def listening(host, port):
    lines = pathlib.Path(f"/proc/{host.init}/net/tcp").read_text(encoding="ascii")
    return f":{port:04X} 00000000:0000 0A" in lines


def seed(host):
    rows = ", ".join(
        f"('{appointment}', '{PROFESSIONAL}', '{PROFESSIONAL[:-2]}c1', UTC_TIMESTAMP() + INTERVAL {day} DAY,"
        f" UTC_TIMESTAMP() + INTERVAL {day} DAY + INTERVAL 50 MINUTE)"
        for day, appointment in enumerate(APPOINTMENTS, 1))
    host.sql("USE odys; INSERT INTO professionals (id, user_id, name, slug, phone, profession) VALUES"
             f" ('{PROFESSIONAL}', 'user-beatriz', 'Beatriz', 'beatriz', '(11) 90000-0101', 'x');"
             " INSERT INTO clients (id, user_id, professional_id, name, phone, email) VALUES"
             f" ('{PROFESSIONAL[:-2]}c1', 'user-camila', '{PROFESSIONAL}', 'Camila', '(11) 90000-0001',"
             " 'camila@example.com');"
             f" INSERT INTO appointments (id, professional_id, client_id, starts_at, ends_at) VALUES {rows};")


def test_doctor_finds_nothing_wrong(host):
    """As the responders' user, whom MariaDB knows by the socket, with the group that may query the responders."""
    said = host.run("systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--property=User=odys",
                    "--property=SupplementaryGroups=odys-web", "--property=EnvironmentFile=/etc/odys/odys.env",
                    f"--property={CREDENTIAL}", "odysctl", "doctor", "--json", check=False)
    bad = [each for each in json.loads(said) if each["state"] != "good"]
    assert not bad, bad


def test_an_upgrade_keeps_settings_and_messages_and_fails_no_request(host, package):
    """A message waits while its provider is down; the package brings other default settings."""
    control(host, {"mode": "unavailable"})
    status, _ = host.api(APPOINTMENTS[1], {"action": "paid"})
    assert status == 200
    waiting = host.sql("SELECT message_uid FROM odys.outbox WHERE state = 'pending' ORDER BY 1").split()
    assert len(waiting) == 2
    settings, before = host.path("etc/odys/odys.env").read_bytes(), host.responders()

    def other_settings(tree):
        with open(tree / "etc/odys/odys.env", "a", encoding="utf-8") as file:
            file.write("\n# New in this version.\nODYS_LOG_LEVEL=debug\n")

    newer = repacked(host, package, "0.9.0-1", other_settings)
    with requests(host) as answers:
        host.run("dpkg", "--force-confold", "-i", newer, DEBIAN_FRONTEND="noninteractive")
    assert len(answers) > 3 and set(answers) == {200}, answers
    assert not set(host.responders()) & set(before)
    assert host.path("etc/odys/odys.env").read_bytes() == settings
    assert host.run("stat", "-c", "%a %G", "/etc/odys/odys.env", "/etc/odys/odys.env.dpkg-dist").split("\n")[:2] == [
        "640 odys", "640 odys"]
    assert host.run("stat", "-c", "%a %U", "/etc/odys/credentials/odys-jwt-secret").strip() == "600 root"

    control(host, {"reset": True})
    eventually(lambda: host.sql("SELECT COUNT(*) FROM odys.outbox WHERE state = 'pending'").strip() == "0", 60)
    sent = host.sql("SELECT message_uid FROM odys.outbox WHERE state = 'sent' AND template LIKE 'payment%' ORDER BY 1")
    assert sent.split() == waiting
    assert len(host.ledger.read_text(encoding="utf-8").splitlines()) == 4


def test_an_upgrade_with_new_migrations_leaves_the_restart_to_the_administrator(host, package):
    before = host.responders()

    def another_migration(tree):
        (tree / "usr/share/odys/sql/0999_later.sql").write_text(
            "INSERT INTO schema_migrations (version, name) VALUES (999, 'later')"
            " ON DUPLICATE KEY UPDATE version = VALUES(version);\nCOMMIT;\n", encoding="utf-8")

    newer = repacked(host, package, "0.9.1-1", another_migration)
    said = host.run("dpkg", "--force-confold", "-i", newer, DEBIAN_FRONTEND="noninteractive")
    assert "odysctl migrate up && systemctl restart" in said
    assert host.responders() == before
    assert host.ctl("migrate", "up", ODYS_DB_MIGRATE_USER="root").strip() == "applied 999 later"
    with requests(host) as answers:
        host.run("systemctl", "restart", "odys-fcgi@*.service")
    assert set(answers) == {200}, answers
    status, _ = host.api(APPOINTMENTS[2], {"action": "confirm"})
    assert status == 200


def control(host, message):
    assert host.curl("-X", "POST", "-d", json.dumps(message), f"{host.whatsapp}/_control")[0] in (200, 204)


class requests:
    """Sends requests without a pause inside the block; the list has each answer's status."""

    def __init__(self, host):
        self.host, self.answers, self.end = host, [], threading.Event()
        self.thread = threading.Thread(target=self.ask)

    def ask(self):
        while not self.end.is_set():
            try:
                self.answers.append(self.host.api(APPOINTMENTS[3])[0])
            except (AssertionError, ValueError) as failure:
                self.answers.append(str(failure))

    def __enter__(self):
        self.thread.start()
        return self.answers

    def __exit__(self, *failure):
        self.end.set()
        self.thread.join(30)


def test_the_journal_has_nothing_but_lines_of_the_service(host):
    """No library complains of the unit's sandbox."""
    lines = host.journal("--output=cat", "_COMM=odys-fcgi").splitlines()
    assert len(lines) > 20
    assert [line for line in lines if not line.startswith("{")] == []


def test_removed_it_stops_and_purged_it_leaves_nothing_but_the_database(host):
    assert all((host.path("etc/systemd/system") / target / link).is_symlink() for target, link in (
        ("multi-user.target.wants", "odys.target"), ("odys.target.wants", "odys-fcgi@1.service"),
        ("sockets.target.wants", "odys-fcgi@4.socket"), ("timers.target.wants", "odys-maintenance.timer")))
    host.run("apt-get", "remove", "-y", "odys", DEBIAN_FRONTEND="noninteractive")
    active = host.run("systemctl", "list-units", "--state=active", "--plain", "--no-legend", "odys*")
    assert active.strip() == ""
    assert host.path("etc/odys/odys.env").exists()

    host.run("apt-get", "purge", "-y", "odys", DEBIAN_FRONTEND="noninteractive")
    # What is under /run here is from before the boot.
    left = {str(path.relative_to(host.root)) for path in host.root.rglob("*odys*")
            if path.relative_to(host.root).parts[0] not in ("proc", "sys", "run")}
    left = {path for path in left if not path.startswith((
        # The administrator's: the database, what was copied to nginx, the overrides of units, the packages.
        "var/lib/mysql/odys", "etc/nginx/", "etc/systemd/system/odys-fcgi@.service.d", "root/odys", "var/log/"))}
    assert left == set()
    for name in ("passwd", "group", "shadow", "gshadow"):
        lines = host.path(f"etc/{name}").read_text(encoding="utf-8").splitlines()
        # nginx.conf names the group: without it nginx would not start.
        assert [line.split(":")[0] for line in lines if "odys" in line] == ["odys-web"] * (name in ("group", "gshadow"))
    host.run("nginx", "-t")
    assert host.run("ls", "/run").find("odys") == -1
    assert "odys" not in host.run("dpkg-query", "--show")
    assert host.sql("SELECT COUNT(*) FROM odys.outbox WHERE state = 'sent'").strip() != "0"
    assert host.run("systemctl", "is-system-running").strip() == "running"

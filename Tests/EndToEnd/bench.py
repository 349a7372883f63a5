"""A responder on a database of its own, without nginx, for settings that no other test shares.

The database is in the MariaDB of a stack. Requests go to the responder by FastCGI."""

import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from typing import Any

import canary
import fastcgi
import odys
import peers
import stack
from waiting import eventually

RESPONDER = stack.BINARIES / "odys-fcgi"
CTL = stack.BINARIES / "odysctl"
SQL = stack.CHECKOUT / "sql"
PEERS = stack.CHECKOUT / "scripts" / "peers"


class Database(odys.Odys):
    """An empty database in a stack's MariaDB."""

    def __init__(self, server):
        super().__init__()
        self.server = server
        self.db_socket, self.db_user = server.db_socket, server.db_user
        self.db_name = f"odys_{uuid.uuid4().hex[:12]}"
        server.sql(f"CREATE DATABASE {self.db_name} CHARACTER SET utf8mb4")

    def settings(self):
        """Settings with which odysctl and odys-fcgi reach the database."""
        return {"ODYS_DB_SOCKET": self.db_socket, "ODYS_DB_NAME": self.db_name, "ODYS_DB_USER": self.db_user,
                "ODYS_DB_PASSWORD": self.db_password}

    def ctl(self, *words, check=True, **settings):
        return stack.run(CTL, *words, check=check, **{**self.settings(), **settings})

    def migrate(self, *words, check=True, sql=SQL):
        return self.ctl("migrate", *(words or ("up",)), "--sql", sql, check=check)

    def drop(self):
        self.server.sql(f"DROP DATABASE IF EXISTS {self.db_name}")


class Bench(Database):
    """`start` and `stop` may be called several times; `close` ends everything."""

    def __init__(self, server, **settings):
        super().__init__(server)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="odys-e2e-", dir="/tmp"))
        self.address = str(self.dir / "fcgi.sock")
        self.log_file = self.dir / "responder.log"
        self.secret = secrets.token_hex(32)
        self.processes = []
        self.responder: Any = None
        self.own = settings
        self.user, self.user_password = f"u{secrets.token_hex(8)}", secrets.token_hex(16)
        self.migrate()
        self.sql(f"CREATE USER {self.user}@localhost IDENTIFIED BY '{self.user_password}'")
        for grant in json.loads(self.ctl("migrate", "grants", "--json").stdout):
            self.sql(grant)

    def settings(self):
        base = {
            **super().settings(), "ODYS_DB_USER": self.user, "ODYS_DB_PASSWORD": self.user_password,
            "ODYS_DB_MIGRATE_USER": self.db_user, "ODYS_DB_MIGRATE_PASSWORD": self.db_password,
            "ODYS_LISTEN": f"unix:{self.address}", "ODYS_JWT_SECRET": self.secret,
            "ODYS_APP_URL": "https://odys.example", "ODYS_THREADS": "2", "ODYS_WHATSAPP_SENDERS": "2",
            "ODYS_EMAIL_SENDERS": "1"}
        return {**base, **self.own}

    def peer(self, name, *options):
        """Starts a stand-in peer and puts its address into the settings."""
        ports = [self.dir / f"{name}.port", self.dir / f"{name}.control"]
        ledger = self.dir / f"{name}.jsonl"
        words = ["/usr/bin/python3", PEERS / f"{name}.py", "--port-file", ports[0], "--ledger", ledger, *options]
        if name == "smtp":
            words += ["--control-port-file", ports[1]]
        with open(self.dir / f"{name}.log", "ab") as log:
            self.processes.append(subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL,
                                                   stdout=log, stderr=log))
        wanted = ports if name == "smtp" else ports[:1]
        eventually(lambda: all(path.exists() for path in wanted), 20)
        numbers = [path.read_text(encoding="ascii").strip() for path in wanted]
        control = f"http://127.0.0.1:{numbers[-1]}/_control"
        if name == "smtp":
            self.mail = peers.Mail(ledger, control)
            self.own.update(ODYS_SMTP_URL=f"smtp://127.0.0.1:{numbers[0]}",
                            ODYS_MAIL_FROM="Odys <no-reply@odys.example>")
        else:
            self.whatsapp = peers.WhatsApp(ledger, control)
            self.own.update(EVOLUTION_API_URL=f"http://127.0.0.1:{numbers[0]}", EVOLUTION_API_KEY="key",
                            EVOLUTION_INSTANCE="odys")

    def launch(self, options=None, **settings):
        """Starts a responder without waiting for it. `options` are further ones of Popen."""
        environment = stack.clean_environment(**{**self.settings(), **settings, "ODYS_BIN_DIR": None})
        with open(self.log_file, "ab") as log:
            options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **(options or {})}
            process = subprocess.Popen([RESPONDER], env=environment, **options)
        self.processes.append(process)
        return process

    def start(self, **settings):
        self.responder = self.launch(**settings)
        eventually(lambda: '"started"' in self.log() and self.responder.poll() is None, 20)
        return self

    def restart(self, **settings):
        """Replaces the process by a new one, without in-memory state."""
        self.responder.kill()
        self.responder.wait(10)
        self.search_for_people()
        self.log_file.unlink()
        return self.start(**settings)

    def stop(self, number=signal.SIGTERM, seconds=40):
        """Stops the responder; returns its exit code."""
        self.responder.send_signal(number)
        return self.responder.wait(seconds)

    def log(self, name="responder.log"):
        path = self.dir / name
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def logs_since(self, sizes):
        return self.log()[-4000:]

    def request(self, method, path, headers=None, body=None):
        status, fields, content = fastcgi.request(self.address, method, path, headers or {}, body)
        return odys.Answer(status, fields, content)

    def search_for_people(self):
        canary.search(self.log_file, self.log(), canary.secrets(self.settings()))

    def close(self):
        if self.responder is not None and self.responder.poll() is None:
            canary.search("a bench's command line", pathlib.Path(f"/proc/{self.responder.pid}/cmdline").read_bytes(),
                          canary.secrets(self.settings()))
        self.search_for_people()
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait(10)
        self.drop()
        self.server.sql(f"DROP USER IF EXISTS {self.user}@localhost")
        shutil.rmtree(self.dir, ignore_errors=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def responder_with(**settings):
    """Runs a responder until it exits, for settings with which it must not start."""
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    process = subprocess.Popen([RESPONDER], env={**environment, **settings}, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        output, errors = process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"the responder started:\n{process.communicate()[1]}") from None
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

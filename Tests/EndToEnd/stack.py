"""A private stack, started by `scripts/stack`, and its processes."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import urllib.parse

import canary
import odys
import peers
from waiting import eventually

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = CHECKOUT / "scripts" / "stack"
BINARIES = pathlib.Path(os.environ.get("ODYS_BIN_DIR", CHECKOUT / ".build" / "release")).absolute()


# The path of an appointment that does not exist.
NOBODY = "/api/appointments/00000000-0000-4000-8000-000000000000"


def clean_environment(**settings):
    """The environment without any setting of Odys, so that the caller's shell has no influence.
    A setting of None is left out."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("ODYS_", "EVOLUTION_", "CREDENTIALS_", "PYTEST_", "SUDO_"))}
    wanted = {**kept, "ODYS_BIN_DIR": str(BINARIES), **settings}
    return {name: value for name, value in wanted.items() if value is not None}


def run(*command, check=True, **settings):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, env=clean_environment(**settings), timeout=120)
    assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Stack(odys.Odys):
    def __init__(self, *options, **settings):
        super().__init__()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="odys-e2e-", dir="/tmp"))
        try:
            run(SCRIPT, "up", "--dir", self.dir, *options, **settings)
            self.read()
        except BaseException:
            self.down()
            raise

    def read(self):
        self.description = json.loads((self.dir / "stack.json").read_text(encoding="utf-8"))
        url = urllib.parse.urlsplit(self.description["url"])
        self.host, self.port = url.hostname, url.port
        self.db_socket, self.db_name = self.description["db_socket"], self.description["db_name"]
        self.db_user = self.description["db_admin_user"]
        self.secret = pathlib.Path(self.description["jwt_secret_file"]).read_text(encoding="utf-8")
        self.tls = ssl.create_default_context(cafile=self.description["ca"])
        found = self.description["peers"]
        if found:
            self.whatsapp = peers.WhatsApp(found["whatsapp_ledger"], found["whatsapp_control"])
            self.mail = peers.Mail(found["smtp_ledger"], found["smtp_control"])

    def down(self):
        self.search_for_people()
        run(SCRIPT, "down", "--dir", self.dir, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def search_for_people(self):
        pids = {}
        with contextlib.suppress(FileNotFoundError):
            state = json.loads((self.dir / "state.json").read_text(encoding="utf-8"))
            pids = {name: each["pid"] for name, each in state["processes"].items() if name not in ("whatsapp", "smtp")}
            pids |= {f"responder {number}": pid for number, pid in enumerate(self.responder_pids(), 1)}
        canary.search_stack(self.dir, pids)

    # --- Requests ---

    def request(self, method, path, headers=None, body=None):
        connection = http.client.HTTPSConnection(self.host, self.port, context=self.tls, timeout=30)
        with contextlib.closing(connection):
            chunked = body is not None and not isinstance(body, bytes)
            connection.request(method, path, body, headers or {}, encode_chunked=chunked)
            return odys.Answer.of(connection.getresponse())

    def raw(self, content):
        """Sends bytes that no HTTP library sends."""
        plain = socket.create_connection((self.host, self.port), timeout=30)
        with self.tls.wrap_socket(plain, server_hostname=self.host) as connection:
            connection.sendall(content)
            return odys.wire(connection)

    def raw_patch(self, booking, lines, body=b'{"action":"confirm"}'):
        """A PATCH with exactly these header lines, apart from Host, length and end of connection."""
        head = [f"PATCH {booking.path} HTTP/1.1", f"Host: {self.host}", *lines, f"Content-Length: {len(body)}",
                "Connection: close"]
        return self.raw("\r\n".join(head).encode() + b"\r\n\r\n" + body)

    # --- Processes ---

    def responder_pids(self):
        return [int(pathlib.Path(each["pid_file"]).read_text(encoding="ascii"))
                for each in self.description["responders"]]

    def signal_responders(self, number):
        """Signals every responder; returns their pids."""
        pids = self.responder_pids()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return pids

    def replaced(self, pids, seconds=10):
        """Waits until these processes have been replaced and their successors answer."""
        eventually(lambda: all(old != new and is_alive(new) for old, new in zip(pids, self.responder_pids())), seconds)
        eventually(self.all_answer, seconds)
        # nginx skips a responder that was killed for a second.
        eventually(lambda: self.request("OPTIONS", NOBODY).status == 204, seconds)

    def kill_responders(self):
        """Also aborts what they were sending, so that the next test does not wait for a hanging peer."""
        self.replaced(self.signal_responders(signal.SIGKILL))

    def all_answer(self):
        return all(self.health(each["instance"]) == 200 for each in self.description["responders"])

    def ops(self, path, method="GET"):
        """A request to nginx's operations listener."""
        connection = http.client.HTTPConnection(
            urllib.parse.urlsplit(self.description["ops_url"]).netloc, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path)
            return odys.Answer.of(connection.getresponse())

    def health(self, instance):
        return self.ops(f"/healthz/{instance}").status

    def process(self, name):
        """The pid of one of the stack's own processes."""
        return json.loads((self.dir / "state.json").read_text(encoding="utf-8"))["processes"][name]["pid"]

    def restart_db(self):
        run(SCRIPT, "restart-db", "--dir", self.dir)
        self.read()

    # --- Logs ---

    def log(self, name):
        path = self.dir / "logs" / name
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def log_sizes(self):
        return {path.name: path.stat().st_size for path in (self.dir / "logs").glob("*.log")}

    def logs_since(self, sizes):
        """What the processes logged since then, without nginx's access log."""
        parts = []
        for path in sorted((self.dir / "logs").glob("*.log")):
            new = path.read_bytes()[sizes.get(path.name, 0):].decode("utf-8", "replace")
            if new and path.name != "nginx-access.log":
                parts.append(f"--- {path.name}\n{new[-4000:]}")
        return "\n".join(parts)

"""Requests as raw bytes that no HTTP library sends, and web servers of a test's own."""

import contextlib
import http.client
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
from typing import Any

import odys
import stack
from bench import free_port
from waiting import eventually

DEPLOY = stack.CHECKOUT / "deploy"
NGINX = DEPLOY / "nginx"
TEMPORARY = ("client_body", "fastcgi", "proxy", "scgi", "uwsgi")

# The API alone, as deploy/nginx/odys-site.conf has it.
API_SITE = f"""
server {{
    listen ADDRESS ssl http2;
    server_name localhost;
    ssl_certificate TLS/server.pem;
    ssl_certificate_key TLS/server.key;
    include {NGINX}/odys-tls.conf;
    MORE
    include {NGINX}/odys-limits.conf;
    include {NGINX}/odys-api.conf;
    include {NGINX}/odys-only.conf;
}}
"""


@contextlib.contextmanager
def silent(running):
    """Stops all responders inside the block, so that their sockets fill."""
    pids = running.responder_pids()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        # A thread stops only when it is next scheduled; until then it may still answer.
        threads = [thread for pid in pids for thread in pathlib.Path(f"/proc/{pid}/task").glob("*/stat")]
        eventually(lambda: all(each.read_text(encoding="utf-8").rpartition(") ")[2][0] == "T" for each in threads))
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


class Edge:
    """An address for requests, and how to send exact bytes to it."""

    def __init__(self, host, port, tls):
        self.host, self.port, self.tls = host, port, tls

    @classmethod
    def of(cls, running):
        return cls(running.host, running.port, running.tls)

    def connect(self, source=None, seconds=20):
        plain = socket.create_connection((self.host, self.port), seconds, source and (source, 0))
        return self.tls.wrap_socket(plain, server_hostname="localhost")

    def exchange(self, content, source=None):
        """Sends the bytes; returns every answer until the server closes the connection."""
        with contextlib.closing(self.connect(source)) as connection:
            connection.sendall(content)
            received = io.BytesIO()
            # A server that closes at once may reset unread data; what arrived before is kept.
            with contextlib.suppress(ConnectionResetError):
                while part := connection.recv(65536):
                    received.write(part)
        return answers(received.getvalue())

    def lines(self, method, target, fields, body=b"", source=None):
        """One request with exactly these header lines; returns its answer."""
        head = [f"{method} {target} HTTP/1.1".encode("latin-1"), b"Host: localhost", b"Connection: close"]
        head += [field if isinstance(field, bytes) else field.encode() for field in fields]
        if body:
            head.append(b"Content-Length: %d" % len(body))
        got = self.exchange(b"\r\n".join(head) + b"\r\n\r\n" + body, source)
        assert len(got) == 1, got
        return got[0]

    def request(self, method, path, headers=None, body=b"", source=None):
        return self.lines(method, path, [f"{name}: {value}" for name, value in (headers or {}).items()], body, source)


class Unclosed(io.BytesIO):
    """A buffer that stays open: http.client closes its file after each answer."""

    def close(self):
        pass


class Buffer:
    def __init__(self, content):
        self.file = Unclosed(content)

    def makefile(self, _):
        return self.file


def answers(content):
    buffer, found = Buffer(content), []
    while buffer.file.tell() < len(content):
        # It needs nothing of a socket but `makefile`.
        response = http.client.HTTPResponse(buffer)  # type: ignore[arg-type]
        response.begin()
        found.append(odys.Answer.of(response))
    return found


class Nginx(Edge):
    """An nginx of the test's own in front of a stack's responders, with the files of deploy/nginx.

    ADDRESS, TLS and DIR in `site` and `more` stand for values of this instance. `files` are copied into its directory,
    by their names there."""

    def __init__(self, running, site=API_SITE, more="", http_more="", origins=None, exempt="", address="127.0.0.1",
                 files=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="odys-edge-", dir="/tmp"))
        self.access_log, self.error_log = self.dir / "access.log", self.dir / "error.log"
        self.address = address
        self.process: Any = None
        shutil.copytree(running.dir / "nginx" / "odys", self.dir / "odys")
        if origins is not None:
            (self.dir / "odys" / "origins.conf").write_text(origins, encoding="utf-8")
        (self.dir / "odys" / "rate-exempt.conf").write_text(exempt, encoding="utf-8")
        for name, source in (files or {}).items():
            shutil.copy(source, self.dir / name)
        for name in TEMPORARY:
            (self.dir / name).mkdir()
        super().__init__(address, 0, running.tls)
        try:
            self.start(site.replace("MORE", more), http_more, running.dir / "tls")
        except BaseException:
            self.close()
            raise

    def start(self, site, http_more, tls):
        self.port = free_port()
        place = f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"
        for word, value in (("ADDRESS", place), ("TLS/", f"{tls}/"), ("DIR", str(self.dir))):
            site, http_more = site.replace(word, value), http_more.replace(word, value)
        paths = "\n".join(f"    {name}_temp_path {self.dir}/{name};" for name in TEMPORARY)
        (self.dir / "nginx.conf").write_text(f"""
{"user root;" if os.geteuid() == 0 else ""}
daemon off;
worker_processes 1;
pid {self.dir}/nginx.pid;
error_log {self.error_log} info;
events {{ worker_connections 1024; }}
http {{
{paths}
    {http_more}
    include {NGINX}/odys-http.conf;
    include {self.dir}/odys/odys-upstream.conf;
    access_log {self.access_log} odys_json;
{site}
}}
""", encoding="utf-8")
        # The test stops it by pid; -e keeps the first messages out of the host's log.
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-e", self.error_log, "-p", self.dir, "-c",
                                         self.dir / "nginx.conf"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def listens():
            assert self.process.poll() is None, self.errors()
            return (self.dir / "nginx.pid").exists()

        eventually(listens, 20)

    def errors(self):
        return self.error_log.read_text(encoding="utf-8", errors="replace") if self.error_log.exists() else ""

    def log_lines(self):
        """The lines of the access log, each parsed strictly as UTF-8 and JSON."""
        return [json.loads(line) for line in self.access_log.read_bytes().decode("utf-8").splitlines()]

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
        shutil.rmtree(self.dir, ignore_errors=True)

"""What the stand-in peers share: the rules of misbehaviour, the ledger, and a small HTTP server."""

import datetime
import json
import os
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Rules:
    """Which mode holds for a recipient. A rule for one recipient goes before the rule for all."""

    def __init__(self, modes, default="ok"):
        self._modes = modes
        self._default = default
        self._lock = threading.Lock()
        self._rules = {}

    def control(self, message, recipient=None):
        """Applies a control message. Raises ValueError when it is not one."""
        if not isinstance(message, dict):
            raise ValueError("a control message is a JSON object")
        with self._lock:
            if message.get("reset"):
                self._rules.clear()
            elif message.get("mode") in self._modes:
                self._rules[recipient] = dict(message)
            else:
                raise ValueError("mode must be one of " + ", ".join(self._modes))

    def peek(self, recipient=None):
        with self._lock:
            rule = self._rules.get(recipient) or self._rules.get(None)
            return dict(rule) if rule else {"mode": self._default}

    def take(self, recipient=None, only=None):
        """The rule for this request, used up by one when it was given a number of `times`.

        With `only`, a rule of another mode is left alone and the default returned."""
        with self._lock:
            key = recipient if recipient in self._rules else None
            rule = self._rules.get(key)
            if rule is None or (only is not None and rule["mode"] not in only):
                return {"mode": self._default}
            if "times" in rule:
                rule["times"] -= 1
                if rule["times"] <= 0:
                    del self._rules[key]
            return dict(rule)


class Ledger:
    """Every accepted message, one JSON line each, and the same in memory."""

    def __init__(self, path):
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115  # open as long as the peer
        self._lock = threading.Lock()
        self._entries = []

    def append(self, entry):
        line = json.dumps(entry) + "\n"
        with self._lock:
            self._entries.append(entry)
            self._file.write(line)
            self._file.flush()

    def entries(self):
        with self._lock:
            return list(self._entries)


class Requests:
    """How many requests came for whom, and when; accepted or not."""

    def __init__(self):
        self._lock = threading.Lock()
        self._times = {}

    def note(self, recipient):
        with self._lock:
            self._times.setdefault(recipient, []).append(now())

    def summary(self):
        with self._lock:
            return {
                "count": sum(len(times) for times in self._times.values()),
                "recipients": {who: {"count": len(times), "times": list(times)}
                               for who, times in self._times.items()},
            }


def now():
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def write_port(path, port):
    """Appears at once and whole, so that whoever waits for the file never reads half of it."""
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="ascii") as file:
        file.write(f"{port}\n")
    os.replace(temporary, path)


def reset(connection):
    """Closes with a TCP reset instead of an orderly end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def wait_for_close(connection, seconds=600):
    """Says nothing until the other side gives up."""
    connection.settimeout(seconds)
    try:
        while connection.recv(65536):
            pass
    except OSError:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        """A client that went away is no news here."""


class Handler(BaseHTTPRequestHandler):
    """JSON over HTTP/1.1. A subclass answers `_control` through `control(message)`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # The programs set these before the first request.
    ledger: Any = None
    requests: Any = None
    rules: Any = None

    def log_message(self, format, *args):
        pass

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status, value, headers=(), media_type="application/json; charset=utf-8"):
        payload = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.wfile.write(self.head(status, len(payload), headers, media_type) + payload)

    def head(self, status, length, headers=(), media_type="application/json; charset=utf-8"):
        reason = self.responses.get(status, ("Unknown",))[0]
        lines = [f"HTTP/1.1 {status} {reason}", f"Content-Type: {media_type}", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def control(self, message):
        raise NotImplementedError

    def serve_control(self):
        """Answers the peer's own paths; False when the path is none of them."""
        if self.command == "GET" and self.path == "/_ledger":
            self.answer(200, self.ledger.entries())
        elif self.command == "GET" and self.path == "/_requests":
            self.answer(200, self.requests.summary())
        elif self.command == "POST" and self.path == "/_control":
            try:
                self.control(json.loads(self.body()))
                self.answer(200, {"ok": True})
            except ValueError as problem:
                self.answer(400, {"ok": False, "error": str(problem)})
        else:
            return False
        return True

    def delay(self, rule):
        time.sleep(rule.get("delay_ms", 0) / 1000)

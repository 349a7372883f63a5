"""Load: wrk over a plan, or limit over the same appointments."""

import json
import os
import subprocess

from . import rows
from .servers import BENCH, THREADS, wait_until

GRACE_SECONDS = 1


class LoadError(Exception):
    """A run that does not count, with the reason."""


def lua(value):
    if isinstance(value, list):
        return "{" + ",".join(map(lua, value)) + "}"
    if value is None:
        return "nil"
    return json.dumps(value) if isinstance(value, str) else str(value)


class Wrk:
    """One kind of request: `tokens` go round with the appointments, `key` begins an idempotency key for each.

    With `pause` each connection waits between an answer and its next request, so many milliseconds in the mean."""

    def __init__(self, servers, tokens, method="PATCH", suffix="", body="", key=None, distinct=None, first=0,
                 content_type="application/json", pause=None):
        self.servers = servers
        headers = ""
        if method == "PATCH":
            headers = f"Content-Type: {content_type}\r\nContent-Length: {len(body.encode())}\r\n"
        self.plan = {"method": method, "suffix": suffix, "headers": headers, "body": body, "tokens": tokens,
                     "key": key, "first": first, "pause": pause}
        self.distinct = distinct

    def run(self, url, connections, seconds, appointments):
        distinct = self.distinct or appointments
        plan = {**self.plan, "seconds": float(seconds), "distinct": distinct,
                # Rows can be changed once; what changes nothing may be asked for again and again.
                "count": distinct if self.distinct is None else 2 ** 40}
        self.servers.forget_idle()
        path = self.servers.dir / "plan.lua"
        path.write_text("return {" + ",".join(f"{name}={lua(value)}" for name, value in plan.items()) + "}",
                        encoding="utf-8")
        done = subprocess.run(
            ["/usr/bin/wrk", "-t1", f"-c{connections}", f"-d{int(-(-seconds // 1)) + GRACE_SECONDS}",
             "--timeout", "30s", "-s", str(BENCH / "walk.lua"), url],
            capture_output=True, text=True, check=False, env={**os.environ, "BENCH_PLAN": str(path)})
        for line in done.stdout.splitlines():
            if line.startswith("RESULT "):
                result = json.loads(line.removeprefix("RESULT "))
                break
        else:
            raise LoadError(f"wrk failed\n{done.stdout}{done.stderr}")
        if result["broken"] or result["issued"] != result["answered"]:
            raise LoadError(f"requests without an answer: {result}")
        # Each connection waits for one answer when the time is over; what was answered by then counts.
        result["rate"] = (result["issued"] - connections) / result["seconds"]
        return result


class Limit:
    """The statements in `directory` (see limit.c)."""

    def __init__(self, servers, program, directory, data):
        self.servers, self.program, self.directory, self.data = servers, program, directory, data

    def argv(self, connections, seconds, appointments):
        return [self.program, self.servers.socket, "odys", self.servers.password, "odys", str(connections),
                str(seconds), str(appointments), str(self.data.professionals), str(self.data.clients), self.directory]

    def serve(self, name, appointments):
        """Behind nginx, over as many connections to MariaDB as the responder has; returns the process."""
        path = self.servers.dir / f"{name}.sock"
        process = self.servers.run(name, self.argv(THREADS, path, appointments))
        if not wait_until(lambda: process.poll() is not None or path.exists(), 10) or process.poll() is not None:
            raise LoadError(f"limit does not serve\n{self.servers.log(name)}")
        return process

    def run(self, connections, seconds, appointments):
        done = subprocess.run(self.argv(connections, seconds, appointments), capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise LoadError(f"limit failed\n{done.stderr}")
        result = json.loads(done.stdout)
        result["rate"] = result["answered"] / result["seconds"]
        return result


def tokens(servers, kind, count):
    """A token for each of them; the k-th appointment belongs to the one of k modulo their number."""
    return [rows.token(servers.secret, f"{kind}-{number}") for number in range(count)]

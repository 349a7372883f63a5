"""The stack that the scenarios break: three responders, and a proxy between them and MariaDB.

A responder starts through a few lines of shell that read its settings from a file, so that a scenario can change them
between two starts: a fail point, the scale of time, a rate, even the build."""

import contextlib
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

import crowd
import odys
import stack
from stacklib.processes import start_time, stat
from waiting import eventually

HERE = pathlib.Path(__file__).resolve().parent
RESPONDERS = 3
# How much faster the times of delivery pass than in production: a lease of 60 s takes 3.
TIME_SCALE = 0.05
BASE = {"ODYS_TIME_SCALE": str(TIME_SCALE), "ODYS_THREADS": "8", "ODYS_LOG_LEVEL": "info"}

START = """\
#!/bin/sh
# Starts a responder with the settings that the scenario has chosen for it.
set -a
. {directory}/settings
if [ -f {directory}/settings-$ODYS_INSTANCE ]; then . {directory}/settings-$ODYS_INSTANCE; fi
echo "$$ $ODYS_INSTANCE ${{ODYS_FAIL_POINT:-none}}" >> {directory}/starts
exec "$BINARY"
"""


class Proxy:
    """The database proxy, in a process of its own."""

    def __init__(self, directory, upstream, seed):
        self.socket = str(directory / "proxy.sock")
        self.process = subprocess.Popen(
            ["/usr/bin/python3", HERE / "dbproxy.py", self.socket, upstream, str(seed)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, start_new_session=True, text=True)
        assert self.process.stdin and self.process.stdout
        self.input, self.output = self.process.stdin, self.process.stdout
        self.output.readline()

    def command(self, **command):
        self.input.write(json.dumps(command) + "\n")
        self.input.flush()
        return json.loads(self.output.readline())

    def rules(self, *rules):
        return self.command(rules=rules)

    def stats(self):
        return self.command(stats=True)

    def close(self):
        self.input.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Judged(odys.Odys):
    """What loads and verdicts need of any stack."""

    def forget(self):
        """Starts a new scenario: what earlier ones made and sent does not count."""
        super().forget()
        self.seen = (len(self.whatsapp.ledger()), len(self.mail.ledger())) if self.whatsapp else (0, 0)

    def arrived(self):
        """What the peers accepted since the scenario began: WhatsApp messages, emails."""
        return self.whatsapp.ledger()[self.seen[0]:], self.mail.ledger()[self.seen[1]:]

    def crowd(self, count, each=20, **people):
        """Many pending appointments at once, `each` of them of one professional, none in another's slot.

        `people` are columns of both parties, such as an unusable phone."""
        return crowd.make(self, count, each, people)

    def pending(self):
        return self.one("SELECT COUNT(*) AS number FROM outbox WHERE state = 'pending'")["number"]

    def drained(self, seconds):
        """Waits until no message is pending; returns how many are at the deadline."""
        deadline = time.monotonic() + seconds
        while (left := self.pending()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left


class Fleet(Judged, stack.Stack):
    """`builds` are the directories of the debug and of the release binaries."""

    def __init__(self, builds, seed, **settings):
        # The base class makes a directory with a name of its own; the proxy must know ours before.
        odys.Odys.__init__(self)
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="odys-soak-", dir="/tmp"))
        self.proxy = None
        self.binaries = {}
        try:
            for build, directory in builds.items():
                # A copy, so that a build meanwhile does not change what is measured.
                self.binaries[build] = self.work / build
                self.binaries[build].mkdir()
                for name in ("odys-fcgi", "odysctl"):
                    shutil.copy2(directory / name, self.binaries[build] / name)
            start = self.work / "bin"
            start.mkdir()
            (start / "odys-fcgi").write_text(START.format(directory=self.work), encoding="utf-8")
            (start / "odys-fcgi").chmod(0o755)
            (start / "odysctl").symlink_to(self.binaries["debug"] / "odysctl")
            (self.work / "starts").touch()
            self.dir = self.work / "stack"
            self.proxy = Proxy(self.work, self.dir / "run" / "mariadb.sock", seed)
            self.write_settings(settings)
            stack.run(stack.SCRIPT, "up", "--dir", self.dir, "--responders", RESPONDERS, "--rate-limit", "off",
                      "--no-seed", ODYS_BIN_DIR=str(start), ODYS_DB_SOCKET=self.proxy.socket)
            self.read()
        except BaseException:
            self.close()
            raise
        self.supervisor = self.process("supervisor")
        self.ends_seen = 0

    def close(self):
        if self.proxy:
            self.down()
            self.proxy.close()
        shutil.rmtree(self.work, ignore_errors=True)

    # --- Settings of the responders ---

    def write_settings(self, settings, instance=None):
        """For all, or for one, from its next start on. `build` chooses the binary, `direct` bypasses the proxy."""
        wanted = dict(settings)
        if wanted.pop("direct", False):
            wanted["ODYS_DB_SOCKET"] = self.dir / "run" / "mariadb.sock"
        if not instance:
            wanted = {**BASE, **wanted, "BINARY": self.binaries[wanted.pop("build", "debug")] / "odys-fcgi"}
        lines = "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in wanted.items())
        path = self.work / (f"settings-{instance}" if instance else "settings")
        path.with_suffix(".new").write_text(lines, encoding="utf-8")
        os.replace(path.with_suffix(".new"), path)

    def forget_settings(self, instance):
        (self.work / f"settings-{instance}").unlink(missing_ok=True)

    def configure(self, **settings):
        """Restarts every responder with these settings, and with none of its own; returns how the old ones ended."""
        for instance in range(1, RESPONDERS + 1):
            self.forget_settings(instance)
        self.write_settings(settings)
        self.replaced(self.signal_responders(signal.SIGTERM), 40)
        # All of them: a request to one that is still starting would look slow.
        eventually(self.all_answer, 20)
        return self.new_ends()

    # --- Processes ---

    def kill(self, instance, number=signal.SIGKILL):
        """Signals a responder; returns its pid, or None if it has just ended by itself."""
        pid = self.responder_pids()[instance - 1]
        with contextlib.suppress(ProcessLookupError):
            # With a pidfd, the pid cannot be reused between the look and the signal.
            process = os.pidfd_open(pid)
            try:
                fields = stat(pid)
                if fields and int(fields[1]) == self.supervisor:
                    signal.pidfd_send_signal(process, number)
                    return pid
            finally:
                os.close(process)
        return None

    def kill_database(self):
        pid = self.description["mariadbd_pid"]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: start_time(pid) is None, 10)

    @contextlib.contextmanager
    def stopped_database(self):
        pid = self.description["mariadbd_pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def stopped(self, *instances):
        pids = {instance: self.kill(instance, signal.SIGSTOP) for instance in instances}
        try:
            yield
        finally:
            for instance, pid in pids.items():
                if pid == self.responder_pids()[instance - 1]:
                    self.kill(instance, signal.SIGCONT)

    def new_ends(self):
        """(pid, instance, exit code) of the responders that ended since the last call."""
        lines = self.log("supervisor.log").splitlines()
        new, self.ends_seen = lines[self.ends_seen:], len(lines)
        words = [line.split() for line in new if " ended with " in line]
        return [(int(each[3].rstrip(")")), int(each[1]), int(each[6].rstrip(";"))) for each in words]

    def starts(self):
        """The fail point of every process that was started."""
        lines = (self.work / "starts").read_text(encoding="ascii").splitlines()
        return {int(pid): point for pid, _, point in (line.split() for line in lines)}

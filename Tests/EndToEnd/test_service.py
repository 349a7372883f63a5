"""The responder under a service manager: the tests hold the sockets as systemd does, and receive its notifications."""

import contextlib
import ctypes
import errno
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

import jwks
import stack
from scrape import metrics, ready
from test_frozen_database import frozen
from waiting import eventually

PTRACE_ATTACH, PTRACE_DETACH = 16, 17
PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 38, 65
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
LIBC.ptrace.restype = ctypes.c_long


class Manager:
    """The part of systemd that a service sees: it holds the listener and the notification socket."""

    def __init__(self, bench, name="notify.sock"):
        self.bench = bench
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.address = str(bench.dir / name)
        self.notified.bind(self.address)
        self.messages = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(bench.address)
        self.listener.listen(512)

    def start(self, watchdog_seconds=None, preexec=None, **settings):
        """Like StandardInput=socket, Type=notify and WatchdogSec= of the unit."""
        settings = {"ODYS_LISTEN": None, "NOTIFY_SOCKET": self.address, **settings}
        if watchdog_seconds:
            settings["WATCHDOG_USEC"] = str(int(watchdog_seconds * 1e6))
        self.bench.responder = self.bench.launch({"stdin": self.listener, "preexec_fn": preexec}, **settings)
        self.wait_for("READY=1")
        return self.bench.responder

    def wait_for(self, line, seconds=20):
        """Waits for a message with this line from now on; returns the message's lines."""
        self.notified.settimeout(seconds)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            message = self.notified.recv(4096).decode().split("\n")
            self.messages.append(message)
            if any(each.startswith(line) for each in message):
                return message
        raise AssertionError(f"no {line} within {seconds} s: {self.messages[-5:]}")

    def silence(self, word, seconds, within):
        """Waits until the word has not come for this many seconds."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            try:
                self.wait_for(word, seconds)
            except (TimeoutError, AssertionError):
                return
        raise AssertionError(f"{word} still comes after {within} s")

    def close(self):
        self.notified.close()
        self.listener.close()


@pytest.fixture
def manager(bench):
    made = Manager(bench)
    yield made
    made.close()


def test_the_manager_hears_of_start_reload_and_stop(bench, manager):
    process = manager.start()
    assert bench.request("GET", "/healthz/1").status == 200
    process.send_signal(signal.SIGHUP)
    message = manager.wait_for("RELOADING=1")
    (stamp,) = [line.partition("=")[2] for line in message if line.startswith("MONOTONIC_USEC=")]
    assert abs(int(stamp) / 1e6 - time.clock_gettime(time.CLOCK_MONOTONIC)) < 30
    manager.wait_for("READY=1")
    assert bench.request("GET", "/healthz/1").status == 200
    process.send_signal(signal.SIGTERM)
    manager.wait_for("STOPPING=1")
    assert process.wait(30) == 0


def test_ready_after_a_reload_means_that_the_new_keys_hold(bench, manager):
    """The fetch of the key set belongs to the reload: READY=1 comes when it has ended."""
    old, new = jwks.Key.es256("old"), jwks.Key.es256("new")
    with jwks.serving(old) as server:
        process = manager.start(ODYS_JWKS_URL=server.url)
        booking = bench.booking()
        server.body, server.held = jwks.key_set(new), True
        process.send_signal(signal.SIGHUP)
        manager.wait_for("RELOADING=1")
        eventually(lambda: len(server.requests) == 2)
        with pytest.raises(TimeoutError):
            manager.wait_for("READY=1", 1)
        server.released.set()
        manager.wait_for("READY=1", 10)
        token = new.sign({"sub": booking.professional.user_id, "exp": int(time.time()) + 60})
        head = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        assert bench.request("PATCH", booking.path, head, b'{"action": "confirm"}').status == 200


def test_a_reload_that_fails_is_told(bench, manager):
    secret = bench.dir / "secret"
    secret.write_text(bench.secret, encoding="ascii")
    process = manager.start(ODYS_JWT_SECRET=None, ODYS_JWT_SECRET_FILE=str(secret))
    secret.write_text("short", encoding="ascii")
    process.send_signal(signal.SIGHUP)
    manager.wait_for("RELOADING=1")
    assert "STATUS=serving; the settings are not good, the old ones stay" in manager.wait_for("READY=1")


def test_an_abstract_address_is_a_manager_too(bench):
    name = f"odys-{os.getpid()}-{bench.db_name}"
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as notified:
        notified.bind("\0" + name)
        notified.settimeout(20)
        bench.start(NOTIFY_SOCKET="@" + name)
        assert b"READY=1" in notified.recv(4096)


def test_a_database_that_is_away_is_told_and_does_not_stop_the_pings(bench, manager, odys):
    manager.start(watchdog_seconds=3, ODYS_DB_SOCKET=str(bench.dir / "nothing.sock"))
    manager.wait_for("STATUS=serving; database:reachable")
    began = time.monotonic()
    for _ in range(4):
        manager.wait_for("WATCHDOG=1", 3)
    assert 2 < time.monotonic() - began < 9  # one each second


def test_a_frozen_database_does_not_stop_the_pings(bench, manager, fragile):
    """With every thread in a request that waits for the database."""
    manager.start(watchdog_seconds=3, ODYS_DB_SOCKET=fragile.db_socket, ODYS_DB_NAME=fragile.db_name,
                  ODYS_DB_USER="root", ODYS_DB_PASSWORD="")
    with frozen(fragile):
        deadline = time.monotonic() + 12
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                bench.request("PATCH", stack.NOBODY, {"Authorization": f"Bearer {bench.token('x')}",
                                                      "Content-Type": "application/json"}, b'{"action":"confirm"}')
            manager.wait_for("WATCHDOG=1", 3)
    eventually(lambda: ready(bench)[0] == 200, 20)


def test_a_frozen_process_is_replaced_within_twenty_seconds(bench, manager):
    """With the times of the unit: no ping for WatchdogSec, WatchdogSignal, RestartSec, and it serves again."""
    unit = (stack.CHECKOUT / "deploy" / "systemd" / "odys-fcgi@.service").read_text(encoding="utf-8")
    (watchdog,) = map(int, re.findall(r"^WatchdogSec=(\d+)s$", unit, re.M))
    pause = int(*re.findall(r"^RestartSec=(\d+)ms$", unit, re.M)) / 1000
    deadly = signal.Signals[re.findall(r"^WatchdogSignal=(\w+)$", unit, re.M)[0]]
    process = manager.start(watchdog_seconds=watchdog)
    manager.wait_for("WATCHDOG=1", watchdog / 2)
    process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    try:
        manager.silence("WATCHDOG=1", watchdog, within=watchdog + 1)
    finally:
        process.send_signal(deadly)
        process.wait(10)
    manager.start(watchdog_seconds=watchdog)
    assert bench.request("GET", "/healthz/1").status == 200
    assert time.monotonic() - began + pause < 20


def test_a_process_whose_workers_are_all_stuck_gets_no_pings(bench, manager):
    process = manager.start(watchdog_seconds=3)
    threads = bench.request("GET", "/status/1?full").json()["perThread"]
    workers = [each["id"] for each in threads if each["thread"].startswith("requests")]
    assert len(workers) == 2
    with stopped_threads(workers[:1]):
        # The other one still beats.
        manager.wait_for("WATCHDOG=1", 3)
        assert bench.request("GET", "/healthz/1").status == 200
    with stopped_threads(workers):
        manager.silence("WATCHDOG=1", 4, within=45)
        assert '"threads are stuck' in bench.log() and process.poll() is None
    manager.wait_for("WATCHDOG=1", 20)


def test_senders_that_are_stuck_show(bench, manager):
    """Their limit is 45 s (`ProgressTests`); here a silence of 6 s is observed."""
    manager.start()
    threads = bench.request("GET", "/status/1?full").json()["perThread"]
    (sender,) = [each["id"] for each in threads if each["thread"].startswith("email")]
    with stopped_threads([sender]):
        eventually(lambda: metrics(bench)("odys_progress_age_seconds", loop="email") > 6, 15)
        assert metrics(bench)("odys_progress_age_seconds", loop="whatsapp") < 3
        assert ready(bench)[1]["email:progress"]["observedValue"] >= 6
    eventually(lambda: metrics(bench)("odys_progress_age_seconds", loop="email") < 3)


@contextlib.contextmanager
def stopped_threads(threads):
    """Stops these threads of a process and no others, as a debugger does."""
    for thread in threads:
        assert LIBC.ptrace(PTRACE_ATTACH, thread, None, None) == 0, os.strerror(ctypes.get_errno())
        os.waitpid(thread, 0x40000000)  # __WALL
    try:
        yield
    finally:
        for thread in threads:
            LIBC.ptrace(PTRACE_DETACH, thread, None, None)


def test_sockets_come_in_systemds_other_way_too(bench, manager):
    """LISTEN_FDS: from descriptor 3 on, for the process that LISTEN_PID names."""
    environment = stack.clean_environment(**{**bench.settings(), "ODYS_LISTEN": None, "ODYS_BIN_DIR": None})
    pid = os.fork()
    if pid == 0:
        # As systemd does it: the pid is known only in the child, after the fork.
        os.dup2(manager.listener.fileno(), 3)
        log = os.open(bench.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.execve(stack.BINARIES / "odys-fcgi", ["odys-fcgi"],
                  {**environment, "LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
    try:
        eventually(lambda: bench.request("GET", "/healthz/1").status == 200)
    finally:
        os.kill(pid, signal.SIGTERM)
        _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_it_works_without_writable_code_and_new_privileges(bench, manager):
    """Two of the unit's restrictions, as the kernel enforces them: MemoryDenyWriteExecute and NoNewPrivileges."""
    def restrict():
        if LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or LIBC.prctl(PR_SET_MDWE, 1, 0, 0, 0) != 0:
            os._exit(99)

    bench.peer("whatsapp")
    manager.start(preexec=restrict)
    status = pathlib.Path(f"/proc/{bench.responder.pid}/status").read_text(encoding="ascii")
    assert "NoNewPrivs:\t1" in status
    booking = bench.booking()
    bench.act(booking, "confirm")
    bench.settled(booking)


def test_its_threads_share_a_few_arenas_of_malloc(bench, manager):
    """glibc maps an arena at a multiple of 64 MiB; by default it makes one for each thread, up to eight per CPU."""
    manager.start(ODYS_THREADS="16")
    bench.act(bench.booking(), "confirm")
    maps = pathlib.Path(f"/proc/{bench.responder.pid}/maps").read_text(encoding="ascii").splitlines()
    # Address, permissions, offset, device, inode: an anonymous mapping has no name behind them.
    anonymous = [line.split() for line in maps if len(line.split()) == 5]
    arenas = [start for start, permissions in ((int(words[0].split("-")[0], 16), words[1]) for words in anonymous)
              if permissions == "rw-p" and start % 2 ** 26 == 0]
    assert 0 < len(arenas) < 2 * (os.cpu_count() or 1), arenas


def test_it_works_under_the_units_system_call_filter(bench, manager):
    """The filter that systemd makes of the unit's lines, loaded as systemd loads it."""
    unit = (stack.CHECKOUT / "deploy" / "systemd" / "odys-fcgi@.service").read_text(encoding="utf-8")
    allowed, denied, again = re.findall(r"^SystemCallFilter=(.*)$", unit, re.M)
    calls = system_calls("@default", *allowed.split()) - system_calls(*denied.removeprefix("~").split())
    calls |= system_calls(*again.split())
    # What systemd needs for the start itself.
    calls |= {"execve"}
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    refuse, allow = 0x00050000 | errno.EPERM, 0x7FFF0000
    rules = library.seccomp_init(refuse)
    for call in calls:
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:
            assert library.seccomp_rule_add(rules, allow, number, 0) == 0, call

    def restrict():
        if LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or library.seccomp_load(rules) != 0:
            os._exit(99)

    bench.peer("whatsapp")
    bench.peer("smtp")
    process = manager.start(preexec=restrict, watchdog_seconds=3)
    assert "Seccomp:\t2" in pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    booking = bench.booking()
    bench.act(booking, "confirm")
    assert {row["state"] for row in bench.settled(booking)} == {"sent"}
    manager.wait_for("WATCHDOG=1", 5)
    assert metrics(bench)("process_open_fds") > 5
    assert bench.stop() == 0


def system_calls(*names):
    """The calls of systemd's sets, which may contain sets."""
    found = set()
    for name in names:
        if not name.startswith("@"):
            found.add(name)
            continue
        listed = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
        members = [line.strip() for line in listed.stdout.splitlines()[1:]]
        found |= system_calls(*[each for each in members if each and not each.startswith("#")])
    return found


def test_a_restart_fails_no_request(bench, manager):
    """The listener outlives the process: a request between two processes waits, and is answered."""
    manager.start()
    for _ in range(3):
        old = bench.responder
        old.send_signal(signal.SIGTERM)
        manager.wait_for("STOPPING=1")
        assert old.wait(30) == 0
        waiting = socket.socket(socket.AF_UNIX)
        waiting.connect(bench.address)
        waiting.close()
        manager.start()
        assert bench.request("GET", "/healthz/1").status == 200
    assert metrics(bench)("odys_connections_accepted_total") >= 1

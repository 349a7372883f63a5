"""Mutated records at the sockets of responders, while valid requests go on through nginx.

ODYS_FUZZ_RECORDS is their number; `make fuzz` sends ten million. ODYS_FUZZ_SEED repeats a run."""

import concurrent.futures
import contextlib
import itertools
import os
import pathlib
import random
import secrets
import socket
import threading
import time

import fastcgi
import mutations
from waiting import eventually

RECORDS = int(os.environ.get("ODYS_FUZZ_RECORDS", "200000"))
SEED = os.environ.get("ODYS_FUZZ_SEED") or secrets.token_hex(8)
PEERS = 2
GOOD_A_SECOND = 10
THREADS = 16  # the default
BODY = b'{"action":"confirm"}'


def talk(sockets, parameters, number, records):
    """One hostile peer, in a process of its own; returns the number of records sent, and of connections."""
    chance = random.Random(f"{SEED} {number}")
    mutator = mutations.Mutator(chance)
    sent = connections = refused = 0
    while sent < records:
        hostile = mutator.records(parameters, BODY)
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(15)
            try:
                connection.connect(chance.choice(sockets))
            except (ConnectionRefusedError, BlockingIOError):
                refused += 1
                continue
            # A closed connection is no reason to stop.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
                connection.sendall(b"".join(hostile))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass
        sent += len(hostile)
        connections += 1
    return sent, connections, refused


def memory(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class GoodTraffic:
    """About ten valid requests a second, each on an appointment of its own, until the end of the block."""

    def __init__(self, stack):
        self.stack, self.statuses, self.slow = stack, [], 0.0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.wait(1 / GOOD_A_SECOND):
            booking = self.stack.booking()
            begun = time.monotonic()
            try:
                self.statuses.append(self.stack.patch(booking, booking.professional, "confirm").status)
            except OSError as failure:
                self.statuses.append(repr(failure))
            self.slow = max(self.slow, time.monotonic() - begun)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(60)


def test_mutated_records_disturb_nobody(quiet, record_property):
    victim = quiet.booking()
    parameters = fastcgi.parameters("PATCH", victim.path, quiet.head(victim.professional), BODY)
    sockets = [each["socket"] for each in quiet.description["responders"]]
    # What a process uses once every code path has run.
    talk(sockets, parameters, "warm-up", 2_000)
    eventually(quiet.all_answer)
    pids = quiet.responder_pids()
    before = {pid: (memory(pid), descriptors(pid)) for pid in pids}
    begun = time.monotonic()
    # Not multiprocessing.Pool: it ends its processes by SIGTERM, which they may have inherited as ignored.
    with GoodTraffic(quiet) as good, concurrent.futures.ProcessPoolExecutor(PEERS) as peers:
        results = list(peers.map(talk, itertools.repeat(sockets), itertools.repeat(parameters), range(PEERS),
                                 itertools.repeat(RECORDS // PEERS)))
    seconds = time.monotonic() - begun
    sent, connections = sum(each[0] for each in results), sum(each[1] for each in results)
    # The processes are the same, and neither memory nor descriptors have grown.
    eventually(quiet.all_answer)
    assert quiet.responder_pids() == pids, f"a process ended; seed {SEED}"
    after = {pid: (memory(pid), descriptors(pid)) for pid in pids}
    served = sum(status == 200 for status in good.statuses)
    print(f"\n   {sent} mutated records over {connections} connections in {seconds:.0f} s, seed {SEED}; "
          f"{served} of {len(good.statuses)} good requests served, the slowest in {good.slow * 1000:.0f} ms; "
          f"KiB and descriptors {list(before.values())} -> {list(after.values())}")
    assert sent >= RECORDS and len(good.statuses) >= seconds
    assert served >= 0.999 * len(good.statuses), [status for status in good.statuses if status != 200]
    for pid in pids:
        # A thread opens its database connection on first use, and not every thread has been used yet.
        assert after[pid][1] <= before[pid][1] + THREADS, (before, after)
        assert after[pid][0] <= before[pid][0] * 1.1 + 4_096, (before, after)
    # The peers changed nothing but by a confirm: the mutated requests carry a valid token.
    assert quiet.state(victim) in (("pending_confirmation", "none", 1), ("confirmed", "authorized", 2))

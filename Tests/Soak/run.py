"""Runs scenarios: one after another in one process, or several processes that take them in turn."""

import contextlib
import json
import pathlib
import queue
import signal
import subprocess
import sys
import threading

import scenario
from fleet import Fleet

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "soak"
CLEANING_UP_SECONDS = 60


class Run:
    """What the scenarios of one run share: the seed, the binaries, and a fleet."""

    def __init__(self, seed, builds, shares):
        self.seed, self.builds, self.shares = seed, builds, shares
        self.release_name = str(builds["release"])
        self.current = None

    def fleet(self, **settings):
        """A fleet with these settings: in the long form a new one, in the short form the existing one."""
        if self.current is None:
            self.current = Fleet(self.builds, self.seed, **settings)
        else:
            self.current.sql("UPDATE outbox SET state = 'expired', finished_at = UTC_TIMESTAMP(6)"
                             " WHERE state = 'pending'")
            self.current.configure(**settings)
        self.current.forget()
        return self.current

    def after(self, result):
        """What a failed scenario left behind must not fail the next one, and is kept."""
        if self.current and result.violations:
            lines = [line for line in self.current.logs_since({}).splitlines()
                     if not any(word in line for word in ('"level":"info"', "[Note]", "[warn]", "-----"))]
            result.logs = [line[:300] for line in lines[-40:]]
        if self.current and (result.violations or not self.shares):
            self.close()

    def close(self):
        if self.current:
            self.current.close()
        self.current = None


def in_turn(names, form, seed, builds, report):
    """Runs the scenarios one after another in this process."""
    run = Run(seed, builds, shares=form == "short")
    try:
        for name in names:
            print(f"soak: {name}", file=sys.stderr, flush=True)
            result = scenario.perform(scenario.SCENARIOS[name], run, form)
            run.after(result)
            report(result)
    finally:
        run.close()


def work(form, seed, builds):
    """The worker of `side_by_side`: reads names from standard input, writes results to standard output."""
    def report(result):
        print(json.dumps(vars(result), default=str), flush=True)

    in_turn((line.strip() for line in sys.stdin), form, seed, builds, report)


def side_by_side(names, seed, builds, jobs, report):
    """The short form in several processes, as most of its time is waiting. Each has a fleet of its own."""
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    for name in names:
        waiting.put(name)
    words = [SCRIPT, "--short", "--seed", str(seed), "--worker", builds["debug"], builds["release"]]
    workers = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(jobs)]
    threads = [threading.Thread(target=feed, args=(worker, waiting, report)) for worker in workers]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        # Those that still run are told to clean up.
        for worker in workers:
            if worker.poll() is None and any(thread.is_alive() for thread in threads):
                worker.send_signal(signal.SIGTERM)
        for worker in workers:
            worker.wait(CLEANING_UP_SECONDS)


def feed(worker, waiting, report):
    with contextlib.suppress(queue.Empty):
        while True:
            name = waiting.get_nowait()
            worker.stdin.write(name + "\n")
            worker.stdin.flush()
            line = worker.stdout.readline()
            if not line:
                report(scenario.Result(name, {}, ["the process that ran it has ended"], 0))
                break
            report(scenario.Result(**json.loads(line)))
    worker.stdin.close()

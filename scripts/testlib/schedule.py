"""Runs parts of the tests side by side, each in a process of its own, and prints the output of each in one piece."""

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

# Two parts at a time: most of the end-to-end tests' time is waiting, and the other part uses it.
TOGETHER = 2
# How long an interrupted part may take to stop its servers.
STOP_SECONDS = 90


@dataclasses.dataclass(frozen=True)
class Part:
    """`after`: the parts whose results it needs. `alone`: it measures, so nothing may run beside it."""

    run: Callable
    after: tuple = ()
    alone: bool = False


class Running:
    def __init__(self, name, argv, directory):
        self.name, self.begun = name, time.monotonic()
        self.counts = pathlib.Path(directory) / f"{name}.json"
        self.output = pathlib.Path(directory) / f"{name}.log"
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen([*argv, str(self.counts)], stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=subprocess.STDOUT, start_new_session=True)

    def finish(self, report):
        """Prints what the part said, and adds what it counted. A part that died without counting has failed."""
        sys.stdout.flush()
        with open(self.output, "rb") as output:
            while block := output.read(1 << 16):
                sys.stdout.buffer.write(block)
        try:
            counted = json.loads(self.counts.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            print(f"   FAILED {self.name}: it ended with {self.process.returncode} and counted nothing")
            counted = {"passed": 0, "failed": 1, "times": [[self.name, time.monotonic() - self.begun]]}
        report.count(counted["passed"], counted["failed"])
        report.times += counted["times"]
        sys.stdout.flush()

    def stop(self):
        """As if the terminal had interrupted the part's processes."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)


def startable(waiting, running, done, parts):
    """The first part that may start now; None when all must wait. `done` counts parts that nobody asked for too."""
    if len(running) >= TOGETHER or any(parts[each.name].alone for each in running):
        return None
    for name in waiting:
        ready = all(each in done or (each not in waiting and each not in [one.name for one in running])
                    for each in parts[name].after)
        if ready and not (parts[name].alone and running):
            return name
        # It waits for the others to end, and nothing that comes later may delay it.
        if parts[name].alone and ready:
            return None
    return None


def run(names, parts, report, argv):
    """`argv(name)` is the command that runs one part; a file's name for its counts is added to it."""
    waiting = list(names)
    running: list = []
    done: set = set()
    with tempfile.TemporaryDirectory(prefix="odys-parts-") as directory:
        try:
            while waiting or running:
                while name := startable(waiting, running, done, parts):
                    waiting.remove(name)
                    print(f".. {name} starts", flush=True)
                    running.append(Running(name, argv(name), directory))
                assert running, f"these parts wait for each other: {waiting}"
                for each in [each for each in running if each.process.poll() is not None]:
                    running.remove(each)
                    done.add(each.name)
                    each.finish(report)
                time.sleep(0.1)
        finally:
            for each in running:
                each.stop()
            for each in running:
                try:
                    each.process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    os.killpg(each.process.pid, signal.SIGKILL)

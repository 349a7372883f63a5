"""Parts of `make test` side by side: what may begin, what is printed, and what an interruption leaves behind."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from testlib import schedule
from testlib.report import Report
from testlib.schedule import Part

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
PARTS = {
    "checks": Part(print), "build": Part(print), "end-to-end": Part(print, after=("build",)),
    "swift": Part(print, after=("build",)), "package": Part(print, after=("build",)),
    "bench": Part(print, after=("build",), alone=True), "late": Part(print),
}


class Fake:
    def __init__(self, name):
        self.name = name


@pytest.mark.parametrize("waiting, running, done, expected", [
    (["checks", "build", "swift"], [], [], "checks"),
    (["build", "swift"], ["checks"], [], "build"),
    (["swift"], ["checks", "build"], [], None),
    (["swift"], ["build"], ["checks"], None),
    (["end-to-end", "swift"], [], ["build"], "end-to-end"),
    (["swift"], ["end-to-end"], ["build"], "swift"),
    (["bench"], ["end-to-end"], ["build"], None),
    (["bench", "late"], ["end-to-end"], ["build"], None),
    (["bench"], [], ["build"], "bench"),
    (["late"], ["bench"], ["build"], None),
    # A part that nobody asked for delays nothing.
    (["swift"], [], [], "swift"),
], ids=str)
def test_what_begins_next(waiting, running, done, expected):
    assert schedule.startable(waiting, [Fake(name) for name in running], set(done), PARTS) == expected


def test_the_order_of_make_test_can_be_run():
    """The real parts: none waits for ever, none runs beside the bench, and SwiftPM runs once at a time."""
    text = (SCRIPTS / "test").read_text(encoding="utf-8").replace('if __name__ == "__main__":', "if False:")
    space = {"__name__": "scripts_test", "__file__": str(SCRIPTS / "test")}
    exec(compile(text, "scripts/test", "exec"), space)  # the file has no .py, so it cannot be imported
    parts, waiting = space["PARTS"], list(space["DEFAULT"])
    running: list = []
    done: set = set()
    seen = []
    while waiting or running:
        while name := schedule.startable(waiting, [Fake(each) for each in running], done, parts):
            waiting.remove(name)
            running.append(name)
        assert running, waiting
        seen.append(tuple(running))
        assert not ("bench" in running and len(running) > 1)
        assert len({"build", "swift", "core"} & set(running)) <= 1
        done.add(running.pop(0))
    assert {name for names in seen for name in names} == set(space["DEFAULT"])
    assert ("end-to-end", "swift") in seen


WORKER = """
import json, os, signal, sys, time
name, counts = sys.argv[1:]
print(name, "one", flush=True); time.sleep(0.3); print(name, "two", flush=True)
if name == "dies": os._exit(3)
with open(counts, "w") as file: json.dump({"passed": 2, "failed": name == "bad", "times": [[name, 0.3]]}, file)
"""


def run(names, parts):
    report = Report()
    schedule.run(names, parts, report, lambda name: [sys.executable, "-c", WORKER, name])
    return report


def test_each_part_is_printed_in_one_piece_and_counted(capfdbinary):
    parts = {name: Part(print) for name in ("a", "bad", "dies")}
    begun = time.monotonic()
    report = run(list(parts), parts)
    assert (report.passed, report.failed) == (4, 2) and report.end() == 1
    # Two at a time.
    assert time.monotonic() - begun < 3
    lines = [line for line in capfdbinary.readouterr().out.decode().splitlines() if line and not line.startswith("..")]
    for name in parts:
        assert lines[lines.index(f"{name} one") + 1] == f"{name} two"
    assert any("dies: it ended with 3 and counted nothing" in line for line in lines)
    assert lines[-1] == "4 passed, 2 failed"


INTERRUPTED = """
import json, sys, time, signal
sys.path.insert(0, sys.argv[1])
from testlib import schedule
from testlib.report import Report, Terminated
from testlib.schedule import Part
def terminated(*_): raise Terminated
signal.signal(signal.SIGTERM, terminated)
CHILD = '''
import pathlib, sys, time
print("up", flush=True)
try: time.sleep(60)
except KeyboardInterrupt: pathlib.Path(sys.argv[1]).write_text("stopped")
'''
schedule.run(["a"], {"a": Part(print)}, Report(), lambda name: [sys.executable, "-c", CHILD, sys.argv[2]])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_lets_the_parts_clean_up(tmp_path, number):
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(SCRIPTS), str(tmp_path / "out")],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout and process.stdout.readline() == b".. a starts\n"
        time.sleep(0.5)
        os.kill(process.pid, number)
        process.wait(20)
    assert (tmp_path / "out").read_text() == "stopped"


COUNTING = """
import pathlib, signal, sys, time
sys.path.insert(0, sys.argv[1])
from testlib.report import Report, Terminated
def terminated(*_): raise Terminated
signal.signal(signal.SIGTERM, terminated)
CHILD = '''
import signal, sys, time
seen = []
signal.signal(signal.SIGINT, lambda *_: seen.append(1))
print("up", flush=True)
until = time.monotonic() + 20
while not seen and time.monotonic() < until: time.sleep(0.05)
time.sleep(0.5)
open(sys.argv[1], "w").write(str(len(seen)))
'''
Report().call([sys.executable, "-c", CHILD, sys.argv[2]])
"""


@pytest.mark.parametrize("kill, number", [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM)],
                         ids=["from a terminal", "to us alone"])
def test_a_command_is_interrupted_once(tmp_path, kill, number):
    with subprocess.Popen([sys.executable, "-c", COUNTING, str(SCRIPTS), str(tmp_path / "out")],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        assert process.stdout and process.stdout.readline() == b"up\n"
        kill(process.pid, number)
        process.wait(20)
    assert (tmp_path / "out").read_text() == "1"

"""What ran, how it ended and how long it took."""

import contextlib
import pathlib
import signal
import subprocess
import tempfile
import time
import xml.etree.ElementTree

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


class Terminated(KeyboardInterrupt):
    """SIGTERM, which our process alone got; SIGINT comes from a terminal to its children too."""


class Report:
    def __init__(self, of_several=False):
        # A part of a run with several begins with nothing of an earlier run.
        self.of_several = of_several
        self.passed = 0
        self.failed = 0
        self.times: list = []

    @contextlib.contextmanager
    def part(self, name):
        print(f"== {name}", flush=True)
        begun = time.monotonic()
        yield
        self.times.append((name, time.monotonic() - begun))

    def count(self, passed, failed):
        self.passed += passed
        self.failed += failed

    def outcome(self, name, good, output):
        """One check: its output is shown when it failed."""
        print(f"   {'ok    ' if good else 'FAILED'} {name}", flush=True)
        if not good:
            print(output, flush=True)
        self.count(good, not good)

    @staticmethod
    def call(argv, **options):
        """Runs a command and returns its exit code. One that is interrupted with us may stop its own servers first."""
        with subprocess.Popen(argv, cwd=CHECKOUT, **options) as process:
            try:
                return process.wait()
            except KeyboardInterrupt as reason:
                # Once: a second SIGINT would cut the child's own cleaning up short.
                if isinstance(reason, Terminated):
                    process.send_signal(signal.SIGINT)
                process.wait()
                raise

    def command(self, argv):
        """One test: a command that passes when it exits with 0."""
        code = self.call(argv)
        self.count(code == 0, code != 0)

    def results(self, path, code):
        """Counts the tests of a JUnit file. A runner that failed without a failed test counts as one."""
        passed = failed = 0
        with contextlib.suppress(FileNotFoundError):
            for case in xml.etree.ElementTree.parse(path).iter("testcase"):
                bad = case.find("failure") is not None or case.find("error") is not None
                passed, failed = passed + (not bad), failed + bad
        if failed == 0 and (code != 0 or passed == 0):
            failed = 1
        self.count(passed, failed)

    def end(self):
        for name, seconds in self.times:
            print(f"   {seconds:7.1f} s  {name}")
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 0 if self.failed == 0 and self.passed > 0 else 1


@contextlib.contextmanager
def results_file():
    with tempfile.TemporaryDirectory(prefix="odys-results-") as directory:
        yield f"{directory}/results.xml"

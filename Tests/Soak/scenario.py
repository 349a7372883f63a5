"""The list of scenarios. Each is a function of (run, its sizes) that returns figures and violations."""

import contextlib
import dataclasses
import signal
import time

SCENARIOS: dict = {}


@dataclasses.dataclass
class Result:
    name: str
    figures: dict
    violations: list
    seconds: float
    logs: list = dataclasses.field(default_factory=list)  # what the processes logged, if something was wrong


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    promise: str
    function: object
    sizes: dict  # by form: short, long
    seconds: dict  # deadline, by form


def scenario(name, promise, short, long, seconds=(60, 900)):
    """Registers a function as a scenario."""
    def register(function):
        SCENARIOS[name] = Scenario(name, promise, function, {"short": short, "long": long},
                                   dict(zip(("short", "long"), seconds)))
        return function
    return register


class OutOfTime(Exception):
    """The scenario did not end by its deadline."""


@contextlib.contextmanager
def deadline(seconds):
    def give_up(number, frame):
        raise OutOfTime(f"not finished within {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def perform(wanted, run, form):
    """Runs one scenario. Any exception in it is a violation."""
    begun = time.monotonic()
    figures, violations = {}, []
    try:
        with deadline(wanted.seconds[form]):
            figures, violations = wanted.function(run, **wanted.sizes[form])
    except (Exception, OutOfTime) as problem:
        violations = [*violations, f"{type(problem).__name__}: {problem}"]
    return Result(wanted.name, figures, violations, time.monotonic() - begun)

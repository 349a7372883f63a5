"""The harness of scripts/soak: chooses scenarios, runs them on fleets, and writes down what came of it."""

import argparse
import datetime
import os
import pathlib
import platform
import random
import signal
import subprocess
import sys

import scenario
import scenarios_kills  # each registers its scenarios
import scenarios_database
import scenarios_locks
import scenarios_delivery
import scenarios_messages
import scenarios_sleep
import scenarios_mixed
import figures
from fleet import Fleet

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = ("odys-fcgi", "odysctl")


class Run:
    """What the scenarios of one run share: the seed, the binaries, and a fleet."""

    def __init__(self, options, builds):
        self.seed, self.builds, self.shares = options.seed, builds, options.short
        self.release_name = str(builds["release"])
        self.current = None

    def fleet(self, **settings):
        """A fleet with these settings: in the long form a new one, in the short form the one that is there."""
        if self.current is None:
            self.current = Fleet(self.builds, self.seed, **settings)
        else:
            self.current.sql("UPDATE outbox SET state = 'expired', finished_at = UTC_TIMESTAMP(6)"
                             " WHERE state = 'pending'")
            self.current.configure(**settings)
        self.current.forget()
        return self.current

    def after(self, result):
        """What a failed scenario left behind must not fail the next one, and is shown."""
        if self.current and result.violations:
            lines = [line for line in self.current.logs_since({}).splitlines() if '"level":"info"' not in line]
            for line in lines[-40:]:
                print(f"      {line[:300]}")
        if self.current and (result.violations or not self.shares):
            self.close()

    def close(self):
        if self.current:
            self.current.close()
        self.current = None


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/soak", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Breaks a private stack in every way it must survive, and counts what was lost and what came twice.",
        epilog="scenarios:\n" + "\n".join(f"  {each.name:18} {each.promise}" for each in scenario.SCENARIOS.values()))
    parser.add_argument("scenarios", nargs="*", metavar="NAME", help="only these (default: all)")
    parser.add_argument("--short", action="store_true", help="a small number of faults each, in less than two minutes")
    parser.add_argument("--out", default=None, metavar="FILE", help="the report (default: soak-report.md; with --short: none)")
    parser.add_argument("--junitxml", metavar="FILE", help="the results for a test runner")
    parser.add_argument("--seed", type=int, default=None, help="repeats the random choices of an earlier run")
    parser.add_argument("--minutes", type=float, help="how long the scenario 'mixed' goes on (long form: 10)")
    options = parser.parse_args()
    if unknown := [name for name in options.scenarios if name not in scenario.SCENARIOS]:
        parser.error(f"there is no scenario '{unknown[0]}'; there are {', '.join(scenario.SCENARIOS)}")
    options.seed = random.randrange(1_000_000) if options.seed is None else options.seed
    return options


def find_builds():
    """The debug build has the fail points; speed is measured with the release build. ODYS_BIN_DIR replaces both."""
    if given := os.environ.get("ODYS_BIN_DIR"):
        directory = pathlib.Path(given).absolute()
        return {"debug": directory, "release": directory}
    return {"debug": built(CHECKOUT / ".build" / "debug", ["swift", "build"]),
            "release": built(CHECKOUT / ".build" / "release", ["make", "build"])}


def built(directory, command):
    sources = [CHECKOUT / "Package.swift", *(CHECKOUT / "Sources").rglob("*.swift")]
    newest = max(path.stat().st_mtime for path in sources)
    made = [directory / name for name in BINARIES]
    if any(not path.exists() or path.stat().st_mtime < newest for path in made):
        print(f"soak: {' '.join(command)}", flush=True)
        if subprocess.run(command, cwd=CHECKOUT, stdout=sys.stderr, check=False).returncode != 0:
            sys.exit("soak: the build failed")
        for path in made:
            # A build that had nothing to do leaves an older file.
            os.utime(path)
    return directory


def main():
    options = arguments()
    form = "short" if options.short else "long"
    # Whoever ends the run with SIGTERM gets the cleaning up, as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    builds = find_builds()
    wanted = [scenario.SCENARIOS[name] for name in options.scenarios or scenario.SCENARIOS]
    if options.minutes:
        scenario.SCENARIOS["mixed"].sizes[form]["seconds"] = int(options.minutes * 60)
        scenario.SCENARIOS["mixed"].seconds[form] += int(options.minutes * 60)
    print(f"soak: {form} form, seed {options.seed}", flush=True)
    run, results = Run(options, builds), []
    try:
        for each in wanted:
            print(f"   …      {each.name}", flush=True)
            results.append(scenario.perform(each, run, form))
            show(results[-1])
            run.after(results[-1])
            write(options, form, builds, results)
    finally:
        run.close()
    failed = sum(bool(each.violations) for each in results)
    print(f"{len(results) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def show(result):
    print(f"   {'FAILED' if result.violations else 'ok    '} {result.name} ({result.seconds:.0f} s)", flush=True)
    for name, value in result.figures.items():
        print(f"      {name}: {figures.shown(value)}")
    for text in result.violations[:10]:
        print(f"      violation: {text[:800]}")


def write(options, form, builds, results):
    """After every scenario, so that a run that is ended has its report."""
    heading = {"date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"), "form": form,
               "seed": options.seed, "host": f"{os.cpu_count()} CPUs, Linux {platform.release()}",
               "fail points and kills": builds["debug"], "speed": builds["release"]}
    path = options.out or (None if options.short else "soak-report.md")
    if path:
        figures.write_report(path, heading, results, {each.name: each.promise for each in scenario.SCENARIOS.values()})
    if options.junitxml:
        figures.write_junit(options.junitxml, results)

"""The harness of scripts/soak: chooses scenarios, runs them on fleets, and writes the report."""

import argparse
import datetime
import importlib
import os
import pathlib
import platform
import random
import signal
import subprocess
import sys

import figures
import run
import scenario

# Each registers its scenarios, in the order in which they run.
for module in ("kills", "races", "database", "locks", "delivery", "messages", "sleep", "hosts", "mixed"):
    importlib.import_module(f"scenarios_{module}")

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = ("odys-fcgi", "odysctl")


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/soak", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Breaks a private stack in every way it must survive; counts what was lost and what came twice.",
        epilog="scenarios:\n" + "\n".join(f"  {each.name:18} {each.promise}" for each in scenario.SCENARIOS.values()))
    parser.add_argument("scenarios", nargs="*", metavar="NAME", help="only these (default: all)")
    parser.add_argument("--short", action="store_true", help="a small number of faults each, in less than two minutes")
    parser.add_argument("--out", default=None, metavar="FILE", help="the report (soak-report.md; --short: none)")
    parser.add_argument("--junitxml", metavar="FILE", help="the results for a test runner")
    parser.add_argument("--seed", type=int, default=None, help="repeats the random choices of an earlier run")
    parser.add_argument("--jobs", type=int, default=2, help="processes that share the short form (2)")
    parser.add_argument("--worker", nargs=2, metavar=("DEBUG", "RELEASE"), help=argparse.SUPPRESS)
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
    return directory


def main():
    options = arguments()
    form = "short" if options.short else "long"
    # SIGTERM runs the clean-up, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    if options.worker:
        run.work(form, options.seed, dict(zip(("debug", "release"), map(pathlib.Path, options.worker))))
        return 0
    builds = find_builds()
    names = options.scenarios or list(scenario.SCENARIOS)
    if options.minutes:
        scenario.SCENARIOS["mixed"].sizes[form]["seconds"] = int(options.minutes * 60)
        scenario.SCENARIOS["mixed"].seconds[form] += int(options.minutes * 60)
    print(f"soak: {form} form, seed {options.seed}, {len(names)} scenarios", flush=True)
    results = []

    def report(result):
        results.append(result)
        show(result)
        write(options, form, builds, results)

    if options.short and len(names) > 1 and options.jobs > 1:
        run.side_by_side(names, options.seed, builds, options.jobs, report)
    else:
        run.in_turn(names, form, options.seed, builds, report)
    failed = sum(bool(each.violations) for each in results)
    print(f"{len(results) - failed} passed, {failed} failed", flush=True)
    return 0 if failed == 0 and len(results) == len(names) else 1


def show(result):
    print(f"   {'FAILED' if result.violations else 'ok    '} {result.name} ({result.seconds:.0f} s)", flush=True)
    for name, value in result.figures.items():
        print(f"      {name}: {figures.shown(value)}")
    for text in result.violations[:10]:
        print(f"      violation: {text[:800]}")
    for line in result.logs:
        print(f"      {line}")


def write(options, form, builds, results):
    """After every scenario, so that an interrupted run has its report."""
    heading = {"date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"), "form": form,
               "seed": options.seed, "host": f"{os.cpu_count()} CPUs, Linux {platform.release()}",
               "fail points and kills": builds["debug"], "speed": builds["release"]}
    path = options.out or (None if options.short else "soak-report.md")
    if path:
        figures.write_report(path, heading, results, {each.name: each.promise for each in scenario.SCENARIOS.values()})
    if options.junitxml:
        figures.write_junit(options.junitxml, results)

"""Where and with what a benchmark ran, and its tables."""

import argparse
import datetime
import json
import os
import pathlib
import re
import statistics
import subprocess

from .servers import BENCH, CHECKOUT

RESULTS = BENCH / "results"


def output(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=CHECKOUT)
    return (done.stdout + done.stderr).strip()


def first(pattern, text):
    found = re.search(pattern, text)
    return found[1] if found else "?"


def circumstances(command):
    processor = first(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    memory = int(first(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text(encoding="ascii"))) / 2 ** 20
    commit = output("git", "rev-parse", "--short=12", "HEAD")
    changed = output("git", "status", "--porcelain", "--", "Sources", "sql", "bench/*.c", "bench/php", "Package.swift")
    return {
        "command": command,
        "when": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit + (" with changes" if changed else ""),
        "machine": f"{os.cpu_count()} × {processor}, {memory:.0f} GB, Linux {os.uname().release}",
        "versions": {
            "MariaDB": first(r"Ver ([\d.]+)", output("/usr/sbin/mariadbd", "--version")),
            "nginx": first(r"nginx/([\d.]+)", output("/usr/sbin/nginx", "-v")),
            "PHP": first(r"PHP ([\d.]+)", output("/usr/sbin/php-fpm8.2", "--version")),
            "wrk": first(r"wrk (?:debian/)?([\d.]+)", output("/usr/bin/wrk", "--version")),
            "Swift": first(r"Swift version ([\d.]+)", output("swift", "--version")),
        },
    }


def heading(title, facts):
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return (f"# {title}\n\n`{facts['command']}`, {facts['when']}, commit {facts['commit']}.  \n{facts['machine']}.  \n"
            f"{versions}.\n")


def table(columns, rows):
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def goals_table(goals):
    """The figures that are asked for: name, figure, what is required and aimed at, and whether it is there."""
    return table(["measure", "measured", "required", "aimed at", ""], [
        [goal["name"], goal["text"], goal["required_text"], goal["aim_text"],
         "reached" if goal["reached"] else "NOT REACHED"] for goal in goals])


def goal(name, value, required, aim, least=True, text=None, unit=""):
    """A figure that has to be at least (or, with least=False, at most) what is required."""
    word = "at least" if least else "at most"
    return {"name": name, "value": value, "required": required, "aim": aim,
            "text": text or f"{value:.2f}{unit}", "required_text": f"{word} {required:g}{unit}",
            "aim_text": f"{aim:g}{unit}", "reached": value >= required if least else value <= required}


def disturbance(runs, repeated):
    others = statistics.median([run["others"] for run in runs])
    return f"Other processes took {others:.1%} of the machine; {repeated} runs that they disturbed were repeated."


def spread(figure, digits=2):
    return f"{figure['value']:,.{digits}f} ({figure['low']:,.{digits}f} to {figure['high']:,.{digits}f})"


def options(description, directory=False):
    """The command line of a benchmark that has a full and a quick form; with `directory` also where its data stand."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", help="default: bench/results for the full form, else nothing is written")
    if directory:
        parser.add_argument("--dir", default="/tmp", help="where its databases stand meanwhile; default: /tmp")
    return parser.parse_args()


def publish(name, chosen, text, data):
    print(text)
    directory = chosen.out or (None if chosen.quick else RESULTS)
    if directory:
        save(name, directory, text, data)


def save(name, directory, markdown, data, picture=None):
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}.md").write_text(markdown, encoding="utf-8")
    (directory / f"{name}.json").write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if picture:
        (directory / f"{name}.svg").write_text(picture, encoding="utf-8")

"""Measuring, and the report."""

import bisect
import datetime
import json
import pathlib
import threading
import time
import xml.etree.ElementTree as xml


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float("nan")


def milliseconds(seconds):
    return round(seconds * 1000, 1)


def latencies(seconds):
    return {"p50 ms": milliseconds(percentile(seconds, 0.5)), "p95 ms": milliseconds(percentile(seconds, 0.95)),
            "p99 ms": milliseconds(percentile(seconds, 0.99)), "max ms": milliseconds(max(seconds, default=0))}


def instants(texts):
    return sorted(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() for text in texts)


def most_in_a_window(times, width=1.0):
    """The largest number of instants in any window of this width."""
    return max((bisect.bisect_left(times, begin + width) - number for number, begin in enumerate(times)), default=0)


class Stalls(threading.Thread):
    """Measures how late this machine wakes a thread that only sleeps: a delay of that size is not the service's."""

    def __init__(self):
        super().__init__(daemon=True)
        self.longest = 0.0
        self.stopping = threading.Event()

    def run(self):
        before = time.monotonic()
        while not self.stopping.wait(0.005):
            now = time.monotonic()
            self.longest, before = max(self.longest, now - before - 0.005), now

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()


def size_of(pid):
    """Resident memory in KiB, open descriptors and threads of a process."""
    status = dict(line.split(":", 1) for line in
                  pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines())
    return {"rss KiB": int(status["VmRSS"].split()[0]), "threads": int(status["Threads"]),
            "descriptors": len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))}


# --- Report -------------------------------------------------------------------------------------------

def write_report(path, heading, results, promises):
    """PATH.md for people, and the same as JSON beside it."""
    path = pathlib.Path(path)
    lines = ["# Odys: reliability figures", ""]
    lines += [f"- {name}: {value}" for name, value in heading.items()]
    lines += ["", "| scenario | result | seconds |", "| --- | --- | --- |"]
    lines += [f"| {each.name} | {verdict(each)} | {each.seconds:.0f} |" for each in results]
    for each in results:
        lines += ["", f"## {each.name}: {verdict(each)}", "", promises[each.name], ""]
        lines += [f"- {name}: {shown(value)}" for name, value in each.figures.items()]
        lines += [f"- **violation**: {text[:600]}" for text in each.violations[:20]]
        if len(each.violations) > 20:
            lines.append(f"- … and {len(each.violations) - 20} more")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    everything = {**heading, "scenarios": [vars(each) for each in results]}
    path.with_suffix(".json").write_text(json.dumps(everything, indent=1, default=str) + "\n", encoding="utf-8")


def write_junit(path, results):
    suite = xml.Element("testsuite", name="soak", tests=str(len(results)),
                        failures=str(sum(bool(each.violations) for each in results)))
    for each in results:
        case = xml.SubElement(suite, "testcase", classname="soak", name=each.name, time=f"{each.seconds:.1f}")
        if each.violations:
            failure = xml.SubElement(case, "failure", message=printable(each.violations[0][:200]))
            failure.text = printable("\n".join(each.violations[:20]))
    xml.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def printable(text):
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


def verdict(result):
    return "FAILED" if result.violations else "passed"


def shown(value):
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(each)}" for name, each in value.items())
    return str(round(value, 2)) if isinstance(value, float) else str(value)

"""What a run costs: processor time and memory of processes, and statistics over rounds."""

import contextlib
import os
import pathlib
import resource
import statistics
import time

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid):
    """A process and all its descendants."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                text = pathlib.Path(f"/proc/{name}/stat").read_text(encoding="utf-8", errors="replace")
                parents[int(name)] = int(text.rpartition(")")[2].split()[1])
    found = [pid]
    for parent in found:
        found += [child for child, its in parents.items() if its == parent]
    return found


def cpu_seconds(pid):
    """Processor time that a process and its living descendants have used."""
    total = 0
    for each in family(pid):
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{each}/stat").read_text(encoding="utf-8", errors="replace")
            fields = text.rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def machine_seconds():
    """Processor time that the machine has used for anything."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, interrupts, soft = map(int, file.readline().split()[1:8])
    return (user + nice + system + interrupts + soft) / TICKS


def memory_megabytes(pid, field="Pss"):
    """Memory of a process and its descendants; Pss counts what they share once."""
    total = 0
    for each in family(pid):
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{each}/smaps_rollup").read_text(encoding="ascii").splitlines():
                if line.startswith(f"{field}:"):
                    total += int(line.split()[1])
    return total / 1024


def resident_megabytes(pid):
    return memory_megabytes(pid, "Rss")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


class Quiet:
    """Waits for others to leave the machine alone, for as long as there is patience, over all of a benchmark."""

    SHARE_MAX = 0.08

    def __init__(self, seconds):
        self.left = seconds
        self.repeated = 0

    def wait(self):
        while self.left > 0:
            begun, used = time.monotonic(), machine_seconds()
            time.sleep(0.3)
            took = time.monotonic() - begun
            if (machine_seconds() - used) / took / os.cpu_count() <= self.SHARE_MAX:
                return
            self.left -= took

    def accepts(self, others, seconds):
        """Whether a run counts; one that others disturbed is repeated while there is patience."""
        if others <= self.SHARE_MAX or self.left <= 0:
            return True
        self.left -= seconds
        self.repeated += 1
        return False

    def undisturbed(self, run, seconds):
        """The result of a run that others on the machine did not disturb, if there is one to be had."""
        while True:
            self.wait()
            result = run()
            if self.accepts(result["others"], seconds + 1):
                return result


class Costs:
    """Processor time of named processes during a block, of the load, and of everything else on the machine."""

    def __init__(self, processes):
        self.processes = processes

    def __enter__(self):
        self.begun = time.monotonic()
        self.machine = machine_seconds()
        self.before = {name: cpu_seconds(pid) for name, pid in self.processes.items()}
        self.load = self.children()
        return self

    def __exit__(self, *_):
        self.seconds = {name: cpu_seconds(pid) - self.before[name] for name, pid in self.processes.items()}
        own = sum(self.seconds.values()) + self.children() - self.load
        took = time.monotonic() - self.begun
        self.others = max(0.0, machine_seconds() - self.machine - own) / took / os.cpu_count()

    @staticmethod
    def children():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime


def median(values):
    return statistics.median(values)


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def middle(values):
    """The median with the smallest and the largest."""
    return {"value": median(values), "low": min(values), "high": max(values)}


def ratio(above, below):
    """The ratio of the medians, and the smallest and largest ratio of one round."""
    rounds = [one / other for one, other in zip(above, below)]
    return {"value": median(above) / median(below), "low": min(rounds), "high": max(rounds)}

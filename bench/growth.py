#!/usr/bin/python3
"""`make bench-growth`: whether it stays fast as the tables grow, and small as it runs; how soon it answers.

  bench/growth.py [--quick] [--dir DIRECTORY] [--out DIRECTORY]

--quick takes three minutes and leaves ten million appointments out. The full form needs 25 GB of disk below --dir
(/tmp) and sizes the buffer pool at half of the machine's memory."""

import contextlib
import dataclasses
import itertools
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

from lib import fastcgi, load, measure, report, rows
from lib.providers import Providers
from lib.servers import BINARIES, Servers, StackError, clean_environment

CONNECTIONS = 32
CONFIRM = '{"action":"confirm"}'
# A run is several parts of so many confirms at most; the smallest database has 5,000 appointments to confirm.
WARM, PART, PART_SECONDS = 500, 4_500, 2
SMALL, MIDDLE, LARGE = 10_000, 1_000_000, 10_000_000
WORDS = {SMALL: "10 thousand", MIDDLE: "1 million", LARGE: "10 million"}


@dataclasses.dataclass
class Plan:
    sizes: tuple = (SMALL, MIDDLE, LARGE)
    rounds: int = 3
    parts: int = 3
    # Seconds of load in which memory is watched.
    watched: int = 600
    starts: int = 30
    # Seconds that may go by, over all, while others use the machine.
    patience: int = 240
    pool_megabytes: int = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2 ** 21
    disk_gigabytes: int = 25


FULL = Plan()
QUICK = Plan((SMALL, MIDDLE), 3, 2, 60, 10, patience=20, pool_megabytes=2048, disk_gigabytes=5)


class Growth:
    def __init__(self, servers, plan):
        self.servers, self.plan = servers, plan
        self.quiet = measure.Quiet(plan.patience)
        self.data: dict = {}
        self.next: dict = {}
        for size in plan.sizes:
            self.fill(size)
        # One list for all: the k-th appointment belongs to k modulo the professionals of its database.
        self.tokens = load.tokens(servers, "professional", max(data.professionals for data in self.data.values()))
        self.nginx = servers.start_nginx()
        self.providers = Providers(servers)

    def fill(self, size):
        """Half of the appointments lie ahead. The platform gets more professionals, and each a longer history."""
        begun, schema = time.monotonic(), f"odys_{size}"
        say(f"filling {WORDS[size]} appointments")
        self.servers.create(schema)
        data = rows.Rows(self.servers, size, max(200, size // 500), schema, upcoming=size // 2)
        data.fill()
        data.read_all()
        self.data[size], self.next[size] = data, 0
        say(f"{WORDS[size]}: {data.megabytes():,} MB after {time.monotonic() - begun:.0f} s")

    @contextlib.contextmanager
    def responder(self, size, **settings):
        process = self.servers.start_responder(schema=self.data[size].schema, **settings)
        try:
            yield process
        finally:
            self.servers.end(process)

    def wrk(self, size, count, seconds, **request):
        """Confirms of the next `count` appointments, or as many of them as the seconds allow."""
        data = self.data[size]
        if self.next[size] + count > data.upcoming:
            self.next[size] = 0
        first = self.next[size]
        wrk = load.Wrk(self.servers, self.tokens[:data.professionals], first=first,
                       **(request or {"body": CONFIRM}))
        result = wrk.run(self.servers.url("ours"), CONNECTIONS, seconds, count)
        if result["refused"]:
            raise load.LoadError(f"{WORDS[size]}: {result}\n{self.servers.log('nginx-error')}")
        return first, result

    # --- Throughput ---

    def run(self, size):
        """Parts on appointments of their own, taken back between the parts outside of the clock."""
        with self.responder(size) as process:
            processes = {"MariaDB": self.servers.database_pid, "Odys": process.pid, "nginx": self.nginx.pid}
            self.part(size, WARM, 1)
            with measure.Costs(processes) as costs:
                parts = [self.part(size, PART, PART_SECONDS) for _ in range(self.plan.parts)]
        return {"rate": measure.median([part["rate"] for part in parts]),
                **{name: measure.median([part[name] for part in parts]) for name in ("p50", "p99")},
                "others": costs.others}

    def part(self, size, count, seconds):
        first, result = self.wrk(size, count, seconds)
        answered = result["answered"]
        changed = self.data[size].take_back(first, count)
        if changed != [answered, answered, answered, 3 * answered]:
            raise load.LoadError(f"{WORDS[size]}: {result}; rows changed: {changed}")
        self.next[size] = first + count
        self.data[size].settle()
        return result

    def throughput(self):
        found: dict = {size: [] for size in self.plan.sizes}
        for number in range(self.plan.rounds):
            for size, results in found.items():
                result = self.quiet.undisturbed(lambda: self.run(size), self.plan.parts * (PART_SECONDS + 2))
                results.append(result)
                say(f"{WORDS[size]}, round {number + 1}: {result['rate']:.0f}/s, p99 {result['p99']:.1f} ms")
        return found

    # --- Memory, threads and descriptors ---

    def watch(self):
        """All that a responder does, for a while, on the largest database; a sample a second."""
        size, seconds = self.plan.sizes[-1], min(10, self.plan.watched // 6)
        reading = {"method": "GET", "distinct": self.data[size].upcoming}
        kinds = itertools.cycle([{"body": CONFIRM}, {"body": CONFIRM, "key": "watched-"}, reading,
                                 {**reading, "suffix": "/history"}])
        samples, answered, over = [], 0, threading.Event()
        self.next[size] = 0
        with self.responder(size, **self.providers.settings) as process:
            def sample():
                while not over.wait(1):
                    samples.append({"memory": measure.resident_megabytes(process.pid),
                                    "threads": measure.threads(process.pid),
                                    "descriptors": measure.descriptors(process.pid)})

            sampler = threading.Thread(target=sample)
            sampler.start()
            begun = time.monotonic()
            try:
                while time.monotonic() < begun + self.plan.watched:
                    request = next(kinds)
                    first, result = self.wrk(size, seconds * 10_000, seconds, **request)
                    answered += result["answered"]
                    if "body" in request:
                        self.next[size] = first + result["answered"]
            finally:
                over.set()
                sampler.join()
        # The first connections and statements are made within the first run.
        return {"samples": samples[seconds:], "answered": answered,
                "sent": sum(len(self.providers.accepted(channel)) for channel in self.providers.ledgers)}

    # --- Cold start ---

    def starts(self):
        """Milliseconds from before the exec to an answer with a row of the database in it."""
        return [self.start() for _ in range(self.plan.starts)]

    def start(self):
        data = self.data[self.plan.sizes[0]]
        path = self.servers.dir / "cold.sock"
        asked = fastcgi.get(f"/api/appointments/{rows.appointment(0)}", self.tokens[0])
        environment = clean_environment(**self.servers.settings(data.schema, **self.providers.settings))
        # As systemd's socket unit does it: the socket is there, and a request waits in it, before the process is.
        with socket.socket(socket.AF_UNIX) as listener, open(self.servers.dir / "cold.log", "ab") as log:
            listener.bind(str(path))
            listener.listen()
            with fastcgi.connect(path) as connection:
                connection.sendall(asked)
                begun = time.monotonic()
                process = subprocess.Popen([BINARIES / "odys-fcgi"], stdin=listener.fileno(), stdout=log, stderr=log,
                                           env=environment)
                try:
                    answer = fastcgi.answer(connection)
                    took = time.monotonic() - begun
                finally:
                    process.terminate()
                    process.wait(30)
                    path.unlink()
        if not answer.startswith(b"Status: 200"):
            raise load.LoadError(f"a started responder answers {answer!r}\n{self.servers.log('cold')}")
        return took * 1000


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


# --- The report ---------------------------------------------------------------------------------------------------

def ratios(found):
    """Each size against the smallest."""
    smallest, *others = found
    return {size: measure.ratio(*([run["rate"] for run in found[each]] for each in (size, smallest)))
            for size in others}


def goals(found, watched, starts):
    wanted = [report.goal(f"PATCH with {WORDS[size]} appointments / with {WORDS[SMALL]}", ratio["value"], 0.85, 0.95,
                          text=report.spread(ratio)) for size, ratio in ratios(found).items()]
    most = max(sample["memory"] for sample in watched["samples"])
    wanted.append(report.goal("memory of a responder under load, at most", most, 32, 24, False, unit=" MB"))
    cold = measure.middle(starts)
    wanted.append(report.goal("from exec to the first answer", cold["value"], 40, 20, False,
                              f"{report.spread(cold, 1)} ms", " ms"))
    return wanted


def markdown(facts, bench, figures, found, watched, wanted):
    plan, pool = bench.plan, bench.plan.pool_megabytes
    fits = "fit" if sum(figures["megabytes"].values()) < pool else "DO NOT FIT"
    out = [report.heading("Growth", facts), report.goals_table(wanted)]
    out.append(f"\n## More appointments\n\n`confirm` at {CONNECTIONS} connections, delivery off. One database for each "
               "size on one MariaDB, in turn, round after round; ratios of medians. Half of the appointments lie "
               "ahead; the other half left two events and a notification each, and five messages where they are "
               f"younger than the retention ({rows.KEPT_SHARE:.0%}). All data together {fits} into the buffer pool of "
               f"{pool:,} MB, and were read once before. Each part of a run confirms {PART:,} appointments "
               f"at most; {plan.parts} parts make a run. "
               f"{report.disturbance(itertools.chain(*found.values()), bench.quiet.repeated)}\n")
    ratio = ratios(found)
    columns = ["appointments", "professionals", "data MB", "req/s", "p50 ms", "p99 ms", "/ the smallest"]
    out.append(report.table(columns, [
        [WORDS[size], f"{bench.data[size].professionals:,}", f"{figures['megabytes'][size]:,}",
         report.spread(measure.middle([run["rate"] for run in runs]), 0),
         *(f"{measure.median([run[name] for run in runs]):.1f}" for name in ("p50", "p99")),
         report.spread(ratio[size]) if size in ratio else ""] for size, runs in found.items()]))
    first, last = watched["samples"][0], watched["samples"][-1]
    out.append(f"\n## A responder under load\n\n{plan.watched} seconds at {CONNECTIONS} connections on the largest "
               "database: `confirm`, `confirm` with a key, GET and GET of the history in turn; 16 threads, delivery "
               f"on, providers that answer at once. {watched['answered']:,} requests were answered and "
               f"{watched['sent']:,} messages sent. Memory is Rss; the first value is that after the first run.\n")
    out.append(report.table(["", "first", "last", "growth", "most"], [
        [title, *(f"{value:.{digits}f}" for value in (
            first[name], last[name], last[name] - first[name], max(each[name] for each in watched["samples"])))]
        for title, name, digits in (("memory, MB", "memory", 1), ("threads", "threads", 0),
                                    ("descriptors", "descriptors", 0))]))
    out.append(f"\n## Cold start\n\n{plan.starts} starts with 16 threads and delivery on, on a socket that is handed "
               "over on descriptor 0, with a GET waiting in it; the median, the fastest and the slowest are above. "
               "What is read from disk is in the page cache.\n")
    return "\n".join(out)


def main():
    chosen = report.options(__doc__, directory=True)
    plan = QUICK if chosen.quick else FULL
    if shutil.disk_usage(chosen.dir).free < plan.disk_gigabytes * 2 ** 30:
        raise StackError(f"{chosen.dir} has less than {plan.disk_gigabytes} GB left; see --dir")
    facts = report.circumstances("bench/growth.py --quick" if chosen.quick else "make bench-growth")
    with Servers(plan.pool_megabytes, under=chosen.dir) as servers:
        bench = Growth(servers, plan)
        figures = {"megabytes": {size: data.megabytes() for size, data in bench.data.items()}}
        starts, found, watched = bench.starts(), bench.throughput(), bench.watch()
    wanted = goals(found, watched, starts)
    data = {**facts, "goals": wanted, "pool_megabytes": plan.pool_megabytes, **figures, "throughput": found,
            "watched": watched, "starts_ms": starts}
    report.publish("growth", chosen, markdown(facts, bench, figures, found, watched, wanted), data)
    return 0


if __name__ == "__main__":
    sys.exit(main())

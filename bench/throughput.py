#!/usr/bin/python3
"""`make bench`: the responder, PHP-FPM and the bare SQL side by side. bench/README.md says how to read it.

  bench/throughput.py [--quick | --guard] [--out DIRECTORY]

--quick takes two minutes and leaves half out; --guard takes half a minute and fails on a gross loss alone."""

import argparse
import collections
import dataclasses
import json
import sys

from lib import capture, chart, load, measure, peers, report, rows
from lib.servers import Servers

APPOINTMENTS, PROFESSIONALS = 100_000, 2_000
# Of 8, 16, 24, 32 and 48 the number that is best for PHP-FPM over all of the connections below.
PHP_CHILDREN = 16
CONNECTIONS = (1, 8, 32, 64)
# Rows that a 200 writes: notifications, messages.
CHANGES = {("confirm", "professional"): (1, 3), ("reject", "professional"): (1, 3), ("cancel", "professional"): (0, 1),
           ("cancel", "client"): (1, 2), ("paid", "professional"): (0, 2), ("complete", "professional"): (0, 2),
           ("no_show", "professional"): (0, 2)}
OURS, PHP, LIMIT, FLOOR, STATIC = "ours", "php", "limit", "floor", "static"
TITLES = {OURS: "Odys", PHP: "PHP-FPM", LIMIT: "the SQL alone", FLOOR: "the SQL behind nginx", STATIC: "nginx alone",
          "ours-tls": "Odys, TLS", "php-tls": "PHP-FPM, TLS"}
# The guard fails below these: a gross loss, not a noisy machine.
GUARD = {LIMIT: 0.5, PHP: 1.3}


@dataclasses.dataclass
class Case:
    """What is asked for, of which systems, at how many connections."""

    name: str
    connections: int
    systems: tuple
    runs: dict
    # Rows for each 200; None where nothing may change.
    writes: tuple | None = None
    refused: bool = False


class Bench:
    def __init__(self, servers, plan):
        self.servers, self.plan = servers, plan
        self.data = rows.Rows(servers, APPOINTMENTS, PROFESSIONALS)
        self.data.fill()
        self.results: dict = collections.defaultdict(lambda: collections.defaultdict(list))
        self.memory = {}
        self.quiet = measure.Quiet(plan.patience)

    def set_up(self):
        servers = self.servers
        self.tokens = {"professional": load.tokens(servers, "professional", self.data.professionals),
                       "client": load.tokens(servers, "client", self.data.clients)}
        watched = servers.start_responder(OURS, ODYS_THREADS="1")
        nginx = servers.start_nginx()
        self.limits = self.capture()
        servers.end(watched)
        responder, php = servers.start_responder(OURS), servers.start_php(PHP_CHILDREN)
        self.processes = {"MariaDB": servers.database_pid, "Odys": responder.pid, "PHP-FPM": php.pid,
                          "nginx": nginx.pid}
        if FLOOR in self.plan.systems:
            self.processes[TITLES[FLOOR]] = self.limits["confirm", "professional"].serve(FLOOR, APPOINTMENTS).pid
        say("the same rows and answers by both")
        peers.check(servers, self.data, (OURS, PHP))
        for system in set(self.plan.systems) - {STATIC}:
            self.action(32, (), "confirm", "professional").runs[system](32, 1)
            self.data.reset()

    def capture(self):
        program = self.servers.compiled("limit", "libmariadb")
        watching = capture.Capture(self.servers, self.servers.url(OURS), self.data)
        limits = {}
        for number, (action, role) in enumerate(CHANGES):
            directory = self.servers.make(f"limit-{number}")
            k = number + 1
            user = f"{role}-{k}"
            watching.limit(directory, k, user, json.dumps({"action": action}))
            limits[action, role] = load.Limit(self.servers, program, directory, self.data)
        self.data.reset()
        return limits

    def http(self, system, **request):
        wrk = load.Wrk(self.servers, **request)
        return lambda connections, seconds: wrk.run(self.servers.url(system), connections, seconds, APPOINTMENTS)

    def action(self, connections, systems, action, role):
        """A change: every 200 on an appointment of its own."""
        request = {"tokens": self.tokens[role], "body": json.dumps({"action": action})}
        runs = {system: self.http(system, **request) for system in (OURS, PHP, FLOOR, "ours-tls", "php-tls")}
        runs[LIMIT] = lambda connections, seconds: self.limits[action, role].run(connections, seconds, APPOINTMENTS)
        runs[STATIC] = self.http(STATIC, distinct=APPOINTMENTS, **request)
        return Case(f"{action} by {role}", connections, systems, runs, CHANGES[action, role])

    # --- One run, and its check ---

    def run(self, case, system, seconds):
        changes = case.writes is not None and system != STATIC
        if changes:
            self.data.reset()
        before = self.data.written()
        with measure.Costs(self.processes) as costs:
            result = case.runs[system](case.connections, seconds)
        after = self.data.written()
        expected = before
        if changes:
            count = result["answered"]
            notifications, messages = case.writes
            expected = {**before, "appointments": count, "appointment_events": count,
                        "notifications": count * notifications, "outbox": count * messages}
        refused = result["answered"] if case.refused else 0
        if after != expected or result["refused"] != refused:
            raise load.LoadError(f"{case.name}, {system}: {result}; rows {after} instead of {expected}")
        result["cpu"] = {name: used / result["answered"] * 1e6 for name, used in costs.seconds.items()}
        result["others"] = costs.others
        return result

    def count(self, case, system, seconds):
        result = self.quiet.undisturbed(lambda: self.run(case, system, seconds), seconds)
        self.results[f"{case.name} at {case.connections}"][system].append(result)
        return result

    def interleave(self, cases, seconds, rounds):
        """A B C A B C: what disturbs a round disturbs all systems of it."""
        for case in cases:
            for number in range(rounds):
                for system in case.systems:
                    took = min(seconds, 2) if system == STATIC else seconds
                    result = self.count(case, system, took)
                    say(f"{case.name} at {case.connections}, round {number + 1}, {TITLES[system]}: "
                        f"{result['rate']:.0f}/s, p99 {result['p99']:.1f} ms")

    # --- What changes nothing ---

    def reading(self, connections):
        """Requests that change nothing, on appointments that were confirmed before."""
        self.data.reset()
        count = 10_000
        limit = self.limits["confirm", "professional"]
        limit.run(16, 60, count)
        pro = self.tokens["professional"]
        body = {"body": '{"action":"confirm"}'}
        wrong = [token[:-2] + ("AA" if token[-2:] != "AA" else "BB") for token in pro[:1]]
        wanted = [
            ("GET", False, {"tokens": pro, "method": "GET"}),
            ("GET of the history", False, {"tokens": pro, "method": "GET", "suffix": "/history"}),
            ("401, wrong signature", True, {"tokens": wrong, **body}),
            ("404, no such appointment", True, {"tokens": pro, "first": 12_000_000, **body}),
            ("400, already confirmed", True, {"tokens": pro, **body}),
        ]
        cases = []
        for name, refused, request in wanted:
            if request.get("method") == "GET" and not self.offers(request):
                say(f"{name}: this build does not offer it")
                continue
            runs = {system: self.http(system, distinct=count, **request) for system in (OURS, PHP)}
            cases.append(Case(name, connections, (OURS, PHP), runs, refused=refused))
        return [*cases, self.replay(connections, count)]

    def offers(self, request):
        status, _, _ = capture.request(self.servers.url(OURS), 0, request["tokens"][0], method="GET",
                                       suffix=request.get("suffix", ""))
        return status == 200

    def replay(self, connections, first):
        """Each system repeats requests that it carried out itself under a key."""
        count, runs = 4_000, {}
        for place, system in enumerate((OURS, PHP)):
            request = {"tokens": self.tokens["professional"], "body": '{"action":"confirm"}', "key": f"{system}-",
                       "first": first + place * count, "distinct": count}
            wrk = load.Wrk(self.servers, **request)
            wrk.distinct = None
            result = wrk.run(self.servers.url(system), 16, 30, count)
            if result["answered"] != count or result["refused"]:
                raise load.LoadError(f"keys of {system}: {result}")
            runs[system] = self.http(system, **request)
        return Case("idempotent replay", connections, (OURS, PHP), runs)

    # --- The whole ---

    def all(self):
        plan = self.plan
        self.interleave([self.action(connections, plan.systems, "confirm", "professional")
                         for connections in plan.connections], plan.seconds, plan.rounds)
        self.memory = {name: measure.memory_megabytes(self.processes[name]) for name in ("Odys", "PHP-FPM")}
        if plan.actions:
            others = [change for change in CHANGES if change != ("confirm", "professional")]
            self.interleave([self.action(32, (OURS, PHP, LIMIT), *change) for change in others[:plan.actions]], 3,
                            min(3, plan.rounds))
            self.interleave([self.action(32, ("ours-tls", "php-tls"), "confirm", "professional")], 3,
                            min(3, plan.rounds))
            self.interleave(self.reading(32), 2, plan.rounds)


@dataclasses.dataclass
class Plan:
    seconds: int = 3
    rounds: int = 5
    connections: tuple = CONNECTIONS
    systems: tuple = (OURS, PHP, LIMIT, FLOOR, STATIC)
    actions: int = 6
    # Seconds that may go by, over all, while others use the machine.
    patience: int = 240


PLANS = {"full": Plan(), "quick": Plan(2, 2, (1, 32), actions=2, patience=30),
         "guard": Plan(2, 3, (16,), (OURS, PHP, LIMIT), 0, patience=0)}


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


# --- The report ---------------------------------------------------------------------------------------------------

def summary(results):
    """For each case and system the medians and their spread, and the ratios to Odys."""
    found: dict = {}
    for case, systems in results.items():
        found[case] = {"systems": {}, "ratios": {}}
        for system, runs in systems.items():
            rates = [run["rate"] for run in runs]
            found[case]["systems"][system] = {
                "rate": measure.median(rates), "low": min(rates), "high": max(rates),
                **{name: measure.median([run[name] for run in runs]) for name in ("p50", "p99")},
                "cpu": {name: measure.median([run["cpu"][name] for run in runs]) for name in runs[0]["cpu"]}}
        for above, below in ((OURS, LIMIT), (OURS, PHP), (OURS, FLOOR), ("ours-tls", "php-tls")):
            if above in systems and below in systems:
                pair = [[run["rate"] for run in systems[each]] for each in (above, below)]
                late = [[run["p99"] for run in systems[each]] for each in (above, below)]
                found[case]["ratios"][below] = {"rate": measure.ratio(*pair), "p99": measure.ratio(*late)}
        if FLOOR in systems:
            each = {system: [run["rate"] for run in runs] for system, runs in systems.items()}
            found[case]["bound"] = {other: measure.ratio(each[FLOOR], each[other]) for other in (LIMIT, PHP)}
    return found


def goals(found):
    wanted = []

    def want(name, case, other, kind, required, aim, least=True):
        if other in found.get(case, {}).get("ratios", {}):
            figure = found[case]["ratios"][other][kind]
            wanted.append(report.goal(name, figure["value"], required, aim, least, report.spread(figure)))

    confirm = "confirm by professional at {}"
    for connections in CONNECTIONS:
        want(f"PATCH / the same SQL alone, at {connections}", confirm.format(connections), LIMIT, "rate",
             *((0.9, 0.93) if connections == 1 else (0.8, 0.85)))
    for connections, required, aim in ((32, 2.3, 2.75), (1, 1.8, 2)):
        want(f"PATCH / PHP-FPM, at {connections}", confirm.format(connections), PHP, "rate", required, aim)
    for connections in (8, 32):
        want(f"p99 / PHP-FPM's p99, at {connections}", confirm.format(connections), PHP, "p99", 0.6, 0.45, False)
    want("GET / PHP-FPM, at 32", "GET at 32", PHP, "rate", 2.5, 3)
    return wanted


def markdown(facts, found, bench, wanted):
    every = [run for systems in bench.results.values() for runs in systems.values() for run in runs]
    out = [report.heading("Throughput", facts),
           "Medians over the rounds of requests a second, each 200 of a PATCH a change on an appointment of its own, "
           "checked in the tables after each run; ratios of medians, in parentheses the lowest and the highest of a "
           f"round. {report.disturbance(every, bench.quiet.repeated)}\n", report.goals_table(wanted)]
    lines = []
    for case, each in found.items():
        for system, figure in each["systems"].items():
            ratio = each["ratios"].get(system)
            lines.append([case, TITLES[system], f"{figure['rate']:,.0f}",
                          f"{figure['low']:,.0f} to {figure['high']:,.0f}", f"{figure['p50']:.1f}",
                          f"{figure['p99']:.1f}", report.spread(ratio["rate"]) if ratio else ""])
    out.append(report.table(["case, connections", "system", "req/s", "rounds", "p50 ms", "p99 ms", "Odys / this"],
                            lines))
    bounds = [[case, *(report.spread(each["bound"][other]) for other in (LIMIT, PHP)),
               report.spread(each["ratios"][FLOOR]["rate"])] for case, each in found.items() if "bound" in each]
    out.append("\nThe bound of any responder here: one that reads nothing of a request but the id, runs the two "
               "statements and answers always the same, behind the same nginx.\n")
    out.append(report.table(["case, connections", "bound / the SQL alone", "bound / PHP-FPM", "Odys / bound"], bounds))
    out.append("\nProcessor time of a request in µs, and memory under load (shared pages counted once): "
               + ", ".join(f"{name} {value:.0f} MB" for name, value in bench.memory.items()) + ".\n")
    out.append(report.table(["case, connections", "system", *bench.processes], [
        [case, TITLES[system], *(f"{figure['cpu'][name]:.0f}" for name in bench.processes)]
        for case, each in found.items() for system, figure in each["systems"].items()]))
    return "\n".join(out)


def picture(facts, found):
    groups = []
    for connections in CONNECTIONS:
        case = found.get(f"confirm by professional at {connections}")
        if case:
            groups.append((f"{connections} connection{'s' if connections > 1 else ''}", {
                TITLES[system]: tuple(case["systems"][system][name] for name in ("rate", "low", "high"))
                for system in (LIMIT, OURS, PHP) if system in case["systems"]}))
    note = f"Medians and their spread; {facts['machine']}; commit {facts['commit']}"
    return chart.bars("Confirmed appointments a second", note, "req/s", [TITLES[each] for each in (LIMIT, OURS, PHP)],
                      groups)


def guard(found):
    """Prints the ratios; the exit code says whether one of them is a gross loss."""
    lost = False
    for case, each in found.items():
        for other, least in GUARD.items():
            figure = each["ratios"][other]["rate"]
            bad = figure["value"] < least
            lost |= bad
            print(f"   {case}: Odys / {TITLES[other]} = {report.spread(figure)}, at least {least}"
                  f"{': GROSS LOSS' if bad else ''}", flush=True)
    return 1 if lost else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", dest="plan", action="store_const", const="quick", default="full")
    parser.add_argument("--guard", dest="plan", action="store_const", const="guard")
    parser.add_argument("--out", help="default: bench/results for the full form, else nothing is written")
    options = parser.parse_args()
    facts = report.circumstances("make bench" if options.plan == "full" else f"bench/throughput.py --{options.plan}")
    with Servers() as servers:
        bench = Bench(servers, PLANS[options.plan])
        bench.set_up()
        bench.all()
    found = summary(bench.results)
    if options.plan == "guard":
        return guard(found)
    wanted = goals(found)
    text = markdown(facts, found, bench, wanted)
    print(text)
    directory = options.out or (report.RESULTS if options.plan == "full" else None)
    if directory:
        data = {**facts, "goals": wanted, "cases": found, "memory_megabytes": bench.memory, "runs": bench.results}
        report.save("throughput", directory, text, data, picture(facts, found))
    return 0


if __name__ == "__main__":
    sys.exit(main())

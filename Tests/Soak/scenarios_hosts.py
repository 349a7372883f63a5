"""Two hosts behind a load balancer, one of which fails."""

import time

import verdict
from fleet import BASE, TIME_SCALE, Judged
from hosts import Hosts
from load import Load, wait_for_changes
from scenario import scenario

RESPONDERS = 2
# The in-flight messages of a host's responders when they are killed: one per sender.
IN_HAND = RESPONDERS * 6


class Pair(Judged, Hosts):
    """Two hosts on one database, of the same build and time scale as the other scenarios."""

    def __init__(self, binaries):
        super().__init__("--responders", str(RESPONDERS), ODYS_BIN_DIR=str(binaries), **BASE)


@scenario("two-hosts", "two hosts behind a load balancer: one is drained, and no request fails; one is killed, and "
          "no client that repeats with its key fails",
          short={"rounds": 2, "clients": 6}, long={"rounds": 20, "clients": 8}, seconds=(60, 900))
def two_hosts(run, rounds, clients):
    pair = Pair(run.builds["debug"])
    try:
        return gone(pair, run.seed, rounds, clients)
    finally:
        pair.down()


def gone(pair, seed, rounds, clients):
    pair.forget()
    with Load(pair, f"{seed} drained", clients, insists=False, pause=0.02) as asking_once:
        for _ in range(rounds):
            wait_for_changes(asking_once, 40)
            pair.drain()
            wait_for_changes(asking_once, 40)
            pair.bring_back()
        wait_for_changes(asking_once, 40)
    failed = verdict.unexpected(asking_once)
    figures, violations = verdict.of_requests(pair, asking_once)

    waits = []
    with Load(pair, f"{seed} killed", clients) as load:
        for _ in range(rounds):
            wait_for_changes(load, 40)
            pair.kill()
            begun = time.monotonic()
            wait_for_changes(load, 1)
            waits.append(time.monotonic() - begun)
            wait_for_changes(load, 40)
            pair.bring_back()
        wait_for_changes(load, 40)
    left = pair.drained(60 * TIME_SCALE + 60)
    killed, wrong = verdict.of_requests(pair, load)
    messages, lost = verdict.of_messages(pair, copies_allowed=rounds * IN_HAND, states=("sent", "superseded", "dead"))
    lost += [f"dead: {row}" for row in verdict.deliveries(pair).rows
             if row["state"] == "dead" and row["last_error"] != "outcome_unknown"]
    violations += failed + wrong + verdict.unexpected(load) + lost + verdict.of_rows(pair, delivered=not left)
    if left:
        violations.append(f"{left} messages still pending")
    hosts = {line["upstream_addr"] for line in pair.balancer.log_lines()}
    if not any(address.endswith(str(pair.second.port)) for address in hosts) or len(hosts) < 2:
        violations.append(f"not both hosts were used: {hosts}")
    return {"drained": rounds, "failed while drained": len(failed), "while drained": figures, "killed": rounds,
            "longest wait for the next change s": round(max(waits), 2), "while killed": killed, **messages}, violations

"""Concurrent clients: two with contrary requests, and many with the same one."""

import concurrent.futures
import random
import threading

import verdict
from load import Caller, Request
from scenario import scenario

# Pairs of which one wins, or both in one order.
PAIRS = (("confirm", "cancel by client"), ("confirm", "reject"), ("paid", "cancel"))


class Crowd:
    """Callers that send at the same moment, each on a connection that is already open."""

    def __init__(self, fleet, size, seed):
        self.callers = [Caller(fleet) for _ in range(size)]
        self.chances = [random.Random(f"{seed} {number}") for number in range(size)]
        self.pool = concurrent.futures.ThreadPoolExecutor(size)
        self.journal, self.oddities = [], []

    def at_once(self, requests):
        barrier = threading.Barrier(len(requests))

        def send(caller, chance, request):
            barrier.wait(30)
            return caller.insist(request, chance)

        futures = [self.pool.submit(send, *each) for each in zip(self.callers, self.chances, requests)]
        return [future.result(90) for future in futures]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pool.shutdown()
        for caller in self.callers:
            caller.close()


@scenario("conflicts", "contrary wishes in the same moment, and the same wish fifty times: the outcome is that of one "
          "order, one change happens, and whoever loses is told so",
          short={"pairs": 30, "rounds": 2}, long={"pairs": 500, "rounds": 100}, seconds=(60, 300))
def conflicts(run, pairs, rounds):
    fleet = run.fleet(ODYS_DELIVERY="off", direct=True)
    bookings = fleet.crowd(pairs + rounds)
    violations, both = [], 0
    with Crowd(fleet, 50, run.seed) as crowd:
        for number, booking in enumerate(bookings[:pairs]):
            wishes = [step.partition(" by ") for step in PAIRS[number % len(PAIRS)]]
            answers = crowd.at_once([Request(booking, action, role or "professional") for action, _, role in wishes])
            crowd.journal += answers
            won = [request.final == 200 for request in answers]
            both += all(won)
            violations += [verdict.described(each) for each in answers if each.final not in (200, 400)]
            if not any(won):
                violations.append(f"nobody won: {[verdict.described(each) for each in answers]}")
        for booking in bookings[pairs:]:
            answers = crowd.at_once([Request(booking, "confirm", "professional", key=None) for _ in range(50)])
            crowd.journal += answers
            if sorted(each.final for each in answers) != [200] + [400] * 49:
                violations.append(f"fifty times the same: {[each.final for each in answers]}")
    result, wrong = verdict.of_requests(fleet, crowd)
    violations += wrong + verdict.of_rows(fleet, delivered=False)
    return {"pairs": pairs, "of these, one after the other": both, "rounds of fifty": rounds, **result}, violations


@scenario("same-key", "twenty times the same request with one key in the same moment: it is executed once, and all get "
          "the same answer, byte for byte",
          short={"rounds": 5}, long={"rounds": 200}, seconds=(60, 300))
def same_key(run, rounds):
    fleet = run.fleet(ODYS_DELIVERY="off", direct=True)
    violations, journal = [], []
    with Crowd(fleet, 20, run.seed) as crowd:
        for booking in fleet.crowd(rounds):
            first = Request(booking, "cancel", "client")
            answers = crowd.at_once([Request(booking, "cancel", "client", key=first.key, id=first.id)
                                     for _ in range(20)])
            said = {(each.final, each.answer and each.answer.body, each.answer and each.answer.header("ETag"))
                    for each in answers}
            if len(said) != 1 or answers[0].final != 200:
                violations.append(f"different answers: {said}")
            if sum(verdict.is_replay(each) for each in answers) != 19:
                violations.append(f"{sum(verdict.is_replay(each) for each in answers)} of 20 were replays")
            journal += answers
        crowd.journal = journal
        result, wrong = verdict.of_requests(fleet, crowd)
    violations += wrong + verdict.of_rows(fleet, delivered=False)
    return {"rounds": rounds, **result}, violations

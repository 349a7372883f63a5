"""Many requests at once."""

import concurrent.futures
import threading


def at_once(calls):
    """Starts all calls at the same moment; returns their results in order."""
    barrier = threading.Barrier(len(calls))

    def wait_and(call):
        barrier.wait(30)
        return call()

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(60) for future in [pool.submit(wait_and, call) for call in calls]]


def in_turn(calls, workers=8):
    """The results of the calls, a few of which run at a time."""
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda call: call(), calls))

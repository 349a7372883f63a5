"""Waits for conditions, with a deadline, never for a fixed time."""

import time


def eventually(condition, seconds=10):
    """The condition's value as soon as it is true. A failed assertion in it counts as false."""
    deadline = time.monotonic() + seconds
    while True:
        reason: object = "it is still not so"
        try:
            value = condition()
            if value:
                return value
        except AssertionError as failure:
            reason = failure
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {reason}")
        time.sleep(0.04)

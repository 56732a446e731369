"""Waiting on a condition with a limit: what every test uses instead of sleeping."""

import time


def wait_until(condition, limit=10.0, what="the condition", every=0.02):
    """The first truthy value of condition(); AssertionError when `limit` seconds have passed."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"after {limit} s still not: {what} (last value {value!r})")
        time.sleep(every)

"""Counts calls and measures them; see `sessions.instruments`."""

import time
from functools import lru_cache

from sessions.api.call import Call
from sessions.instruments import CALL_DURATION, CALL_ERRORS

# Finding the labels again takes longer than counting.
_duration = lru_cache(maxsize=1024)(CALL_DURATION.labels)


def measure_call(call: Call) -> None:
    """Count a call that has ended, with its time and how it ended."""
    # As OpenTelemetry writes it: without the slash in front.
    method = call.method.path.removeprefix("/")
    _duration(method, call.code.name).observe(time.perf_counter() - call.started)
    if call.reason is not None:
        CALL_ERRORS.labels(method, call.reason).inc()

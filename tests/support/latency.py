"""How long a caller waits while others keep the service busy."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

_PAUSE_SECONDS = 0.02


@contextmanager
def beside(call: Callable[[], object]) -> Iterator[list[float]]:
    """Make a call again and again while the block runs; the list fills with seconds per call.

    Raises:
        Exception: what the call raised, when the block ends.
    """
    seconds: list[float] = []
    errors: list[Exception] = []
    ended = threading.Event()

    def repeat() -> None:
        while not ended.is_set():
            began = time.perf_counter()
            try:
                call()
            except Exception as error:
                errors.append(error)
                return
            seconds.append(time.perf_counter() - began)
            ended.wait(_PAUSE_SECONDS)

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield seconds
    finally:
        ended.set()
        thread.join()
    if errors:
        raise errors[0]


def percentile(seconds: Sequence[float], share: float) -> float:
    """The value at position ⌈share * n⌉ of the sorted seconds (nearest rank)."""
    return sorted(seconds)[math.ceil(share * len(seconds)) - 1]


def summary(seconds: Sequence[float]) -> str:
    """For the output of a test."""
    p50, p99 = (percentile(seconds, share) * 1000 for share in (0.5, 0.99))
    slowest = max(seconds) * 1000
    return f"{len(seconds)} calls: p50 {p50:.0f}, p99 {p99:.0f}, slowest {slowest:.0f} ms"

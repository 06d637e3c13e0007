"""Ends a computation in a thread from outside: a thread can't be cancelled, it has to look."""

from contextvars import ContextVar
from threading import Event


class Interrupted(Exception):
    """Nobody waits for what is computed here."""


stop: ContextVar[Event | None] = ContextVar("stop", default=None)
"""Set where a thread begins; long computations look at it through `check`."""


def check() -> None:
    """Raise Interrupted once the computation is to stop."""
    event = stop.get()
    if event and event.is_set():
        raise Interrupted

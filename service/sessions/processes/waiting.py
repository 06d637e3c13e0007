"""Waiting for others, with a word about it when it takes long."""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

POLL_SECONDS = 0.05
_SILENT_SECONDS = 1.0


def report(message: str) -> None:
    """Tell the person at the terminal; stdout is for results only."""
    print(f"sessions: {message}", file=sys.stderr, flush=True)


class Patience:
    """Says what is being waited for, once, after a second."""

    def __init__(self) -> None:
        self._speak_at = time.monotonic() + _SILENT_SECONDS

    def tell(self, what: str) -> None:
        """Say `what` if it is time."""
        if time.monotonic() >= self._speak_at:
            self._speak_at = float("inf")
            report(f"waiting for {what}")


async def poll(attempt: Callable[[], Result | None], what: Callable[[], str]) -> Result:
    """Repeat `attempt` until it returns something; `what` names it in the message."""
    patience = Patience()
    while (result := attempt()) is None:
        patience.tell(what())
        await asyncio.sleep(POLL_SECONDS)
    return result

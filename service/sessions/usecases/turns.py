"""Turns: work of one kind goes on one call at a time, and only so many calls wait for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sessions.domain.errors import Reason, Unavailable

MAX_WAITING = 32
"""Calls that wait for their turn; one page of a dashboard sends about ten at once."""


class Turns:
    """Lets one call in after the other; those that wait leave when their time is over."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._waiting = 0

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Wait for a turn, and hold it for the length of the block.

        Raises:
            Unavailable: many calls are waiting.
        """
        if self._waiting >= MAX_WAITING:
            message = "too many calls of this kind are waiting, try again"
            raise Unavailable(Reason.SERVICE_UNAVAILABLE, message, retry_after=1.0)
        self._waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._lock.release()

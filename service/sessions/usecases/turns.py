"""Turns: work of one kind goes on one call at a time, and only so many calls wait for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sessions.domain.errors import DomainError

MAX_WAITING = 32
"""Calls that wait for their turn; one page of a dashboard sends about ten at once."""


class Turns:
    """Lets one call in after the other; those that wait leave when their time is over.

    Args:
        full: the error of a call that finds too many waiting.
    """

    def __init__(self, full: Callable[[], DomainError]) -> None:
        self._full = full
        self._lock = asyncio.Lock()
        self._waiting = 0

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Wait for a turn, and hold it for the length of the block.

        Raises:
            DomainError: many calls are waiting.
        """
        if self._waiting >= MAX_WAITING:
            raise self._full()
        self._waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._lock.release()

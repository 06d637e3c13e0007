"""Makes the messages that stored sessions lack, a few at a time."""

import asyncio
from collections.abc import Callable

from sessions.domain.session import Session
from sessions.storage.database import Database
from sessions.storage.session_messages import BEHIND_ALL, LOCK, SessionPlace, fill_before

SCANNED, CHANGED = 2_000, 500
"""Sessions that one step looks at, and changes, at most."""

PAUSE = 1.0
"""Seconds between two steps: what is changed in the background must not be noticed."""


class FillMessages:
    """Goes over all sessions once, the newest first.

    Lists make the message of a session without one from its columns, which takes longer. Only
    sessions from before an upgrade, and those that `sessions generate` made, have none.

    Args:
        database: for long jobs.
        encode: makes the message of a session.
        pause: seconds between two steps.
    """

    def __init__(
        self, database: Database, encode: Callable[[Session], bytes], *, pause: float = PAUSE
    ) -> None:
        self._database = database
        self._encode = encode
        self._pause = pause

    async def __call__(self) -> None:
        """Go over all sessions, unless another worker is at it; it can be stopped at any moment.

        Raises:
            Unavailable: the database can't be reached.
        """
        async with self._database.exclusive_lock(LOCK) as is_held:
            if is_held:
                await self._go_over_all()

    async def _go_over_all(self) -> None:
        place: SessionPlace | None = BEHIND_ALL
        while place:
            place = await fill_before(
                self._database, place, self._encode, scanned=SCANNED, limit=CHANGED
            )
            await asyncio.sleep(self._pause)

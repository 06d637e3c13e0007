"""Reading the sessions of a website as columns: the way in for everything that counts."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from datetime import datetime, timedelta

import structlog

from sessions.analysis.accumulator import Accumulator
from sessions.analysis.columns import Columns
from sessions.analysis.encoding import Damaged
from sessions.domain.block_header import BlockHeader
from sessions.domain.errors import Reason, Unavailable
from sessions.domain.hours import hour_number, hour_start, microseconds
from sessions.domain.selection import Range
from sessions.storage import blocks, changed_hours
from sessions.storage.database import Database
from sessions.usecases.session_snapshot import SessionSnapshot

MAX_DIRTY_SESSIONS = 100_000
"""Sessions that one read takes from their rows: about three seconds of work, with their steps."""

_RETRY_SECONDS = 30.0

_log = structlog.get_logger()


class ReadColumns:
    """Reads sessions as columns, one read at a time.

    Args:
        database: for analyses.
        max_dirty_sessions: sessions that one read takes from their rows at the most.
    """

    def __init__(self, database: Database, *, max_dirty_sessions: int = MAX_DIRTY_SESSIONS) -> None:
        self._database = database
        self._max_dirty_sessions = max_dirty_sessions
        self._turn = asyncio.Semaphore()

    async def accumulate(
        self, website_key: int, range_: Range, accumulator: Accumulator
    ) -> datetime:
        """Give an accumulator all sessions that started in a range, as they are at one moment.

        One part is in memory at a time, and the call can be cancelled between two of them.

        Returns:
            The moment.

        Raises:
            Unavailable: too many sessions have changed since the blocks were brought up to date,
                or the database can't be reached.
        """
        damaged: list[BlockHeader] = []
        async with self._turn, blocks.read_transaction(self._database) as connection:
            [(as_of,)] = await (await connection.execute("SELECT now()")).fetchall()
            snapshot = await SessionSnapshot.open(connection, website_key, range_)
            parts = self._parts(snapshot, _hours(range_), accumulator.columns, damaged)
            async with aclosing(parts):
                async for part in parts:
                    inside = part.between(*map(microseconds, range_))
                    if inside.selected.any():
                        await asyncio.to_thread(accumulator.add, inside)
        await self._rebuild([*snapshot.damaged, *damaged])
        moment: datetime = as_of
        return moment

    async def _parts(
        self,
        snapshot: SessionSnapshot,
        hours: range,
        names: Collection[str],
        damaged: list[BlockHeader],
    ) -> AsyncGenerator[Columns, None]:
        """All sessions of some hours, and perhaps more; `damaged` gets the blocks that are."""
        dirty = frozenset(hour for hour in snapshot.dirty if hour in hours)
        await self._check_count(snapshot, dirty)
        async for part in snapshot.rows(dirty, names):
            yield part
        for header in snapshot.headers:
            try:
                yield await snapshot.block(header, names)
            except Damaged:
                damaged.append(header)
                lost = {hour for hour in header.hours if hour in hours} - snapshot.dirty
                dirty |= lost
                await self._check_count(snapshot, dirty)
                async for part in snapshot.rows(lost, names):
                    yield part

    async def _check_count(self, snapshot: SessionSnapshot, dirty: Collection[int]) -> None:
        if await snapshot.count(dirty, self._max_dirty_sessions + 1) > self._max_dirty_sessions:
            message = "much has changed, and is being prepared for analysis: try again"
            raise Unavailable(Reason.SERVICE_UNAVAILABLE, message, retry_after=_RETRY_SECONDS)

    async def _rebuild(self, damaged: Collection[BlockHeader]) -> None:
        """Count the hours of these blocks as changed, so that the next fold builds them again."""
        for header in damaged:
            _log.error("a block is damaged and will be built again", **_named(header))
            async with self._database.transaction() as connection:
                starts = map(hour_start, header.hours)
                await changed_hours.note(connection, header.website_key, starts, is_urgent=True)


def _hours(range_: Range) -> range:
    """The hours that a range touches."""
    last = range_.until - timedelta(microseconds=1)
    return range(hour_number(range_.since), hour_number(last) + 1)


def _named(header: BlockHeader) -> dict[str, object]:
    return {"website": header.website_key, "first_hour": hour_start(header.first_hour)}

"""Reading the sessions of a website as columns: the way in for everything that counts."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from sessions.analysis import masks
from sessions.analysis.accumulator import Accumulator
from sessions.analysis.columns import Columns
from sessions.analysis.encoding import Damaged
from sessions.domain.errors import Reason, Unavailable
from sessions.domain.hours import hour_number, hour_start, microseconds
from sessions.domain.selection import Range, Selection
from sessions.storage import blocks, changed_hours
from sessions.storage.database import Database
from sessions.storage.visitor_keys import resolve
from sessions.usecases.session_snapshot import SessionSnapshot

MAX_DIRTY_SESSIONS = 100_000
"""Sessions that one read takes from their rows: about three seconds of work, with their steps."""

MAX_WAITING = 32
"""Reads that wait for their turn; one page of a dashboard sends about ten at once."""

_RETRY_SECONDS = 30.0

_log = structlog.get_logger()


class ReadColumns:
    """Reads sessions as columns, one read at a time.

    Args:
        database: for analyses.
        max_dirty_sessions: sessions that one read takes from their rows at most.
    """

    def __init__(self, database: Database, *, max_dirty_sessions: int = MAX_DIRTY_SESSIONS) -> None:
        self._database = database
        self._max_dirty_sessions = max_dirty_sessions
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def accumulate(
        self, website_key: int, selection: Selection, accumulator: Accumulator
    ) -> datetime:
        """Give an accumulator all sessions of a selection, as they are at one moment.

        One part is in memory at a time, and the call can be cancelled between two of them.

        Args:
            website_key: whose sessions.
            selection: which of them; those and no others are `selected`.
            accumulator: gets the parts, one after the other, in a thread.

        Returns:
            The moment.

        Raises:
            Unavailable: many calls are waiting; or too many sessions have changed since the
                blocks were brought up to date; or the database can't be reached.
        """
        lost: set[int] = set()
        try:
            async with self._in_turn(), blocks.read_transaction(self._database) as connection:
                found = await connection.execute("SELECT statement_timestamp()")
                [(as_of,)] = await found.fetchall()
                snapshot = await SessionSnapshot.open(connection, website_key, selection.range)
                lost.update(snapshot.lost)
                predicate = await resolve(connection, website_key, selection.predicate)
                resolved = replace(selection, predicate=predicate)
                await self._read(snapshot, resolved, accumulator, lost)
        finally:
            if lost:
                await self._rebuild(website_key, lost)
        moment: datetime = as_of
        return moment

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        """One call at a time; those that wait leave when their time is over."""
        if self._waiting >= MAX_WAITING:
            message = "too many analyses are waiting, try again"
            raise Unavailable(Reason.SERVICE_UNAVAILABLE, message, retry_after=1.0)
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turn.release()

    async def _read(
        self,
        snapshot: SessionSnapshot,
        selection: Selection,
        accumulator: Accumulator,
        lost: set[int],
    ) -> None:
        """Give all parts to an accumulator; `lost` gets the hours of damaged blocks."""

        def add(part: Columns) -> None:
            inside = part.between(*map(microseconds, selection.range))
            selected = masks.select(inside, selection)
            if selected.selected.any():
                accumulator.add(selected)

        names = masks.columns_of(selection).union(accumulator.columns)
        parts = self._parts(snapshot, _hours(selection.range), names, lost)
        async with aclosing(parts):
            async for part in parts:
                await asyncio.to_thread(add, part)

    async def _parts(
        self, snapshot: SessionSnapshot, hours: range, names: Collection[str], lost: set[int]
    ) -> AsyncGenerator[Columns, None]:
        """All sessions of some hours, and perhaps more."""
        from_rows = {hour for hour in snapshot.dirty if hour in hours}
        await self._check_count(snapshot, from_rows)
        async for part in snapshot.rows(from_rows, names):
            yield part
        for header in snapshot.headers:
            try:
                yield await snapshot.block(header, names)
            except Damaged:
                more = set(header.hours) - snapshot.dirty
                lost |= more
                more.intersection_update(hour for hour in header.hours if hour in hours)
                from_rows |= more
                await self._check_count(snapshot, from_rows)
                async for part in snapshot.rows(more, names):
                    yield part

    async def _check_count(self, snapshot: SessionSnapshot, dirty: Collection[int]) -> None:
        if await snapshot.count(dirty, self._max_dirty_sessions + 1) > self._max_dirty_sessions:
            message = "much has changed, and is being prepared for analysis: try again"
            raise Unavailable(Reason.SERVICE_UNAVAILABLE, message, retry_after=_RETRY_SECONDS)

    async def _rebuild(self, website_key: int, hours: Collection[int]) -> None:
        """Count the hours of damaged blocks as changed, so that the next fold builds them again."""
        first = hour_start(min(hours)).isoformat()
        _log.error(
            "damaged blocks will be built again", website=website_key, hours=len(hours), first=first
        )
        # What was read is right without it, and the next read of these blocks tries again.
        with suppress(Unavailable):
            async with self._database.transaction() as connection:
                await changed_hours.note_hours(connection, website_key, hours, is_urgent=True)


def _hours(range_: Range) -> range:
    """The hours that a range touches."""
    last = range_.until - timedelta(microseconds=1)
    return range(hour_number(range_.since), hour_number(last) + 1)

"""Reading the sessions of a website as columns: the way in for everything that counts."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime

from sessions.analysis import masks
from sessions.analysis.accumulator import Accumulator
from sessions.analysis.columns import Columns
from sessions.analysis.encoding import Damaged
from sessions.domain.errors import Reason, Unavailable
from sessions.domain.hours import hours_of, microseconds
from sessions.domain.selection import Selection
from sessions.storage.database import Database
from sessions.storage.visitor_keys import resolve
from sessions.usecases.session_snapshot import SessionSnapshot, open_snapshot
from sessions.usecases.turns import Turns

MAX_DIRTY_SESSIONS = 100_000
"""Sessions that one read takes from their rows: about three seconds of work, with their steps."""

_RETRY_SECONDS = 30.0


class ReadColumns:
    """Reads sessions as columns, one read at a time.

    Args:
        database: for analyses.
        max_dirty_sessions: sessions that one read takes from their rows at most.
    """

    def __init__(self, database: Database, *, max_dirty_sessions: int = MAX_DIRTY_SESSIONS) -> None:
        self._database = database
        self._max_dirty_sessions = max_dirty_sessions
        self._turns = Turns()

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
        async with (
            self._turns.take(),
            open_snapshot(self._database, website_key, selection.range) as snapshot,
        ):
            found = await snapshot.connection.execute("SELECT statement_timestamp()")
            [(as_of,)] = await found.fetchall()
            predicate = await resolve(snapshot.connection, website_key, selection.predicate)
            await self._read(snapshot, replace(selection, predicate=predicate), accumulator)
        moment: datetime = as_of
        return moment

    async def _read(
        self, snapshot: SessionSnapshot, selection: Selection, accumulator: Accumulator
    ) -> None:
        """Give all parts to an accumulator."""

        def add(part: Columns) -> None:
            inside = part.between(*map(microseconds, selection.range))
            selected = masks.select(inside, selection)
            if selected.selected.any():
                accumulator.add(selected)

        names = masks.columns_of(selection).union(accumulator.columns)
        parts = self._parts(snapshot, hours_of(*selection.range), names)
        async with aclosing(parts):
            async for part in parts:
                await asyncio.to_thread(add, part)

    async def _parts(
        self, snapshot: SessionSnapshot, hours: range, names: Collection[str]
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
                snapshot.lost |= more
                more.intersection_update(hour for hour in header.hours if hour in hours)
                from_rows |= more
                await self._check_count(snapshot, from_rows)
                async for part in snapshot.rows(more, names):
                    yield part

    async def _check_count(self, snapshot: SessionSnapshot, dirty: Collection[int]) -> None:
        if await snapshot.count(dirty, self._max_dirty_sessions + 1) > self._max_dirty_sessions:
            message = "much has changed, and is being prepared for analysis: try again"
            raise Unavailable(Reason.SERVICE_UNAVAILABLE, message, retry_after=_RETRY_SECONDS)

"""Reading the sessions of a website as columns: the way in for everything that counts."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial

from sessions.analysis import masks
from sessions.analysis.accumulator import Accumulator
from sessions.analysis.columns import Columns
from sessions.analysis.encoding import Damaged
from sessions.domain.errors import QueueFull, Reason, Unavailable
from sessions.domain.hours import hours_of, microseconds
from sessions.domain.selection import Selection
from sessions.storage.database import Database
from sessions.storage.visitor_keys import resolve
from sessions.usecases.session_snapshot import SessionSnapshot, Snapshots, open_snapshots
from sessions.usecases.threads import in_thread, one_ahead
from sessions.usecases.turns import MAX_WAITING, Turns

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
        self._turns = Turns(_queue_full)

    @asynccontextmanager
    async def open(self, website_key: int) -> AsyncIterator["Reading"]:
        """Wait for a turn, and read sessions as they are at one moment.

        Raises:
            QueueFull: many calls are waiting.
            Unavailable: the database can't be reached.
        """
        async with (
            self._turns.take(),
            open_snapshots(self._database, website_key) as snapshots,
        ):
            found = await snapshots.connection.execute("SELECT statement_timestamp()")
            [(as_of,)] = await found.fetchall()
            yield Reading(snapshots, as_of, self._max_dirty_sessions)


def _queue_full() -> QueueFull:
    return QueueFull(Reason.ANALYSIS_QUEUE_FULL, limit=str(MAX_WAITING))


class Reading:
    """The sessions of a website as they are at one moment, `as_of`."""

    def __init__(self, snapshots: Snapshots, as_of: datetime, max_dirty_sessions: int) -> None:
        self.as_of = as_of
        self._snapshots = snapshots
        self._max_dirty_sessions = max_dirty_sessions

    async def resolve(self, selection: Selection) -> Selection:
        """The selection with conditions that columns can tell: keys in place of ids of visitors."""
        connection, website_key = self._snapshots.connection, self._snapshots.website_key
        predicate = await resolve(connection, website_key, selection.predicate)
        return replace(selection, predicate=predicate)

    async def accumulate(self, selection: Selection, accumulator: Accumulator) -> None:
        """Give an accumulator all sessions of a selection.

        Two parts are in memory at a time, since one is read while the one before it is counted, and
        the call can be cancelled between two of them.

        Args:
            selection: which sessions; those and no others are `selected`.
            accumulator: gets the parts, one after the other, in a thread.

        Raises:
            Unavailable: too many sessions have changed since the blocks were brought up to date;
                or the database can't be reached.
        """
        asked = await self.resolve(selection)

        def add(part: Columns) -> None:
            selected = masks.select(part.between(*map(microseconds, asked.range)), asked)
            if selected.selected.any():
                accumulator.add(selected)

        snapshot = await self._snapshots.open(asked.range)
        names = masks.columns_of(asked).union(accumulator.columns)
        parts = self._parts(snapshot, hours_of(*asked.range), names)
        async with aclosing(one_ahead(parts)) as ready:
            async for part in ready:
                await in_thread(partial(add, part))

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
            raise too_much_has_changed()


def too_much_has_changed() -> Unavailable:
    """The error of a call that would have to read very many sessions from their rows."""
    message = "much has changed, and is being prepared for analysis: try again"
    return Unavailable(Reason.SERVICE_UNAVAILABLE, message, retry_after=_RETRY_SECONDS)

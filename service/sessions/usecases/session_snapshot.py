"""The sessions of a website as columns, as one transaction sees them.

Blocks say what sessions there are, except for the hours that were changed since: the rows say
that. Why both together are exact at every moment is in docs/decisions/0016-blocks.md.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import pairwise

import structlog

from sessions.analysis import encoding, rows
from sessions.analysis.columns import ALL, Columns, with_implied
from sessions.analysis.encoding import is_intact
from sessions.domain.block_header import BlockHeader
from sessions.domain.errors import Unavailable
from sessions.domain.hours import hour_start
from sessions.domain.selection import Range
from sessions.storage import blocks, changed_hours, session_arrays
from sessions.storage.database import Connection, Database
from sessions.storage.replicas import on_primary
from sessions.storage.session_arrays import Span, clip, spans_of
from sessions.usecases.threads import in_thread

_SESSIONS_AT_ONCE = 20_000
# Rows that are held in memory at once, unless one session alone has more.
_STEPS_AT_ONCE = 50_000

_log = structlog.get_logger()


@asynccontextmanager
async def open_snapshot(
    database: Database, website_key: int, range_: Range
) -> AsyncIterator["SessionSnapshot"]:
    """What there is of some time at one moment; damaged blocks will be built again.

    Raises:
        Unavailable: the database can't be reached.
    """
    async with open_snapshots(database, website_key) as snapshots:
        yield await snapshots.open(range_)


@asynccontextmanager
async def open_snapshots(database: Database, website_key: int) -> AsyncIterator["Snapshots"]:
    """What there is at one moment; damaged blocks will be built again.

    Raises:
        Unavailable: the database can't be reached.
    """
    opened: list[SessionSnapshot] = []
    try:
        async with blocks.read_transaction(database) as connection:
            yield Snapshots(connection, website_key, opened)
    finally:
        if lost := set[int]().union(*(snapshot.lost for snapshot in opened)):
            await _rebuild(database, website_key, lost)


async def _rebuild(database: Database, website_key: int, hours: Collection[int]) -> None:
    """Count the hours of damaged blocks as changed, so that the next fold builds them again."""
    first = hour_start(min(hours)).isoformat()
    _log.error(
        "damaged blocks will be built again", website=website_key, hours=len(hours), first=first
    )
    # What was read is right without it, and the next read of these blocks tries again.
    with suppress(Unavailable), on_primary():
        async with database.transaction() as connection:
            await changed_hours.note_hours(connection, website_key, hours, is_urgent=True)


class Snapshots:
    """What there is of any time, all of one moment.

    Attributes:
        connection: inside the transaction.
        website_key: whose sessions.
    """

    def __init__(
        self, connection: Connection, website_key: int, opened: "list[SessionSnapshot]"
    ) -> None:
        self.connection = connection
        self.website_key = website_key
        self._opened = opened

    async def open(self, range_: Range) -> "SessionSnapshot":
        """What there is of some time."""
        snapshot = await SessionSnapshot.open(self.connection, self.website_key, range_)
        self._opened.append(snapshot)
        return snapshot


class SessionSnapshot:
    """What a REPEATABLE READ transaction sees of the sessions of a website.

    Attributes:
        connection: inside the transaction.
        website_key: whose sessions.
        headers: the blocks that can hold sessions of the range, oldest first. No two of them
            have an hour in common.
        damaged: what can't be used: written for something else, or in another format.
        lost: the hours of damaged blocks that are not known to have changed; readers add those
            of blocks that turn out to be damaged.
        dirty: the hours of the range for which rows must be read.
    """

    def __init__(
        self,
        connection: Connection,
        website_key: int,
        headers: Sequence[BlockHeader],
        changed: frozenset[int],
    ) -> None:
        self.connection = connection
        self.website_key = website_key
        self.headers = [header for header in headers if is_intact(header)]
        self.damaged = [header for header in headers if not is_intact(header)]
        self.lost = set[int]().union(*(header.hours for header in self.damaged)) - changed
        self.dirty = changed | self.lost

    @classmethod
    async def open(
        cls, connection: Connection, website_key: int, range_: Range | None = None
    ) -> "SessionSnapshot":
        """Look at what there is of some time, or of all time."""
        changed = await changed_hours.find(connection, website_key, range_)
        headers = await blocks.headers(connection, website_key, range_)
        return cls(connection, website_key, headers, changed)

    async def block(self, header: BlockHeader, names: Collection[str] = ALL) -> Columns:
        """The sessions of a block; selected are those that are up to date.

        Raises:
            Damaged: they can't be told from its bytes.
        """
        wanted = encoding.stored_columns(with_implied(names))
        stored = await blocks.read(self.connection, header, wanted)

        def decode() -> Columns:
            columns = encoding.decode(header, stored)
            return columns.without_hours(self.dirty.intersection(header.hours))

        return await in_thread(decode)

    async def count(self, hours: Collection[int], limit: int | None = None) -> int:
        """How many sessions started in these hours, counted up to a limit."""
        starts, _ = await session_arrays.sizes(
            self.connection, self.website_key, spans_of(hours), limit=limit
        )
        return rows.count(starts)

    async def rows(
        self, hours: Collection[int], names: Collection[str] = ALL
    ) -> AsyncGenerator[Columns, None]:
        """The sessions that started in these hours, from their rows, some at a time."""
        for spans in await self._parts(spans_of(hours)):
            fetched = await session_arrays.fetch(
                self.connection, self.website_key, spans, with_implied(names)
            )
            if fetched:
                yield await in_thread(partial(rows.columns_of, fetched))

    async def _parts(self, spans: Sequence[Span]) -> list[list[Span]]:
        """Cut spans of time so that the sessions of each part can be held in memory."""
        if not spans:
            return []
        sizes = await session_arrays.sizes(self.connection, self.website_key, spans, limit=None)
        cuts = rows.cuts(*sizes, most_sessions=_SESSIONS_AT_ONCE, most_steps=_STEPS_AT_ONCE)
        edges = [spans[0].since, *cuts, spans[-1].until]
        return [clip(spans, *edge) for edge in pairwise(edges)]

"""ExportSessions: all sessions of a selection, oldest first, some at a time.

Each chunk is read in one short transaction, and nothing is open while a caller reads it: a slow
one holds back neither vacuum nor a connection. So an export is not of one moment; it goes on by
the key of the last session, wherever it broke off.
"""

from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Generic, NamedTuple, TypeAlias, TypeVar
from uuid import UUID

from sessions.domain.cells import CellSigner
from sessions.domain.cursors import CursorSigner, ExportKey
from sessions.domain.errors import Reason, Unavailable
from sessions.domain.events import BEFORE_ALL, EventKey, StoredEvent
from sessions.domain.paging import Position
from sessions.domain.predicates import All
from sessions.domain.selection import Selection, SelectionQuery, select
from sessions.domain.websites import Website, unknown_website
from sessions.storage import blocks, session_export, websites
from sessions.storage.database import Connection, Database
from sessions.storage.replicas import confirm_on_primary
from sessions.storage.rows import FoundSession, SessionForm
from sessions.storage.session_export import Found
from sessions.usecases.cell_rows import add_cells
from sessions.usecases.matching import divide, matching
from sessions.usecases.read_columns import ReadColumns
from sessions.usecases.websites import Websites

CHUNK = 2_000
"""Sessions that are read in one transaction."""
MAX_SCANNED = 65_000
"""Sessions that are looked at in one transaction, where few are wanted: a fraction of a second."""
PART = 200
"""Items that are sent together: two milliseconds of work."""
MAX_EVENTS = 5_000
"""Events that are read in one transaction, unless one session alone has more."""
MAX_EVENT_BYTES = 1 << 20
"""Events are read until they are about this large."""
MAX_EXPORTS = 16
"""Exports at once in one process; each holds a chunk in memory."""
_RETRY_SECONDS = 5.0

T = TypeVar("T")


class ExportPart(NamedTuple, Generic[T]):
    """Some items of an export, each session before its events.

    Attributes:
        items: sessions in some form, oldest first, and events.
        cursor: goes on after them; `''` at the end.
        sessions: how many sessions were sent by now, with those before the cursor.
    """

    items: list[T | StoredEvent]
    cursor: str
    sessions: int


class _Chunk(NamedTuple, Generic[T]):
    """What one transaction has read: sessions with their events, and how far it got.

    `end` is None where nothing comes after it; `is_cut` tells that events of the last session do.
    """

    sessions: list[tuple[FoundSession[T], list[StoredEvent]]]
    end: Position | None
    is_cut: bool = False


class _Scan:
    """How many sessions the next transaction looks at: more where few were wanted."""

    def __init__(self) -> None:
        self.size = CHUNK

    def adjust(self, found: int) -> None:
        """Take into account how many of the last ones were wanted."""
        if found < CHUNK // 2:
            self.size = min(2 * self.size, MAX_SCANNED)
        elif found == CHUNK:
            self.size = max(self.size // 2, CHUNK)


class ExportSessions(Generic[T]):
    """Exports the sessions of a website, in one form.

    Args:
        database: for exports.
        websites: finds the website.
        cursors: seals the cursors.
        clock: what time it is.
        read_columns: for the cells of analyses.
        form: of the sessions.
    """

    def __init__(
        self,
        database: Database,
        websites: Websites,
        cursors: CursorSigner,
        clock: Callable[[], datetime],
        read_columns: ReadColumns,
        form: SessionForm[T],
    ) -> None:
        self._form = form
        self._database = database
        self._websites = websites
        self._cursors = cursors
        self._cells = CellSigner(cursors)
        self._read_columns = read_columns
        self._clock = clock
        self._running = 0

    async def __call__(
        self, query: SelectionQuery, *, cursor: str = "", include_events: bool = False
    ) -> AsyncGenerator[ExportPart[T], None]:
        """The parts of an export, from the beginning or after a cursor; the last has no cursor.

        A part can be empty: then it tells only how far the search has come.

        Raises:
            InvalidArgument: a parameter is wrong, or the cursor is not of this query.
            NotFound: there is no such website, or it was deleted meanwhile.
            QueueFull: the cell takes an analysis, and many are waiting.
            Unavailable: too many exports run, or the database can't be reached.
        """
        now = self._clock()
        selection, cells = select(query, now), self._cells.open(query, now)
        identity = b"export" + bytes([include_events]) + selection.identity + query.cell.encode()
        key = None
        if cursor:
            key = ExportKey.unpack(self._cursors.open(cursor, identity, "cursor"))
            selection = replace(selection, range=key.range)
        website = await self._websites.get(query.website_id)
        open_reading = partial(self._read_columns.open, website.key)
        selection = await add_cells(selection, query, cells, open_reading)
        key = key or _beginning(selection)
        if self._running >= MAX_EXPORTS:
            message = "too many exports are running, try again"
            raise Unavailable(Reason.SERVICE_UNAVAILABLE, message, retry_after=_RETRY_SECONDS)
        self._running += 1
        try:
            scan = _Scan()
            while True:
                chunk = await self._read(website, selection, key, scan, include_events)
                pairs = _items(chunk, key)
                while part := list(islice(pairs, PART)):
                    key = ExportKey(key.range, *part[-1][1])
                    yield self._part([item for item, _ in part], key, identity)
                if chunk.end is None:
                    yield ExportPart([], "", key.sessions)
                    return
                if not chunk.is_cut:
                    key = key._replace(after=chunk.end, after_event=None)
                if not chunk.sessions:
                    yield self._part([], key, identity)
        finally:
            self._running -= 1

    async def estimate(self, query: SelectionQuery) -> int:
        """About how many sessions an export has.

        Raises:
            InvalidArgument: a parameter is wrong.
            NotFound: there is no such website.
        """
        now = self._clock()
        selection = select(self._cells.dated(query, now), now)
        website = await self._websites.get(query.website_id)
        told, _ = divide(selection.predicate)
        told_selection = replace(selection, predicate=told)
        return await session_export.estimate(self._database, website.key, told_selection)

    def _part(self, items: list[T | StoredEvent], key: ExportKey, identity: bytes) -> ExportPart[T]:
        return ExportPart(items, self._cursors.seal(key.pack(), identity), key.sessions)

    async def _read(
        self,
        website: Website,
        selection: Selection,
        key: ExportKey,
        scan: _Scan,
        include_events: bool,
    ) -> _Chunk[T]:
        """The next chunk, as it is at one moment."""
        async with blocks.read_transaction(self._database) as connection:
            # Sessions of a website that is being deleted go bit by bit: the rest is no export.
            if not await websites.is_there(connection, website.key):
                confirm_on_primary()
                raise unknown_website(website.website_id)
            found = await _find(connection, website.key, selection, key, scan, self._form)
            if not include_events:
                return _Chunk([(each, []) for each in found.sessions], found.end)
            return await _with_events(connection, website.key, found, key)


async def _find(
    connection: Connection,
    website_key: int,
    selection: Selection,
    key: ExportKey,
    scan: _Scan,
    form: SessionForm[T],
) -> Found[T]:
    """The next sessions of a selection."""
    told, others = divide(selection.predicate)
    found = await session_export.find(
        connection,
        website_key,
        replace(selection, predicate=told),
        key.after,
        # Of a session that was cut, the other events are wanted.
        inclusive=key.after_event is not None,
        scanned=scan.size,
        limit=CHUNK,
        form=form,
    )
    scan.adjust(len(found.sessions))
    if others == All():
        return found
    asked = replace(selection, predicate=others)
    return found._replace(sessions=await matching(connection, website_key, asked, found.sessions))


async def _with_events(
    connection: Connection, website_key: int, found: Found[T], key: ExportKey
) -> _Chunk[T]:
    """As many of the sessions as fit into a chunk with their events."""
    sessions = list(_fitting(found.sessions))
    if not sessions:
        return _Chunk([], found.end)
    is_continued = sessions[0].position == key.after
    events, is_complete = await session_export.events(
        connection,
        website_key,
        sessions,
        after=key.after_event if is_continued else None,
        limit=MAX_EVENTS,
        max_bytes=MAX_EVENT_BYTES,
    )
    pairs = list(zip(sessions, events, strict=False))
    if is_complete and len(sessions) == len(found.sessions):
        return _Chunk(pairs, found.end)
    return _Chunk(pairs, pairs[-1][0].position, not is_complete)


def _fitting(sessions: list[FoundSession[T]]) -> Iterator[FoundSession[T]]:
    """The first sessions that have few enough events; at least one."""
    left = MAX_EVENTS
    for number, each in enumerate(sessions):
        left -= each.steps
        if number and left < 0:
            return
        yield each


_Progress: TypeAlias = tuple[Position, int, EventKey | None]
"""All of an ExportKey but for its range."""


def _items(chunk: _Chunk[T], key: ExportKey) -> Iterator[tuple[T | StoredEvent, _Progress]]:
    """The items of a chunk, each with how far the export has come with it."""
    _, before, count, after_event = key
    for number, (found, events) in enumerate(chunk.sessions, 1):
        position = found.position
        if after_event is None or position != before:
            count += 1
            yield found.session, (position, count, BEFORE_ALL if events else None)
        is_cut = chunk.is_cut and number == len(chunk.sessions)
        last = None if is_cut else len(events)
        for ordinal, event in enumerate(events, 1):
            yield event, (position, count, None if ordinal == last else event.key)


def _beginning(selection: Selection) -> ExportKey:
    """Before the first session of a selection."""
    before = Position(selection.range.since - timedelta(microseconds=1), UUID(int=2**128 - 1))
    return ExportKey(selection.range, before, 0)

"""Pages of the list of sessions by conditions that no index answers: columns, newest first."""

import time
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Generic, NamedTuple, TypeVar

from sessions.analysis import masks
from sessions.analysis.columns import Columns
from sessions.analysis.encoding import Damaged
from sessions.analysis.newest import SessionKey, newest
from sessions.domain.block_header import BlockHeader
from sessions.domain.errors import Reason, Unavailable
from sessions.domain.hours import HOUR, hour_start, hours_of, microseconds
from sessions.domain.paging import Position
from sessions.domain.selection import Range, Selection
from sessions.storage import session_list
from sessions.storage.database import Database
from sessions.storage.rows import SessionForm
from sessions.storage.session_list import ListPage
from sessions.storage.visitor_keys import resolve
from sessions.usecases.read_columns import too_much_has_changed
from sessions.usecases.session_snapshot import SessionSnapshot, open_snapshot
from sessions.usecases.threads import in_thread
from sessions.usecases.turns import Turns

T = TypeVar("T")

BUDGET = 0.3
"""Seconds after which a page that is hard to fill ends short."""

MAX_HOUR = 50_000
"""Sessions of one changed hour that are taken from their rows at most: a second or two of work."""

# The same of several hours: after each such stretch a page can end.
_MOST = 4_000


class SearchColumns:
    """Finds pages of sessions in columns.

    Searches have turns of their own, on the pool of requests: they end after BUDGET and one more
    block, while an analysis, which takes as long as it takes, would keep them waiting. One runs
    at a time, so that they hold one connection, one block in memory and one thread at most.

    Args:
        database: for requests.
        budget: seconds after which a page ends short.
        max_hour: sessions of one changed hour that are taken from their rows at most.
    """

    def __init__(
        self, database: Database, *, budget: float = BUDGET, max_hour: int = MAX_HOUR
    ) -> None:
        self._database = database
        self._budget = budget
        self._max_hour = max_hour
        self._turns = Turns(_too_many)

    async def __call__(
        self,
        website_key: int,
        selection: Selection,
        *,
        after: Position,
        limit: int,
        form: SessionForm[T],
    ) -> ListPage[T]:
        """The first sessions of a selection that come after a position, newest first.

        Raises:
            Unavailable: many searches are waiting, an hour with very many sessions has changed, or
                the database can't be reached.
            DeadlineExceeded: a statement took too long.
        """
        # To the end of the moment of the position, at which there can be more.
        range_ = Range(selection.range.since, after.started_at + timedelta(microseconds=1))
        async with (
            self._turns.take(),
            open_snapshot(self._database, website_key, range_) as snapshot,
        ):
            predicate = await resolve(snapshot.connection, website_key, selection.predicate)
            asked = replace(selection, range=range_, predicate=predicate)
            search = _Search(snapshot, asked, after, limit, form, self._max_hour)
            return await search.page(time.monotonic() + self._budget)


def _too_many() -> Unavailable:
    message = "too many lists are being searched for, try again"
    return Unavailable(Reason.SERVICE_UNAVAILABLE, message, retry_after=1.0)


class _Stretch(NamedTuple):
    """The sessions that were found from an hour on, up to where the stretch before it began."""

    first_hour: int
    keys: list[SessionKey]


class _Search(Generic[T]):
    """One search in one snapshot."""

    def __init__(
        self,
        snapshot: SessionSnapshot,
        selection: Selection,
        after: Position,
        limit: int,
        form: SessionForm[T],
        max_hour: int,
    ) -> None:
        self._form = form
        self._max_hour = max_hour
        self._snapshot = snapshot
        self._selection = selection
        self._after = after
        self._limit = limit
        self._hours = hours_of(*selection.range)
        self._names = masks.columns_of(selection)

    async def page(self, deadline: float) -> ListPage[T]:
        """The page that is found until a moment of the monotonic clock."""
        found: list[T] = []
        async with aclosing(self._stretches()) as stretches:
            async for first_hour, keys in stretches:
                found += await self._sessions(keys, self._limit + 1 - len(found))
                if len(found) > self._limit:
                    break
                if time.monotonic() > deadline and first_hour > self._hours.start:
                    return ListPage(found, session_list.before(hour_start(first_hour)))
        return session_list.page(found, self._limit, self._form)

    async def _sessions(self, keys: list[SessionKey], limit: int) -> list[T]:
        return await session_list.by_keys(
            self._snapshot.connection,
            self._snapshot.website_key,
            keys,
            after=self._after,
            limit=limit,
            form=self._form,
        )

    async def _stretches(self) -> AsyncGenerator[_Stretch, None]:
        """All of the range, newest first: blocks, and the changed hours in and between them."""
        until = self._hours.stop
        for header in reversed(self._snapshot.headers):
            async for stretch in self._changed(range(header.last_hour + 1, until)):
                yield stretch
            keys = await self._block(header)
            async for stretch in self._changed(header.hours, keys):
                yield stretch
            until = header.first_hour
        async for stretch in self._changed(range(self._hours.start, until)):
            yield stretch

    async def _block(self, header: BlockHeader) -> list[SessionKey]:
        """The sessions of a block; the hours of a damaged one count as changed."""
        try:
            return await self._newest(await self._snapshot.block(header, self._names))
        except Damaged:
            self._snapshot.lost.update(set(header.hours) - self._snapshot.dirty)
            return []

    async def _changed(
        self, hours: range, keys: Sequence[SessionKey] = ()
    ) -> AsyncGenerator[_Stretch, None]:
        """Some hours, of which the changed ones come from their rows, and the others have keys."""
        start, stop = max(hours.start, self._hours.start), min(hours.stop, self._hours.stop)
        dirty, lost = self._snapshot.dirty, self._snapshot.lost
        inside = range(start, stop)
        changed = sorted(dirty.intersection(inside) | lost.intersection(inside))
        at_once = 1
        while changed:
            taken = await self._last(changed, at_once)
            changed = changed[: -len(taken)]
            own = [key for key in keys if key.started_at >= taken[0] * HOUR]
            keys = keys[: len(keys) - len(own)]
            yield _Stretch(taken[0], own + await self._rows(taken))
            at_once = 4 * len(taken)
        if hours:
            yield _Stretch(hours.start, list(keys))

    async def _last(self, changed: Sequence[int], most: int) -> Sequence[int]:
        """The last ones of some hours, as many as do not have too many sessions.

        Raises:
            Unavailable: a single one has too many.
        """
        taken = changed[-most:]
        while len(taken) > 1:
            if await self._snapshot.count(taken, _MOST + 1) <= _MOST:
                return taken
            taken = taken[len(taken) - len(taken) // 2 :]
        if await self._snapshot.count(taken, self._max_hour + 1) > self._max_hour:
            raise too_much_has_changed()
        return taken

    async def _rows(self, hours: Collection[int]) -> list[SessionKey]:
        """The sessions of some hours."""
        keys: list[SessionKey] = []
        async with aclosing(self._snapshot.rows(hours, self._names)) as parts:
            async for part in parts:
                keys += await self._newest(part)
        return keys

    async def _newest(self, part: Columns) -> list[SessionKey]:
        since, until = map(microseconds, self._selection.range)

        def find() -> list[SessionKey]:
            selected = masks.select(part.between(since, until), self._selection)
            return newest(selected, self._limit + 1, until - 1)

        return await in_thread(find)

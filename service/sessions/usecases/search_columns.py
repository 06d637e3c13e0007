"""Pages of the list of sessions by conditions that no index answers: columns, newest first."""

import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from sessions.analysis import masks
from sessions.analysis.columns import Columns
from sessions.analysis.encoding import Damaged
from sessions.analysis.newest import SessionKey, newest
from sessions.domain.block_header import BlockHeader
from sessions.domain.errors import Reason, Unavailable
from sessions.domain.hours import hour_start, hours_of, microseconds
from sessions.domain.paging import Position
from sessions.domain.selection import Range, Selection
from sessions.domain.session import Session
from sessions.storage import session_list
from sessions.storage.database import Database
from sessions.storage.session_list import ListPage
from sessions.storage.visitor_keys import resolve
from sessions.usecases.session_snapshot import SessionSnapshot, open_snapshot
from sessions.usecases.threads import in_thread
from sessions.usecases.turns import Turns

BUDGET = 0.3
"""Seconds after which a page that is hard to fill ends short."""

# Sessions of changed hours that are taken from their rows in one step, about.
_FEW, _MANY = 500, 4_000


class SearchColumns:
    """Finds pages of sessions in columns.

    Searches have turns of their own, on the pool of requests: they end after BUDGET and one more
    block, while an analysis, which takes as long as it takes, would keep them waiting. One runs
    at a time, so that they hold one connection, one block in memory and one thread at most.

    Args:
        database: for requests.
        budget: seconds after which a page ends short.
    """

    def __init__(self, database: Database, *, budget: float = BUDGET) -> None:
        self._database = database
        self._budget = budget
        self._turns = Turns(_too_many)

    async def __call__(
        self, website_key: int, selection: Selection, *, after: Position, limit: int
    ) -> ListPage:
        """The first sessions of a selection that come after a position, newest first.

        Raises:
            Unavailable: many searches are waiting, or the database can't be reached.
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
            search = _Search(snapshot, asked, after, limit)
            return await search.page(time.monotonic() + self._budget)


def _too_many() -> Unavailable:
    message = "too many lists are being searched for, try again"
    return Unavailable(Reason.SERVICE_UNAVAILABLE, message, retry_after=1.0)


class _Stretch(NamedTuple):
    """The sessions that were found from an hour on, up to where the stretch before it began."""

    first_hour: int
    keys: list[SessionKey]


class _Search:
    """One search in one snapshot."""

    def __init__(
        self, snapshot: SessionSnapshot, selection: Selection, after: Position, limit: int
    ) -> None:
        self._snapshot = snapshot
        self._selection = selection
        self._after = after
        self._limit = limit
        self._hours = hours_of(*selection.range)
        self._names = masks.columns_of(selection)

    async def page(self, deadline: float) -> ListPage:
        """The page that is found until a moment of the monotonic clock."""
        found: list[Session] = []
        async with aclosing(self._stretches()) as stretches:
            async for first_hour, keys in stretches:
                found += await self._sessions(keys, self._limit + 1 - len(found))
                if len(found) > self._limit:
                    break
                if time.monotonic() > deadline and first_hour > self._hours.start:
                    return ListPage(found, session_list.before(hour_start(first_hour)))
        return session_list.page(found, self._limit)

    async def _sessions(self, keys: list[SessionKey], limit: int) -> list[Session]:
        return await session_list.by_keys(
            self._snapshot.connection,
            self._snapshot.website_key,
            keys,
            after=self._after,
            limit=limit,
        )

    async def _stretches(self) -> AsyncGenerator[_Stretch, None]:
        """All of the range, newest first: blocks, and the changed hours between them."""
        until = self._hours.stop
        for header in reversed(self._snapshot.headers):
            async for stretch in self._changed(range(header.last_hour + 1, until)):
                yield stretch
            yield await self._block(header)
            until = header.first_hour
        async for stretch in self._changed(range(self._hours.start, until)):
            yield stretch

    async def _block(self, header: BlockHeader) -> _Stretch:
        """The hours of a block, of which those that have changed come from their rows."""
        from_rows = self._snapshot.dirty.intersection(header.hours)
        keys: list[SessionKey] = []
        try:
            keys += await self._newest(await self._snapshot.block(header, self._names))
        except Damaged:
            self._snapshot.lost.update(set(header.hours) - from_rows)
            from_rows = frozenset(header.hours)
        found, _ = await self._rows(from_rows)
        return _Stretch(header.first_hour, keys + found)

    async def _changed(self, hours: range) -> AsyncGenerator[_Stretch, None]:
        """The changed ones among hours without a block, some at a time."""
        changed = sorted(self._snapshot.dirty.intersection(hours))
        at_once = 1
        while changed:
            changed, taken = changed[:-at_once], changed[-at_once:]
            keys, read = await self._rows(taken)
            yield _Stretch(taken[0], keys)
            if read < _FEW:
                at_once *= 4
            elif read > _MANY:
                at_once = max(1, at_once // 4)

    async def _rows(self, hours: Iterable[int]) -> tuple[list[SessionKey], int]:
        """The keys of sessions of some hours, and how many sessions were read."""
        inside = [hour for hour in hours if hour in self._hours]
        keys: list[SessionKey] = []
        read = 0
        async with aclosing(self._snapshot.rows(inside, self._names)) as parts:
            async for part in parts:
                keys += await self._newest(part)
                read += len(part)
        return keys, read

    async def _newest(self, part: Columns) -> list[SessionKey]:
        since, until = map(microseconds, self._selection.range)

        def find() -> list[SessionKey]:
            selected = masks.select(part.between(since, until), self._selection)
            return newest(selected, self._limit + 1, until - 1)

        return await in_thread(find)

"""Folding: blocks are brought up to date with the rows that have changed."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import datetime, timedelta

import structlog

from sessions.analysis import encoding
from sessions.analysis.columns import Columns, concatenate
from sessions.analysis.encoding import MAX_SESSIONS, Block, Damaged
from sessions.domain.block_header import BlockHeader
from sessions.domain.errors import DomainError
from sessions.domain.hours import hour_number, month_of
from sessions.instruments import FOLD_DURATION
from sessions.storage import blocks, changed_hours
from sessions.storage.blocks import FoldConflict
from sessions.storage.database import Connection, Database
from sessions.usecases.progress import Progress, silent
from sessions.usecases.session_snapshot import SessionSnapshot

# Between two folds of a website.
_REST = timedelta(minutes=1)

_CONFLICT_SECONDS = 0.5
_NO_TIME = timedelta()

LAG_LIMIT = timedelta(minutes=5)
"""A fold that is due for longer is reported."""

_log = structlog.get_logger()


class FoldBlocks:
    """Builds blocks: each in one transaction, and those of one website one after the other.

    Args:
        database: for long jobs.
        clock: tells the current hour, which is never folded.
        max_sessions: sessions of a block with more than one hour, at most.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        *,
        max_sessions: int = MAX_SESSIONS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._max_sessions = max_sessions
        self._due_since: dict[int, datetime] = {}

    @property
    def lag(self) -> timedelta:
        """For how long, by what was seen, some website has been waiting for its fold."""
        return max((self._clock() - since for since in self._due_since.values()), default=_NO_TIME)

    async def __call__(self) -> None:
        """Fold the websites of which enough has changed; what fails is logged.

        Raises:
            Unavailable: the database can't be reached.
        """
        now = self._clock()
        due = await changed_hours.due(self._database, now, now - _REST)
        self._due_since = {each: self._due_since.get(each, now) for each in due}
        for website_key in due:
            await self._fold_and_log(website_key)
        if self.lag >= LAG_LIMIT:
            seconds, websites = self.lag.total_seconds(), len(self._due_since)
            _log.warning("blocks are behind", seconds=round(seconds), websites=websites)

    async def _fold_and_log(self, website_key: int) -> None:
        began = self._clock()
        try:
            hours = sum([folded async for folded in self.website(website_key)])
        except FoldConflict:
            pass  # another worker is at it
        except DomainError as error:
            _log.warning("a fold is postponed", website=website_key, error=error.message)
        except Exception:
            _log.exception("a fold failed", website=website_key)
        else:
            del self._due_since[website_key]
            seconds = (self._clock() - began).total_seconds()
            _log.info("folded", website=website_key, hours=hours, seconds=round(seconds, 1))
            FOLD_DURATION.observe(seconds)

    async def completely(self, website_key: int, progress: Progress = silent) -> None:
        """Bring all blocks of a website up to date, also while others fold it.

        Progress counts hours.

        Raises:
            Unavailable: the database can't be reached; what was folded before stays.
        """
        total = len(await self._waiting(website_key))
        while True:
            try:
                async for hours in self.website(website_key):
                    progress(hours, total)
            except FoldConflict:
                await asyncio.sleep(_CONFLICT_SECONDS)
            else:
                return

    async def _waiting(self, website_key: int) -> list[int]:
        """The hours that there are to fold, but for those of damaged blocks."""
        current_hour = hour_number(self._clock())
        async with self._database.transaction() as connection:
            changed = await changed_hours.find(connection, website_key)
        return [hour for hour in changed if hour < current_hour]

    async def website(self, website_key: int) -> AsyncIterator[int]:
        """Bring all blocks of a website up to date; gives how many hours each transaction took.

        Each hour is folded once, however often it changes meanwhile.

        Raises:
            FoldConflict: somebody else folds this website.
            Unavailable: the database can't be reached.
        """
        folded: set[int] = set()
        while hours := await self._next(website_key, folded):
            folded.update(hours)
            yield len(hours)

    async def _next(self, website_key: int, folded: Collection[int]) -> Sequence[int]:
        """Fold the next hours in one transaction; none where there is nothing left to fold."""
        now = self._clock()
        async with blocks.fold_transaction(self._database, website_key, now) as connection:
            if connection is None:
                return []
            await changed_hours.compact(connection, website_key)
            fold = _Fold(connection, website_key, self._max_sessions)
            return await fold.next(hour_number(now), folded)


class _Fold:
    """One transaction that folds."""

    def __init__(self, connection: Connection, website_key: int, max_sessions: int) -> None:
        self._connection = connection
        self._website_key = website_key
        self._max_sessions = max_sessions

    async def next(self, current_hour: int, folded: Collection[int]) -> Sequence[int]:
        """Fold the next hours before the current one, those of one block, and return them."""
        snapshot = await SessionSnapshot.open(self._connection, self._website_key)
        for header in snapshot.damaged:
            await self._discard(header)
        waiting = sorted(hour for hour in snapshot.dirty.difference(folded) if hour < current_hour)
        if not waiting:
            return []
        near, candidates = _slot(snapshot.headers, waiting)
        hours, count = await self._first(snapshot, candidates)
        parts: list[Columns] = []
        replaced = near if near and self._belong_together(near, hours, count) else None
        if replaced:
            try:
                parts.append(await snapshot.block(replaced))
            except Damaged:
                await self._discard(replaced)
                # Its hours count as changed from now on: begin again with them.
                return await self.next(current_hour, folded)
        parts += [part async for part in snapshot.rows(hours)]
        await self._replace(replaced, parts)
        await changed_hours.remove(self._connection, self._website_key, hours)
        return hours

    async def _first(
        self, snapshot: SessionSnapshot, hours: Sequence[int]
    ) -> tuple[Sequence[int], int]:
        """As many of these hours as fit into a block, at least one, and their sessions."""
        limit = self._max_sessions + 1
        while (count := await snapshot.count(hours, limit)) == limit and len(hours) > 1:
            # The count stops at the limit and can't tell how many hours would fit.
            hours = hours[: len(hours) // 2]
        return hours, count

    def _belong_together(self, near: BlockHeader, hours: Sequence[int], count: int) -> bool:
        """Whether hours lie inside of a block, or fit into it."""
        inside = hours[0] <= near.last_hour and near.first_hour <= hours[-1]
        return inside or 0 < count <= self._max_sessions - near.sessions

    async def _replace(self, replaced: BlockHeader | None, parts: Sequence[Columns]) -> None:
        """Put blocks of these sessions where there was one, or none."""
        if replaced:
            await blocks.delete(self._connection, replaced)
        for block in await asyncio.to_thread(self._encode, parts):
            await blocks.insert(self._connection, *block)

    def _encode(self, parts: Sequence[Columns]) -> list[Block]:
        if not parts:
            return []
        current = concatenate([part.compact() for part in parts])
        pieces = encoding.split(current, self._max_sessions)
        return [encoding.encode(self._website_key, piece) for piece in pieces]

    async def _discard(self, header: BlockHeader) -> None:
        """Remove a damaged block; all of its hours count as changed."""
        _log.error("discarding a damaged block", **header._replace(checksum=b"")._asdict())
        await blocks.delete(self._connection, header)
        await changed_hours.note_hours(self._connection, self._website_key, header.hours)


def _slot(
    headers: Sequence[BlockHeader], waiting: Sequence[int]
) -> tuple[BlockHeader | None, list[int]]:
    """The block that the first hours belong to, or lie next to, and which hours these are.

    A block never has an hour in common with another one, nor hours of two months: partitions of
    rows are months.
    """
    month = month_of(waiting[0])
    same_month = [header for header in headers if month_of(header.first_hour) == month]
    firsts = [header.first_hour for header in same_month]
    index = bisect_right(firsts, waiting[0])
    near = same_month[max(index - 1, 0)] if same_month else None
    hours = [hour for hour in waiting if month_of(hour) == month]
    return near, [hour for hour in hours if index == len(firsts) or hour < firsts[index]]

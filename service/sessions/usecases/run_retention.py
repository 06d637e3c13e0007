"""Retention: sessions go when they are older than their website keeps them."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from sessions.domain.errors import NotFound
from sessions.storage import partition_removal, retention, websites
from sessions.storage.database import Database
from sessions.storage.partitions import PARTITIONED, Month
from sessions.storage.retention import Expired, Removed, RetentionCursor
from sessions.usecases.delete_website import remove_website
from sessions.usecases.progress import Progress, silent


class Outcome(NamedTuple):
    """What a run removed; `months` are those of which a partition was dropped."""

    sessions: int
    events: int
    months: Sequence[str]


class RunRetention:
    """Removes what is older than it is kept, one run at a time over all hosts.

    Args:
        database: for long jobs; a run holds two connections, one of them for its lock.
        clock: tells how old sessions are.
        sessions_at_once: sessions that one transaction removes at most.
        pause: seconds, on average, between two attempts to drop a partition that is in use.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        *,
        sessions_at_once: int = retention.SESSIONS_AT_ONCE,
        pause: float = partition_removal.PAUSE,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sessions_at_once = sessions_at_once
        self._pause = pause

    async def __call__(self, progress: Progress = silent) -> Outcome | None:
        """Remove everything that is too old; None where another run is under way.

        It can be stopped at any moment; the next run goes on. It also ends deletions
        of websites that were interrupted. Progress counts sessions, of an estimated total.

        Sessions go with their events in short transactions; months that are empty after that,
        and that no website needs, lose their partitions.

        Raises:
            Unavailable: the database can't be reached.
        """
        async with self._database.exclusive_lock(retention.LOCK) as is_held:
            return await self._run(progress) if is_held else None

    async def preview(self) -> Outcome:
        """What a run would remove; `months` are those of which partitions would be dropped.

        Counts every session that is too old, which takes a while where there are many.

        Raises:
            Unavailable: the database can't be reached.
        """
        expired = await self._expired(self._clock())
        counts = [await retention.count(self._database, each) for each in expired]
        months = {month for table in PARTITIONED for month in await self._unneeded(table)}
        return Outcome(
            sum(each.sessions for each in counts),
            sum(each.events for each in counts),
            sorted(map(str, months)),
        )

    async def _run(self, progress: Progress) -> Outcome:
        await self._end_deletions()
        expired = await self._expired(self._clock())
        # All before the first removal, for the total of the progress.
        estimates = [await retention.estimate(self._database, each) for each in expired]
        sessions = events = 0
        for each in expired:
            async for removed in self._remove(each):
                sessions, events = sessions + removed.sessions, events + removed.events
                progress(removed.sessions, sum(estimates))
        return Outcome(sessions, events, await self._drop_months())

    async def _end_deletions(self) -> None:
        for website in await websites.list_all(self._database):
            if website.deleted_at:
                await remove_website(self._database, website, silent)

    async def _expired(self, now: datetime) -> list[Expired]:
        found = await websites.list_all(self._database)
        expired = (retention.expired(website, now) for website in found)
        return [each for each in expired if each]

    async def _remove(self, which: Expired) -> AsyncIterator[Removed]:
        """Remove the sessions of a website that are too old, batch by batch."""
        cursor = RetentionCursor()
        # Nothing is left of a website that is deleted meanwhile.
        with suppress(NotFound):
            while step := await retention.remove_next(
                self._database, which, cursor, sessions_at_once=self._sessions_at_once
            ):
                removed, cursor = step
                yield removed

    async def _unneeded(self, table: str) -> list[Month]:
        return await partition_removal.unneeded_months(self._database, table, self._clock())

    async def _drop_months(self) -> list[str]:
        """Drop the partitions that nobody needs, and return their months."""
        dropped = {
            month
            for table in PARTITIONED
            for month in await self._unneeded(table)
            if await partition_removal.drop_empty(self._database, table, month, pause=self._pause)
        }
        return sorted(map(str, dropped))

"""Retention: sessions go when they are older than their website keeps them."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from sessions.domain.errors import NotFound
from sessions.storage import partition_removal, retention, websites
from sessions.storage.database import Database
from sessions.storage.partitions import Month
from sessions.storage.retention import Expired, Place, Removed
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
        open_database: makes the two connections that a run has for itself.
        clock: tells how old sessions are.
    """

    def __init__(
        self, open_database: Callable[[], Database], clock: Callable[[], datetime]
    ) -> None:
        self._open_database = open_database
        self._clock = clock

    async def __call__(self, progress: Progress = silent) -> Outcome | None:
        """Remove everything that is too old; None where another run is under way.

        It can be stopped at any moment; the next run goes on. It also ends deletions
        of websites that were interrupted. Progress counts sessions.

        Raises:
            Unavailable: the database can't be reached.
        """
        async with self._open_database() as database, database.alone(retention.LOCK) as alone:
            return await _Run(database, self._clock(), progress).all() if alone else None

    async def preview(self) -> Outcome:
        """What a run would remove; `months` are those of which partitions would be dropped.

        Raises:
            Unavailable: the database can't be reached.
        """
        async with self._open_database() as database:
            run = _Run(database, self._clock(), silent)
            months = {*await run.unneeded("events"), *await run.unneeded("sessions")}
            return Outcome(*await run.count(), sorted(map(str, months)))


class _Run:
    """One run, and what it has done so far."""

    def __init__(self, database: Database, now: datetime, progress: Progress) -> None:
        self._database = database
        self._now = now
        self._progress = progress
        self._removed = Removed(0, 0)
        self._total = 0

    async def all(self) -> Outcome:
        """All steps.

        The events of a month go in one piece where no website needs them. Before that go
        the sessions that reach out of these months, so that none stays with half of its
        events; after that the others, which lead to their ids, pages and visitors.
        """
        await self._end_deletions()
        self._total = (await self.count()).sessions
        months = await self.unneeded("events")
        if months:
            await self._remove(ended_since=months[-1].end)
        dropped = {month for month in months if await self._drop("events", month)}
        await self._remove()
        months = await self.unneeded("sessions")
        dropped |= {month for month in months if await self._drop("sessions", month)}
        return Outcome(*self._removed, sorted(map(str, dropped)))

    async def count(self) -> Removed:
        """How much is older than it is kept."""
        counts = [await retention.count(self._database, each) for each in await self._expired()]
        return Removed(sum(each.sessions for each in counts), sum(each.events for each in counts))

    async def unneeded(self, table: str) -> list[Month]:
        """The months of a table that no website needs, oldest first."""
        return await partition_removal.unneeded_months(self._database, table, self._now)

    async def _drop(self, table: str, month: Month) -> bool:
        # Sessions lead to what else has to go: that is done when none is left.
        return await partition_removal.drop(
            self._database, table, month, self._now, only_empty=table == "sessions"
        )

    async def _end_deletions(self) -> None:
        for website in await websites.list_all(self._database):
            if website.deleted_at:
                await remove_website(self._database, website, silent)

    async def _expired(self) -> list[Expired]:
        found = await websites.list_all(self._database)
        expired = (retention.expired(website, self._now) for website in found)
        return [each for each in expired if each]

    async def _remove(self, ended_since: datetime | None = None) -> None:
        """Remove the sessions that are too old, or only those that ended after a moment."""
        for each in await self._expired():
            # Nothing is left of a website that is deleted meanwhile.
            with suppress(NotFound):
                await self._walk(each._replace(ended_since=ended_since) if ended_since else each)

    async def _walk(self, which: Expired) -> None:
        place = Place()
        while step := await retention.remove_next(self._database, which, place):
            removed, place = step
            self._removed = Removed(
                self._removed.sessions + removed.sessions, self._removed.events + removed.events
            )
            self._progress(removed.sessions, self._total)

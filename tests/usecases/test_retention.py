"""Retention: exactly what is too old goes, with all that belongs to it, also while others write."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sessions.domain.errors import InvalidArgument
from sessions.domain.events import Event
from sessions.domain.visitors import Visitors
from sessions.domain.websites import Website
from sessions.storage import partition_removal, retention, session_details
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.usecases.delete_website import DeleteWebsite
from sessions.usecases.run_retention import Outcome, RunRetention
from sessions.usecases.websites import Websites
from sessions.usecases.write_events import EventWriter

from tests.support.reference import reference_sessions
from tests.support.rows import event, everything, new_website, stored_sessions

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
DAYS = 30
CUTOFF = NOW - timedelta(days=DAYS)
"""In the middle of May."""
TINY = timedelta(microseconds=1)
DATA = ("events", "sessions", "session_ids", "overflow_items", "visitors")


@dataclass
class Service:
    """The use cases at hand, and a website."""

    url: str
    database: Database
    website: Website
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.record = EventWriter(self.database, Partitions(self.database), Visitors(b"secret"))
        self.websites = Websites(self.database)
        self.run = RunRetention(self.database, lambda: self.now, sessions_at_once=4, pause=0.01)

    async def retain(self, days: int | None, website: Website | None = None) -> None:
        """Set the retention of a website."""
        await self.websites.set_retention((website or self.website).website_id, days)

    async def partitions(self) -> set[str]:
        """The names of all partitions."""
        query = """
        SELECT inhrelid::regclass::text FROM pg_inherits
         WHERE inhparent IN ('events'::regclass, 'sessions'::regclass)
        """
        found = await self.database.fetch(query, {})
        return {name for (name,) in found}

    async def assert_holds(self, *events: Event, website: Website | None = None) -> None:
        """The website has these events, their sessions, and nothing else in any table."""
        site = website or self.website
        assert await stored_sessions(self.database, site) == reference_sessions(events)
        query = "SELECT count(*) FROM events WHERE website_key = %(key)s"
        assert await self.database.fetch(query, {"key": site.key}) == [(len(events),)]
        query = "SELECT count(*) FROM session_ids WHERE NOT merged AND website_key = %(key)s"
        places = len(reference_sessions(events))
        assert await self.database.fetch(query, {"key": site.key}) == [(places,)]
        query = "SELECT visitor_id FROM visitors WHERE website_key = %(key)s"
        found = await self.database.fetch(query, {"key": site.key})
        assert {name for (name,) in found} == {each.visitor_id for each in events}


@pytest_asyncio.fixture
async def service(database_url: str) -> AsyncIterator[Service]:
    async with Database(database_url, pool_size=8) as database:
        yield Service(database_url, database, await new_website(database))


async def test_everything_is_kept_by_default(service: Service) -> None:
    old = event("ann", datetime(2001, 1, 1, tzinfo=UTC))
    await service.record(service.website, [old])
    assert await service.run() == Outcome(0, 0, [])
    await service.retain(DAYS)
    await service.retain(None)
    assert await service.run() == Outcome(0, 0, [])
    await service.assert_holds(old)


@pytest.mark.parametrize("days", [0, -1, 36_501])
async def test_a_retention_is_a_number_of_days(service: Service, days: int) -> None:
    with pytest.raises(InvalidArgument):
        await service.retain(days)


async def test_the_start_decides_to_the_microsecond(service: Service) -> None:
    minute = timedelta(minutes=1)
    straddling = [event("ann", CUTOFF - TINY), event("ann", CUTOFF + minute)]
    kept = [event("bob", CUTOFF), event("cy", CUTOFF + minute)]
    await service.record(service.website, [*straddling, *kept])
    await service.retain(DAYS)
    assert await service.run() == Outcome(1, 2, [])
    await service.assert_holds(*kept)


async def test_a_visitor_who_came_back_keeps_the_later_sessions(service: Service) -> None:
    visits = [event("ann", CUTOFF + timedelta(hours=hours)) for hours in range(-60, 60, 3)]
    await service.record(service.website, visits)
    await service.retain(DAYS)
    assert await service.run() == Outcome(20, 20, [])
    await service.assert_holds(*visits[20:])


async def test_merged_ids_and_pages_go_with_their_session(service: Service) -> None:
    empty = await everything(service.database)
    await service.retain(365)
    start = CUTOFF - timedelta(days=3)
    views = [event("ann", start + timedelta(minutes=n), path=f"/{n}") for n in range(200)]
    for batch in (views[:20], views[60:], views[20:60]):
        await service.record(service.website, batch)
    stored = await everything(service.database)
    assert len(stored["session_ids"]) == 2
    assert stored["overflow_items"]
    await service.retain(DAYS)
    assert await service.run() == Outcome(1, 200, [])
    after = await everything(service.database)
    assert {name: after[name] for name in DATA} == {name: empty[name] for name in DATA}


async def test_other_websites_are_left_alone(service: Service) -> None:
    other = await new_website(service.database)
    old = event("ann", CUTOFF - timedelta(days=90))
    for website in (service.website, other):
        await service.record(website, [old])
    await service.retain(DAYS)
    assert await service.run() == Outcome(1, 1, [])
    await service.assert_holds()
    await service.assert_holds(old, website=other)


async def test_months_that_nobody_needs_are_dropped(service: Service) -> None:
    other = await new_website(service.database)
    months = [datetime(2026, month, 10, tzinfo=UTC) for month in range(1, 7)]
    visits = [event("ann", moment) for moment in months]
    for website in (service.website, other):
        await service.record(website, visits)
    await service.retain(DAYS)
    await service.retain(80, other)  # until March 27
    assert await service.run.preview() == Outcome(8, 8, ["2026-01", "2026-02"])
    assert await service.run() == Outcome(8, 8, ["2026-01", "2026-02"])
    names = {f"{table}_2026_{n:02}" for table in ("events", "sessions") for n in range(3, 7)}
    assert await service.partitions() == names
    await service.assert_holds(visits[5])
    await service.assert_holds(*visits[3:], website=other)
    assert await service.run() == Outcome(0, 0, [])


async def test_a_month_ends_with_its_last_moment(service: Service) -> None:
    await service.record(service.website, [event("ann", datetime(2026, 5, 1, tzinfo=UTC) - TINY)])
    await service.retain(DAYS)
    end = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(days=DAYS)
    service.now = end - TINY
    assert await service.run() == Outcome(0, 0, [])
    service.now = end
    assert await service.run() == Outcome(1, 1, ["2026-04"])
    assert await service.partitions() == set()


async def test_sessions_that_reach_into_a_kept_month_go_whole(service: Service) -> None:
    border = datetime(2026, 5, 1, tzinfo=UTC)
    steps = range(-600, 600, 20)
    long = [event("ann", border + timedelta(minutes=minutes)) for minutes in steps]
    later = event("ann", border + timedelta(days=20))
    await service.record(service.website, [*long, later])
    await service.retain(DAYS)
    assert await service.run() == Outcome(1, 60, ["2026-04"])
    await service.assert_holds(later)


async def test_a_late_event_in_a_dropped_month_makes_it_anew(service: Service) -> None:
    old = event("ann", datetime(2026, 1, 10, tzinfo=UTC))
    await service.record(service.website, [old])
    await service.retain(DAYS)
    assert await service.run() == Outcome(1, 1, ["2026-01"])
    assert await service.partitions() == set()
    # By the same worker, which remembers the month.
    answers = await asyncio.gather(*(service.record(service.website, [old]) for _ in range(4)))
    assert sum(answer.new for answer in answers) == 1
    await service.assert_holds(old)
    assert await service.run() == Outcome(1, 1, ["2026-01"])
    await service.assert_holds()


async def test_rows_go_while_the_partition_is_in_use(service: Service) -> None:
    await service.record(service.website, [event("ann", datetime(2026, 1, 10, tzinfo=UTC))])
    await service.retain(DAYS)
    async with service.database.transaction() as connection:
        await connection.execute("SELECT count(*) FROM events")
        assert await service.run() == Outcome(1, 1, ["2026-01"])
        await service.assert_holds()
        assert await service.partitions() == {"events_2026_01"}
    assert await service.run() == Outcome(0, 0, ["2026-01"])
    assert await service.partitions() == set()


async def test_nobody_waits_long_for_a_partition_that_is_in_use(service: Service) -> None:
    """A reader of another month comes while the drop waits for the first one."""
    visits = [event("ann", datetime(2026, month, 10, tzinfo=UTC)) for month in (1, 6)]
    await service.record(service.website, visits)
    await service.retain(DAYS)
    loop = asyncio.get_running_loop()
    waits = []
    async with service.database.transaction() as connection:
        await connection.execute("SELECT count(*) FROM events")
        running = asyncio.create_task(service.run())
        while not running.done():
            began = loop.time()
            await service.database.fetch("SELECT count(*) FROM events", {})
            waits.append(loop.time() - began)
            await asyncio.sleep(0.01)
    assert 0.05 < max(waits) < 0.7


async def test_a_website_that_needs_the_month_by_then_keeps_it(service: Service) -> None:
    """Between the choice of the months and the drop."""
    old = event("ann", datetime(2026, 1, 10, tzinfo=UTC))
    await service.record(service.website, [old])
    await service.retain(DAYS)
    [month] = await partition_removal.unneeded_months(service.database, "events", NOW)
    other = await new_website(service.database)
    await service.record(other, [old])
    assert not await partition_removal.drop_empty(service.database, "events", month)
    await service.assert_holds(old, website=other)


async def test_a_month_of_sessions_is_dropped_only_when_it_is_empty(service: Service) -> None:
    """A late event can make a session anew: it leads to rows of other tables."""
    old = event("ann", datetime(2026, 1, 10, tzinfo=UTC))
    await service.record(service.website, [old])
    await service.retain(DAYS)
    [month] = await partition_removal.unneeded_months(service.database, "sessions", NOW)
    assert not await partition_removal.drop_empty(service.database, "sessions", month)
    await service.assert_holds(old)


async def test_one_run_at_a_time(service: Service) -> None:
    await service.record(service.website, [event("ann", CUTOFF - TINY)])
    await service.retain(DAYS)
    async with service.database.exclusive_lock(retention.LOCK) as is_held:
        assert is_held
        assert await service.run() is None
    assert await service.run() == Outcome(1, 1, [])


async def test_a_run_that_is_stopped_is_continued(service: Service) -> None:
    old = [event(str(n), CUTOFF - timedelta(days=60, hours=n)) for n in range(20)]
    await service.record(service.website, old)
    await service.retain(DAYS)
    running: asyncio.Task[Outcome | None]
    async with service.database.transaction() as connection:
        await connection.execute("ANALYZE sessions")  # for the estimate
    steps = []

    def stop(more: int, total: int) -> None:
        steps.append((more, total))
        running.cancel()

    running = asyncio.create_task(service.run(stop))
    with pytest.raises(asyncio.CancelledError):
        await running
    assert steps == [(4, 20)]
    assert await service.run() == Outcome(16, 16, ["2026-03"])
    await service.assert_holds()


async def test_it_ends_a_deletion_that_was_interrupted(service: Service) -> None:
    await service.record(service.website, [event(name, CUTOFF) for name in ("ann", "bob")])

    def interrupt(more: int, total: int) -> None:
        raise KeyboardInterrupt

    delete = DeleteWebsite(service.database, visitors_at_once=1)
    with pytest.raises(KeyboardInterrupt):
        await delete(service.website.website_id, interrupt)
    await service.run()
    await service.assert_holds()
    assert await service.websites.list_all() == []


async def test_ids_of_removed_sessions_are_unknown(service: Service) -> None:
    await service.record(service.website, [event("ann", CUTOFF - TINY)])
    [(session_id,)] = await service.database.fetch("SELECT session_id FROM session_ids", {})
    await service.retain(DAYS)
    await service.run()
    page = await session_details.get(
        service.database, service.website.key, session_id, after=None, limit=1, max_bytes=1
    )
    assert page is None


@pytest.mark.parametrize("seed", range(5))
async def test_writers_meanwhile(service: Service, seed: int) -> None:
    """Late events that extend, precede and join sessions on both sides of the cutoff."""
    chance = random.Random(seed)  # noqa: S311
    sent = [
        event(chance.choice("abcdef"), CUTOFF + timedelta(minutes=chance.randint(-3_000, 3_000)), n)
        for n in range(1_500)
    ]
    forever = await new_website(service.database)
    await service.retain(DAYS)
    waiting = [sent[start : start + 7] for start in range(0, len(sent), 7)]
    writing = True

    async def write() -> None:
        while waiting:
            batch = waiting.pop()
            await service.record(service.website, batch)
            await service.record(forever, batch)

    async def remove() -> None:
        while writing:
            await service.run()

    async def read() -> None:
        query = """
        SELECT (SELECT count(*) FROM events WHERE website_key = %(key)s),
               (SELECT sum(pageviews) FROM sessions WHERE website_key = %(key)s)
        """
        while writing:
            [(events, pageviews)] = await service.database.fetch(
                query, {"key": service.website.key}
            )
            assert events == (pageviews or 0)

    async with asyncio.TaskGroup() as group:
        group.create_task(remove())
        group.create_task(read())
        await asyncio.gather(*(write() for _ in range(4)))
        writing = False
    await service.run()
    assert await stored_sessions(service.database, forever) == reference_sessions(sent)
    stored = await stored_sessions(service.database, service.website)
    # What joined a session that was too old by then has gone with it.
    query = "SELECT event_id FROM events WHERE website_key = %(key)s"
    found = await service.database.fetch(query, {"key": service.website.key})
    left = {id_ for (id_,) in found}
    assert stored == reference_sessions(each for each in sent if each.event_id in left)
    assert all(session.started_at >= CUTOFF for session in stored)
    safe = (each for each in reference_sessions(sent) if each.started_at >= CUTOFF)
    assert set(safe) <= set(stored)
    await service.assert_holds(*(each for each in sent if each.event_id in left))

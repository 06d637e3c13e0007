"""Every transaction that changes sessions notes the hours where they were, and where they are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from sessions.domain.events import Event
from sessions.domain.hours import hour_number, hour_start
from sessions.domain.visitors import Visitors
from sessions.domain.websites import Website
from sessions.generator import generate
from sessions.generator.websites import new_websites
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.usecases.erase_visitor import EraseVisitor
from sessions.usecases.run_retention import RunRetention
from sessions.usecases.websites import Websites
from sessions.usecases.write_events import EventWriter

from tests.support.rows import event, new_website
from tests.support.strategies import START, arrivals

Rows = dict[tuple[datetime, str], str]

_SESSIONS = """
SELECT started_at, session_id::text, s::text FROM sessions s WHERE website_key = %(key)s
"""
_HOURS = """
SELECT change_key, hour FROM changed_hours WHERE website_key = %(key)s ORDER BY change_key
"""


async def rows(database: Database, website: Website) -> Rows:
    """All sessions of a website, each under its place."""
    found = await database.fetch(_SESSIONS, {"key": website.key})
    return {(started_at, id_): row for started_at, id_, row in found}


async def noted(database: Database, website: Website) -> list[tuple[int, datetime]]:
    """The hours that were noted for a website, in order."""
    return await database.fetch(_HOURS, {"key": website.key})


@asynccontextmanager
async def noting_what_changes(database: Database, website: Website) -> AsyncIterator[None]:
    """Check that the block notes the hours of all rows that it changes, and no other ones."""
    rows_before, notes_before = await rows(database, website), await noted(database, website)
    yield
    rows_after, notes_after = await rows(database, website), await noted(database, website)
    changed = set(rows_before.items()) ^ set(rows_after.items())
    new = notes_after[len(notes_before) :]
    assert notes_after[: len(notes_before)] == notes_before
    assert {hour for _, hour in new} == {
        hour_start(hour_number(started_at)) for (started_at, _), _ in changed
    }


@settings(
    max_examples=150,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batches=arrivals())
async def test_recording_and_erasing(database: Database, batches: list[list[Event]]) -> None:
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    for batch in batches:
        async with noting_what_changes(database, website):
            await record(website, batch)
    erase = EraseVisitor(database, Websites(database), Visitors(b"secret"))
    for visitor_id in ("ann", "bob", "nobody"):
        async with noting_what_changes(database, website):
            await erase(website.website_id, visitor_id=visitor_id)


async def test_a_session_that_joins_two_others_changes_three_hours(database: Database) -> None:
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    moments = [START + timedelta(minutes=minutes) for minutes in (70, 120, 95, 45)]
    for moment in moments[:3]:
        await record(website, [event("ann", moment)])
    # The session of 23:10 has taken in that of 00:00; now it starts at 22:45.
    await record(website, [event("ann", moments[3])])
    hours = [START + timedelta(hours=hours) for hours in (1, 2, 1, 2, 0, 1)]
    assert [hour for _, hour in await noted(database, website)] == hours


async def test_retention(database: Database) -> None:
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    visits = [event(f"v{day}", START + timedelta(days=day)) for day in range(40)]
    await record(website, visits)
    await Websites(database).set_retention(website.website_id, 30)
    run = RunRetention(database, lambda: START + timedelta(days=60), sessions_at_once=7)
    async with noting_what_changes(database, website):
        await run()
    assert len(await rows(database, website)) == 10


async def test_generating(database_url: str, database: Database) -> None:
    (website,) = await new_websites(database_url, ["Generated"])
    async with noting_what_changes(database, website):
        await generate(
            database_url, [website], sessions=500, days=9, seed=1, until=START, chunk_size=100
        )
    assert len(await rows(database, website)) == 500

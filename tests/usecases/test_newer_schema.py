"""This version works on the schema of the next one: every table has columns that it does not know.

A migration is additive: it may add nullable columns, and columns that are NOT NULL with a default.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio
from analytics_sessions.v1.session_pb2 import Session
from msgspec.structs import replace
from sessions.composition import Application, open_application
from sessions.domain.api_keys import Scope
from sessions.domain.events import EventInput
from sessions.domain.selection import SelectionQuery
from sessions.domain.session_ids import format_session_id
from sessions.domain.websites import Website
from sessions.generator import generate
from sessions.generator.websites import new_websites
from sessions.settings import Settings
from sessions.storage import distribution
from sessions.storage.database import Database
from sessions.storage.migrate import check_schema, migrate
from sessions.usecases.progress import silent

_TABLES = """
SELECT c.oid::regclass::text
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""
_DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest_asyncio.fixture
async def newer_url(database_url: str) -> str:
    """A database as the next version could have left it, with a month of partitions in use."""
    async with Database(database_url) as database:
        tables = [name for (name,) in await database.fetch(_TABLES, {})]
        assert {"events", "sessions", "migrations", "secrets"} <= set(tables)
        async with database.transaction() as connection:
            await connection.execute(distribution.SETTINGS)
            for table in tables:
                statement = f"""
                ALTER TABLE {table} ADD COLUMN aa_new text,
                                    ADD COLUMN zz_new integer NOT NULL DEFAULT 7
                """
                await connection.execute(statement)
    return database_url


@pytest_asyncio.fixture
async def app(newer_url: str) -> AsyncIterator[Application]:
    async with open_application(newer_url, Settings()) as app:
        yield app


@pytest_asyncio.fixture
async def website(app: Application) -> Website:
    return await app.websites.get(await app.websites.create("test"))


def visit(visitor_id: str, at: datetime, path: str = "/") -> EventInput:
    return EventInput(event_type="pageview", timestamp=at, visitor_id=visitor_id, url=path)


async def listed(app: Application, website: Website, **filters: list[str]) -> list[str]:
    """The visitors of the listed sessions."""
    start = (NOW - 100 * _DAY).date().isoformat()
    query = SelectionQuery(website_id=website.website_id, start_date=start, filters=filters)
    page = await app.list_sessions(query)
    return [Session.FromString(message).visitor_id for message in page.sessions]


async def test_recording_also_twice_and_reading(app: Application, website: Website) -> None:
    visits = [visit("ann", NOW - minutes * timedelta(minutes=1)) for minutes in (50, 20, 35)]
    visits.append(visit("bob", NOW, "/pricing"))
    for each in visits:
        assert (await app.ingest_events(website.website_id, [each])).new == 1
    again = await app.ingest_events(website.website_id, visits)
    assert (again.new, again.known) == (0, 4)
    assert await listed(app, website) == ["bob", "ann"]
    assert await listed(app, website, page=["/pricing"]) == ["bob"]
    query = "SELECT session_id FROM session_ids WHERE NOT merged ORDER BY session_id"
    for (session_id,) in await app.pools.requests.fetch(query, {}):
        details = await app.get_session(website.website_id, format_session_id(session_id))
        assert len(details.timeline.events) == details.session.pageviews


async def test_a_session_of_more_pages_than_its_row_holds(
    app: Application, website: Website
) -> None:
    views = [visit("ann", NOW - timedelta(seconds=n), f"/{n}") for n in range(150)]
    await app.ingest_events(website.website_id, views[:100])
    await app.ingest_events(website.website_id, views[100:])
    assert await listed(app, website, page=["/149"]) == ["ann"]


async def test_erasing_retention_and_removal(app: Application, website: Website) -> None:
    visits = [visit("ann", NOW), visit("bob", NOW), visit("cy", NOW - 90 * _DAY)]
    await app.ingest_events(website.website_id, visits)
    assert (await app.erase_visitor(website.website_id, visitor_id="ann")).events == 1
    again = await app.ingest_events(website.website_id, [replace(visits[0])])
    assert (again.new, again.known) == (0, 1)
    await app.websites.set_retention(website.website_id, 30)
    removed = await app.run_retention()
    assert removed
    assert (removed.sessions, removed.events) == (1, 1)
    assert await listed(app, website) == ["bob"]
    await app.delete_website(website.website_id, silent)
    assert await app.websites.list_all() == []


async def test_keys_and_names(app: Application, website: Website) -> None:
    secret = await app.api_keys.create("key", [Scope.SESSIONS_READ], website_id=website.website_id)
    key = await app.authenticate(f"Bearer {secret}")
    await app.authenticate.note_last_use()
    await app.websites.rename(website.website_id, "other")
    await app.api_keys.revoke(key.key_id)
    [stored] = await app.api_keys.list_all()
    assert stored.last_used_at
    assert stored.revoked_at


async def test_generating(newer_url: str, app: Application) -> None:
    (website,) = await new_websites(newer_url, ["Generated"])
    await generate(newer_url, [website], sessions=300, days=3, seed=1, until=NOW)
    assert await listed(app, website)


async def test_migrating(newer_url: str, app: Application) -> None:
    assert await migrate(newer_url) == []
    await check_schema(app.pools.admin)

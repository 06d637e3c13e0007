"""The one way in: whatever the order, batches and repeats, sessions equal the reference."""

from datetime import UTC, datetime
from itertools import chain
from typing import Any

from hypothesis import HealthCheck, given, settings
from sessions.domain.enrichment import Enricher
from sessions.domain.events import Event, EventInput
from sessions.domain.visitors import Visitors
from sessions.storage import visitors
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.usecases.write_events import EventWriter

from tests.support.reference import reference_sessions
from tests.support.rows import new_website, stored_sessions
from tests.support.strategies import arrivals


@settings(
    max_examples=300,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batches=arrivals())
async def test_any_arrival_gives_the_sessions_of_the_set(
    database: Database, batches: list[list[Event]]
) -> None:
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    answers = [await record(website, batch) for batch in batches]
    assert sum(answer.new for answer in answers) == len(_identities(chain(*batches)))
    assert await stored_sessions(database, website) == reference_sessions(chain(*batches))


def _identities(events: Any) -> set[Any]:
    return {(event.visitor_id, event.occurred_at, event.event_id) for event in events}


async def test_the_work_of_a_batch_does_not_grow_with_the_website(database_url: str) -> None:
    """Not even in the first minute of a month, when the planner knows nothing of its tables."""
    async with Database(database_url, pool_size=1) as database:
        website = await new_website(database)
        write_events = EventWriter(database, Partitions(database), Visitors(b"secret"))
        batches = [[visit(f"v{number}", hour) for number in range(300)] for hour in range(4)]
        for batch in batches[:-1]:
            await write_events(website, batch)
        before = await rows_read(database)
        await write_events(website, batches[-1])
        assert await rows_read(database) - before < 20 * len(batches[-1])


async def test_recording_is_planned_without_its_values(database: Database) -> None:
    """With them, 300,000 events of a new website beside old ones took five times as long."""
    website = await new_website(database)
    async with database.transaction() as connection:
        await visitors.lock(connection, website, ["v"])
        shown = await connection.execute("SHOW plan_cache_mode")
        assert await shown.fetchone() == ("force_generic_plan",)


def visit(visitor_id: str, hour: int) -> Event:
    """One pageview of a visitor."""
    moment = datetime(2026, 3, 3, hour, tzinfo=UTC)
    sent = EventInput(event_type="pageview", timestamp=moment, visitor_id=visitor_id, url="/")
    return Enricher(Visitors(b"")).enrich(sent, website_id="site_x", received_at=moment)


async def rows_read(database: Database) -> int:
    """Rows that were read of all tables so far."""
    await database.fetch("SELECT pg_stat_force_next_flush()", {})
    await database.fetch("SELECT 1", {})
    query = "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))"
    [(rows,)] = await database.fetch(f"{query}::bigint FROM pg_stat_user_tables", {})
    return int(rows)

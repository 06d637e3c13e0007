"""The one way in: whatever the order, batches and repeats, sessions equal the reference."""

import asyncio
from datetime import UTC, datetime
from itertools import chain, count
from typing import Any, LiteralString
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sessions import session_message
from sessions.domain import sessionization
from sessions.domain.enrichment import Enricher
from sessions.domain.events import Event, EventInput
from sessions.domain.visitors import Visitors
from sessions.storage import new_rows, session_summaries, visitors
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.usecases.write_events import EventWriter

from tests.support import citus
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


_ROWS = """
SELECT '{table}', to_jsonb(t) - 'website_key' - 'visitor_key' - 'change_key', v.visitor_id
  FROM {table} t JOIN visitors v USING (website_key, visitor_key)
 WHERE website_key = %(key)s
"""
_TABLES = ("events", "sessions", "session_ids", "overflow_items")
_ALL_ROWS = f"""
{" UNION ALL ".join(_ROWS.format(table=table) for table in _TABLES)}
UNION ALL
SELECT 'visitors', NULL, visitor_id FROM visitors WHERE website_key = %(key)s
UNION ALL
SELECT 'changed_hours', to_jsonb(hour), NULL FROM changed_hours WHERE website_key = %(key)s
 ORDER BY 1, 3, 2
"""  # noqa: S608


@settings(
    max_examples=150,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batches=arrivals(), copied=st.lists(st.booleans(), min_size=7, max_size=7))
async def test_many_rows_become_what_few_become(
    database: Database, batches: list[list[Event]], copied: list[bool]
) -> None:
    """Copied rows are those that are inserted, beside each other and in any order."""
    few = await _rows_of(database, batches, [False] * len(batches))
    many = await _rows_of(database, batches, [True] * len(batches))
    both = await _rows_of(database, batches, copied[: len(batches)])
    assert few
    assert many == few
    assert both == few


async def _rows_of(
    database: Database, batches: list[list[Event]], copied: list[bool]
) -> list[tuple[Any, ...]]:
    """The rows that recording batches leaves; ids of sessions are numbers in order of making."""
    website = await new_website(database)
    record = EventWriter(
        database, Partitions(database), Visitors(b"secret"), session_message.encode
    )
    ids = (UUID(int=number) for number in count(1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessionization, "new_session_id", lambda: next(ids))
        # So that there are some beyond them.
        patch.setattr(session_summaries, "MAX_ITEMS", 2)
        for batch, is_copied in zip(batches, copied, strict=True):
            patch.setattr(new_rows, "MANY", 1 if is_copied else len(batch) + 1)
            await record(website, batch)
    return await database.fetch(_ALL_ROWS, {"key": website.key})


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
        # Citus makes plans by the value that tells the shard.
        assert await shown.fetchone() == ("auto" if citus.URL else "force_generic_plan",)


def visit(visitor_id: str, hour: int) -> Event:
    """One pageview of a visitor."""
    moment = datetime(2026, 3, 3, hour, tzinfo=UTC)
    sent = EventInput(event_type="pageview", timestamp=moment, visitor_id=visitor_id, url="/")
    return Enricher(Visitors(b"")).enrich(sent, website_id="site_x", received_at=moment)


async def rows_read(database: Database) -> int:
    """Rows that were read of all tables so far."""
    await database.fetch("SELECT pg_stat_force_next_flush()", {})
    await database.fetch("SELECT 1", {})
    query: LiteralString = """
    SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint
      FROM pg_stat_user_tables"""
    if citus.URL:
        await asyncio.sleep(2.0)  # until the connections of the nodes have told
        query = f"SELECT sum(result::bigint) FROM run_command_on_all_nodes($${query}$$)"  # noqa: S608
    [(rows,)] = await database.fetch(query, {})
    return int(rows)

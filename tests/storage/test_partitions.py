"""Partitions: one a month, made when the first row of the month comes."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

from sessions.storage.database import Database
from sessions.storage.partitions import Partitions

_NAMES = """
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid)
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'events'::regclass
 ORDER BY c.relname
"""


async def test_a_month_is_one_of_utc(database_url: str) -> None:
    behind = timezone(timedelta(hours=-5))
    async with Database(database_url) as database:
        await Partitions(database).ensure([datetime(2025, 12, 31, 20, tzinfo=behind)])
        assert await database.fetch(_NAMES, {}) == [
            (
                "events_2026_01",
                "FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-02-01 00:00:00+00')",
            )
        ]


async def test_december_ends_with_the_year(database_url: str) -> None:
    async with Database(database_url) as database:
        await Partitions(database).ensure([datetime(2025, 12, 1, tzinfo=UTC)])
        [(_, bounds)] = await database.fetch(_NAMES, {})
        assert bounds.endswith("TO ('2026-01-01 00:00:00+00')")


async def test_many_writers_make_each_partition_once(database_url: str) -> None:
    months = [datetime(2026, month, 1, tzinfo=UTC) for month in range(1, 7)]
    async with Database(database_url, pool_size=6) as database:
        await asyncio.gather(*(Partitions(database).ensure(months) for _ in range(6)))
        assert len(await database.fetch(_NAMES, {})) == 6


async def test_every_index_of_the_table_is_there(database_url: str) -> None:
    query = """
    SELECT count(*) FILTER (WHERE tablename = 'sessions_2026_03'),
           count(*) FILTER (WHERE tablename = 'sessions')
      FROM pg_indexes
    """
    async with Database(database_url) as database:
        await Partitions(database).ensure([datetime(2026, 3, 1, tzinfo=UTC)])
        [(partition, parent)] = await database.fetch(query, {})
        assert partition == parent == 2

"""Makes realistic sessions with their events, by the million, the same for the same seed.

A visit is a number: its hour, and its ordinal in that hour. Everything else about it is a hash of
that number and the seed, worked out inside PostgreSQL by the statements in `sql/`, which write
the rows that recording the visit's events one by one would leave. Nothing depends on the order
of work, so that chunks of visits are made by several connections at once.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sessions.domain.websites import Website
from sessions.generator.loading import Load, Progress, finish, make_chunks
from sessions.generator.traffic import chunks, plan
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions

CHUNK_SIZE = 100_000
"""Sessions of one transaction, more or less."""


async def generate(
    database_url: str,
    websites: Sequence[Website],
    *,
    sessions: int,
    days: int,
    seed: int,
    until: datetime,
    progress: Progress = lambda _: None,
    connections: int = 2,
    chunk_size: int = CHUNK_SIZE,
) -> None:
    """Make sessions with their events for websites that have none.

    Args:
        database_url: a migrated database.
        websites: empty ones; the first gets half of all sessions, the others ever fewer.
        sessions: how many in all, at most 500 million, with about 4.5 events each.
        days: over how long they are spread.
        seed: the same seed, sessions, days, number of websites and `until` give the same data.
        until: the moment before which everything happened.
        progress: is told after each chunk how many sessions it made.
        connections: chunks made at the same time; one keeps one core of the server busy.
        chunk_size: sessions of one transaction, more or less.

    Raises:
        Unavailable: the database can't be reached; whole chunks may have been made.
    """
    until = until.astimezone(UTC)
    until = until.replace(microsecond=until.microsecond // 1000 * 1000)  # as precise as hits are
    hours = plan(sessions, days, until)
    async with Database(database_url, pool_size=1) as database:
        months = (until - timedelta(days=day) for day in range(days + 1))
        await Partitions(database).ensure(months)
    load = Load(websites, hours, seed, until)
    await make_chunks(
        database_url, load, chunks(hours, chunk_size), progress, connections=connections
    )
    await finish(database_url)

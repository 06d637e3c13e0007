"""Makes rows in the database: chunks of some 100,000 sessions on a few connections at once."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sessions.domain.items import item_hash
from sessions.domain.websites import Website
from sessions.generator.catalogue.clients import clients
from sessions.generator.catalogue.locations import locations
from sessions.generator.catalogue.sites import pages, sites
from sessions.generator.catalogue.visits import actions, sources
from sessions.generator.catalogue.weighting import weighted_table
from sessions.generator.statements import CHUNK, FILL, FILL_WEIGHTED, statement
from sessions.generator.traffic import Chunk, Hour
from sessions.storage.database import Connection, Database, as_json

Progress = Callable[[int], object]
"""Is told of each chunk how many sessions it made."""

# Seconds that one statement may take at most: hours of many visits are not divided.
_TIMEOUT = 3600.0


@dataclass(frozen=True)
class Load:
    """All that determines the rows, but for the keys of visitors."""

    websites: Sequence[Website]
    hours: Sequence[Hour]
    seed: int
    until: datetime

    @property
    def width(self) -> int:
        """Visits of the busiest hour: a visit's number is that of its hour times this, and more."""
        return max(hour.visits for hour in self.hours)

    @property
    def visitor_numbers(self) -> int:
        """How many numbers visitors are drawn from, two for each ordinal in each hour."""
        return 2 * self.width * len(self.hours)


async def make_chunks(
    database_url: str, load: Load, chunks: Sequence[Chunk], progress: Progress, *, connections: int
) -> None:
    """Make all chunks, in order of time as far as several connections can.

    Raises:
        Unavailable: the database can't be reached; what was made before stays.
    """
    async with Database(database_url, pool_size=1) as database:
        first_key = await _reserve_keys(database, load.visitor_numbers)
    # Shared by all connections: each takes the next chunk when it has finished one.
    waiting = iter(chunks)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(connections, len(chunks))):
                group.create_task(_work(database_url, load, first_key, waiting, progress))
    except ExceptionGroup as failed:
        # The others were cancelled because of the first one.
        raise failed.exceptions[0] from failed


async def finish(database_url: str) -> None:
    """Leave the database ready to be asked; this commit also makes all earlier ones durable.

    Raises:
        Unavailable: the database can't be reached.
    """
    async with (
        Database(database_url, pool_size=1, timeout=_TIMEOUT) as database,
        database.transaction() as connection,
    ):
        await connection.execute(statement("finish"))


async def _reserve_keys(database: Database, keys: int) -> int:
    """Take so many keys of visitors in a row, and return the first.

    The lock keeps everybody else from taking one in between; it is held for an instant.
    """
    async with database.transaction() as connection:
        await connection.execute("LOCK TABLE visitors IN SHARE ROW EXCLUSIVE MODE")
        reserved = await connection.execute(statement("reserve"), {"keys": keys})
        (first,) = await reserved.fetchone() or (0,)
        return int(first)


async def _work(
    database_url: str,
    load: Load,
    first_key: int,
    waiting: Iterator[Chunk],
    progress: Progress,
) -> None:
    """Take chunks until none is left, on a connection that is prepared for it."""
    parameters = {
        "first_key": first_key,
        "width": load.width,
        "seed": load.seed,
        "until": load.until,
        **{f"no_{kind}": UUID(item_hash(kind, "")) for kind in ("page", "entry_page", "exit_page")},
    }
    async with Database(database_url, pool_size=1, timeout=_TIMEOUT) as database:
        async with database.transaction() as connection:
            await _prepare(connection, load)
        for chunk in waiting:
            bounds = {"first": chunk.first, "last": chunk.last}
            async with database.transaction() as connection:
                for name in CHUNK:
                    await connection.execute(statement(name), parameters | bounds)
            progress(chunk.visits)


async def _prepare(connection: Connection, load: Load) -> None:
    await connection.execute(statement("prepare"))
    lists = {"hours": [asdict(hour) for hour in load.hours], "pages": pages()}
    for table, rows in lists.items():
        await _fill(connection, FILL, table, rows)
    weighted = {
        "sites": sites(load.websites),
        "locations": locations(),
        "clients": clients(),
        "sources": sources(),
        "actions": actions(),
    }
    for table, entries in weighted.items():
        await _fill(connection, FILL_WEIGHTED, table, weighted_table(entries))


async def _fill(connection: Connection, template: str, table: str, rows: object) -> None:
    await connection.execute(template.format(table=table).encode(), {"rows": as_json(rows)})
    await connection.execute(f"ANALYZE pg_temp.{table}".encode())

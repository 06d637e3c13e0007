"""The workers that take calls now, over all hosts."""

from typing import NamedTuple
from uuid import UUID

from sessions.storage.database import Database
from sessions.storage.rows import named

_REMOVE_OLD = """
DELETE FROM workers
 WHERE worker_id IN (
       SELECT worker_id FROM workers
        WHERE seen_at < now() - INTERVAL '1 minute'
          FOR UPDATE SKIP LOCKED)
"""
_SEE = """
INSERT INTO workers (worker_id, seen_at) VALUES (%s, now())
    ON CONFLICT (worker_id) DO UPDATE SET seen_at = excluded.seen_at
"""
_PLACE = """
SELECT count(*) AS workers, count(*) FILTER (WHERE worker_id < %(worker_id)s) AS rank
  FROM workers
 WHERE worker_id = %(worker_id)s OR seen_at > now() - %(seconds)s * INTERVAL '1 second'
"""


class Place(NamedTuple):
    """How many workers there are, and how many of them come before this one."""

    workers: int
    rank: int


async def report_ready(database: Database, worker_id: UUID) -> None:
    """Say that a worker takes calls, and forget those that died."""
    async with database.transaction() as connection:
        await connection.execute(_REMOVE_OLD)
        await connection.execute(_SEE, (worker_id,))


async def place(database: Database, worker_id: UUID, seconds: float) -> Place:
    """The place of a worker, itself included, among those seen within so many seconds."""
    parameters = {"worker_id": worker_id, "seconds": seconds}
    [found] = await database.fetch(_PLACE, parameters, named(Place))
    return found


async def report_gone(database: Database, worker_id: UUID) -> None:
    """Say that a worker takes no more calls."""
    async with database.transaction() as connection:
        await connection.execute("DELETE FROM workers WHERE worker_id = %s", (worker_id,))

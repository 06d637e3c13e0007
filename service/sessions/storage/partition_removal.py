"""Drops the partitions of months that no website needs any more, once they are empty."""

import asyncio
import random
import re
from datetime import datetime

from psycopg import sql

from sessions.domain.errors import DeadlineExceeded, Unavailable
from sessions.storage.database import Connection, Database
from sessions.storage.partitions import LOCK, Month
from sessions.storage.retention import needed_since

# To drop a partition is to stop everybody for a moment. Whoever comes while a lock is waited for
# has to wait too, so that is cut short and tried again.
_LIMITS = """
SELECT set_config('lock_timeout', '200ms', true), set_config('statement_timeout', '1s', true)
"""

_ATTEMPTS = 20
PAUSE = 0.5
"""Seconds between two attempts, on average."""

_NAMES = """
SELECT c.relname
  FROM pg_inherits i
  JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = %s::regclass
"""


async def unneeded_months(database: Database, table: str, now: datetime) -> list[Month]:
    """The months that have a partition, and of which no website needs a row; oldest first."""
    async with database.transaction() as connection:
        since = await needed_since(connection, now)
        names = await (await connection.execute(_NAMES, (table,))).fetchall()
    found = (re.fullmatch(rf"{table}_(\d{{4}})_(\d\d)", name) for (name,) in names)
    months = sorted(Month(int(match[1]), int(match[2])) for match in found if match)
    return [month for month in months if since and month.end <= since]


async def drop_empty(database: Database, table: str, month: Month, *, pause: float = PAUSE) -> bool:
    """Drop one partition that has no row; False where it has some, or where that can't be now.

    Raises:
        Unavailable: the database can't be reached.
    """
    for _ in range(_ATTEMPTS):
        try:
            async with database.transaction() as connection:
                return await _drop_empty(connection, table, month)
        except DeadlineExceeded:
            return False  # too many removed rows to look through: vacuum comes first
        except Unavailable:
            # Somebody reads or writes for longer than the lock is waited for.
            await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311
    return False


async def _drop_empty(connection: Connection, table: str, month: Month) -> bool:
    partition = sql.Identifier(month.partition(table))
    await connection.execute(_LIMITS)
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    # Readers go on.
    await connection.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(partition))
    look = sql.SQL("SELECT 1 FROM {} LIMIT 1").format(partition)
    if await (await connection.execute(look)).fetchall():
        return False
    # DROP locks the parent too. It is locked late, after the partition was found to be empty.
    parent = sql.Identifier(table)
    await connection.execute(sql.SQL("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE").format(parent))
    await connection.execute(sql.SQL("DROP TABLE {}").format(partition))
    return True

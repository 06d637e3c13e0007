"""Blocks: the sessions of whole hours a second time, as columns.

What is in the bytes is the business of `sessions.analysis.encoding`.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, LiteralString

from psycopg import errors, sql
from psycopg.adapt import PyFormat

from sessions.domain.block_header import BlockHeader
from sessions.domain.errors import Reason, Unavailable
from sessions.domain.hours import hour_number, hour_start
from sessions.domain.selection import Range
from sessions.storage import websites
from sessions.storage.database import Connection, Database, bounds

_FIELDS: LiteralString = "first_hour, last_hour, format, sessions, steps, checksum"

_HEADERS: LiteralString = f"""
SELECT {_FIELDS}
  FROM blocks
 WHERE website_key = %(website_key)s
   AND last_hour >= date_trunc('hour', %(since)s::timestamptz, 'UTC')
   AND first_hour < %(until)s::timestamptz
 ORDER BY first_hour
"""

_ONE: LiteralString = "website_key = %(website_key)s AND first_hour = %(first_hour)s"

_STATUS: LiteralString = """
SELECT count(*), coalesce(sum(sessions), 0)::bigint, coalesce(sum({bytes}), 0)::bigint,
       (SELECT count(DISTINCT hour) FROM changed_hours WHERE website_key = %(website_key)s),
       (SELECT folded_at FROM fold_state WHERE website_key = %(website_key)s)
  FROM blocks
 WHERE website_key = %(website_key)s
"""

# A partition that is dropped is gone for older snapshots, too, which may still see rows in it:
# the lock comes before the snapshot, and keeps all partitions. Citus would take it on all nodes,
# where whoever drops a partition begins with the coordinator.
_ONE_MOMENT: LiteralString = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
SET LOCAL citus.enable_ddl_propagation = off;
LOCK TABLE ONLY sessions, ONLY events IN ACCESS SHARE MODE
"""

# Whoever waits for another fold here, or has a snapshot from before its end, fails, so that no
# fold sees less than one that was finished before it.
_BEGIN: LiteralString = """
INSERT INTO fold_state (website_key, folded_at) VALUES (%(website_key)s, %(now)s)
    ON CONFLICT (website_key) DO UPDATE SET folded_at = excluded.folded_at
"""


class FoldConflict(Unavailable):
    """Another fold of the website came first, or the website was deleted meanwhile."""


@asynccontextmanager
async def read_transaction(database: Database) -> AsyncIterator[Connection]:
    """A transaction that sees one moment, and changes nothing.

    Raises:
        Unavailable: the database can't be reached.
    """
    async with _one_moment(database) as connection:
        await connection.execute("SET TRANSACTION READ ONLY")
        yield connection


@asynccontextmanager
async def _one_moment(database: Database) -> AsyncIterator[Connection]:
    async with database.transaction() as connection:
        await connection.execute(_ONE_MOMENT)
        yield connection


@asynccontextmanager
async def fold_transaction(
    database: Database, website_key: int, now: datetime
) -> AsyncIterator[Connection | None]:
    """A transaction that may replace blocks of a website: one at a time, and all of one snapshot.

    It gives None where the website was deleted.

    Raises:
        FoldConflict: another fold of the website was under way. Nothing was done.
        Unavailable: the database can't be reached.
    """
    try:
        async with _one_moment(database) as connection:
            is_there = await websites.is_there(connection, website_key)
            if is_there:
                await connection.execute(_BEGIN, {"website_key": website_key, "now": now})
            yield connection if is_there else None
    except errors.ForeignKeyViolation as error:
        raise _conflict() from error
    except Unavailable as error:
        if isinstance(error.__cause__, errors.SerializationFailure):
            raise _conflict() from error
        raise


def _conflict() -> FoldConflict:
    return FoldConflict(Reason.DATABASE_UNAVAILABLE, "another fold is under way")


async def headers(
    connection: Connection, website_key: int, range_: Range | None = None
) -> list[BlockHeader]:
    """The blocks of a website that can hold sessions of some time, oldest first."""
    parameters = {"website_key": website_key, **bounds(range_)}
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_HEADERS, parameters)
        return [
            BlockHeader(website_key, hour_number(first), hour_number(last), *rest)
            for first, last, *rest in await cursor.fetchall()
        ]


async def status(
    connection: Connection, website_key: int, names: Sequence[str]
) -> tuple[int, int, int, int, datetime | None]:
    """Blocks of a website, their sessions, the bytes of these columns, changed hours, last fold."""
    sizes = map(sql.SQL("octet_length({})").format, map(sql.Identifier, names))
    query = sql.SQL(_STATUS).format(bytes=sql.SQL(" + ").join(sizes))
    found = await connection.execute(query, {"website_key": website_key})
    [row] = await found.fetchall()
    blocks, sessions, size, hours, folded_at = row
    return blocks, sessions, size, hours, folded_at


async def read(
    connection: Connection, header: BlockHeader, names: Sequence[str]
) -> dict[str, bytes]:
    """Some of the stored columns of a block."""
    query = sql.SQL("SELECT {} FROM blocks WHERE ").format(_identifiers(names)) + sql.SQL(_ONE)
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(query, _key(header))
        [row] = await cursor.fetchall()
    return dict(zip(names, row, strict=True))


async def insert(connection: Connection, header: BlockHeader, columns: Mapping[str, bytes]) -> None:
    """Store a block with all of its columns."""
    values: dict[str, Any] = {
        **header._asdict(),
        "first_hour": hour_start(header.first_hour),
        "last_hour": hour_start(header.last_hour),
        **{f"column_{name}": data for name, data in columns.items()},
    }
    query = sql.SQL("INSERT INTO blocks (website_key, {}, {}) VALUES ({})").format(
        sql.SQL(_FIELDS),
        _identifiers(list(columns)),
        # In binary: as text, bytes would travel twice as long.
        sql.SQL(", ").join(sql.Placeholder(name, format=PyFormat.BINARY) for name in values),
    )
    await connection.execute(query, values)


async def delete(connection: Connection, header: BlockHeader) -> None:
    """Remove a block."""
    query = f"DELETE FROM blocks WHERE {_ONE}"
    await connection.execute(query, _key(header))


def _key(header: BlockHeader) -> dict[str, object]:
    return {"website_key": header.website_key, "first_hour": hour_start(header.first_hour)}


def _identifiers(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))

"""Secrets that all workers on all hosts share: made once, by `migrate`."""

from secrets import token_bytes

import psycopg

from sessions.storage.database import Database

_VISITOR, _CURSOR = "visitor", "cursor"


async def make_missing(connection: psycopg.AsyncConnection) -> None:
    """Make a first secret for each purpose that has none."""
    for purpose in (_VISITOR, _CURSOR):
        await connection.execute(
            # Another host may migrate at the same time: the first secret stays.
            "INSERT INTO secrets (purpose, secret_id, secret) VALUES (%s, 1, %s)"
            " ON CONFLICT DO NOTHING",
            (purpose, token_bytes(32)),
        )


async def visitor(database: Database) -> bytes:
    """The key that hashes visitors."""
    return next(iter((await _load(database, _VISITOR)).values()))


async def cursors(database: Database) -> dict[int, bytes]:
    """The keys that sign cursors by their ids, the newest first."""
    return await _load(database, _CURSOR)


async def _load(database: Database, purpose: str) -> dict[int, bytes]:
    query = """
    SELECT secret_id, secret FROM secrets WHERE purpose = %(purpose)s ORDER BY secret_id DESC
    """
    return dict(await database.fetch(query, {"purpose": purpose}))

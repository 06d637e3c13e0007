"""Tombstones: until when a visitor was erased, under a keyed hash instead of its id."""

from collections.abc import Iterable
from datetime import datetime

from sessions.storage.database import Connection

# Whoever erases again, perhaps by another clock, never brings the moment back.
_UPSERT = """
INSERT INTO tombstones AS old (website_key, visitor_hash, erased_until)
VALUES (%(website_key)s, %(visitor_hash)s, greatest(clock_timestamp(), %(last)s::timestamptz))
    ON CONFLICT (website_key, visitor_hash) DO UPDATE
   SET erased_until = greatest(old.erased_until, excluded.erased_until)
RETURNING erased_until
"""

_FIND = """
SELECT visitor_hash, erased_until
  FROM tombstones
 WHERE website_key = %(website_key)s AND visitor_hash = ANY(%(hashes)s)
"""


async def upsert(
    connection: Connection, website_key: int, visitor_hash: bytes, last: datetime | None
) -> datetime:
    """Store the tombstone of a visitor whose lock is held.

    Args:
        connection: inside the transaction that erases.
        website_key: whose visitor.
        visitor_hash: what stands for it.
        last: when the last erased event happened; that may be a little ahead of now.

    Returns:
        The moment until which, inclusive, nothing of this visitor is recorded again.
    """
    parameters = {"website_key": website_key, "visitor_hash": visitor_hash, "last": last}
    stored = await connection.execute(_UPSERT, parameters)
    [(erased_until,)] = await stored.fetchall()
    moment: datetime = erased_until
    return moment


async def find(
    connection: Connection, website_key: int, hashes: Iterable[bytes]
) -> dict[bytes, datetime]:
    """Until when visitors were erased, for those that were."""
    found = await connection.execute(_FIND, {"website_key": website_key, "hashes": list(hashes)})
    return dict(await found.fetchall())

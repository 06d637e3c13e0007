"""Messages for sessions that have none: rows of a version before, or that SQL has made."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from sessions.domain.session import Session
from sessions.storage.database import Connection, Database
from sessions.storage.rows import SESSION_COLUMNS, named, session_rows

LOCK = 7_305_806_142_994
"""The advisory lock of whoever makes messages."""

# Messages that are made before others get their turn: about a millisecond.
_AT_ONCE = 100

# Backwards, because what is newest is read the most.
_NEXT: LiteralString = """
SELECT website_key, started_at, session_id, message IS NULL AS is_missing
  FROM sessions
 WHERE (website_key, started_at, session_id) < (%(website_key)s, %(started_at)s, %(session_id)s)
 ORDER BY website_key DESC, started_at DESC, session_id DESC
 LIMIT %(scanned)s"""

_KEYS: LiteralString = """
  FROM unnest(%(starts)s::timestamptz[], %(ids)s::uuid[], {messages})
       AS key(started_at, session_id, message)"""

_IS_KEY: LiteralString = """
 WHERE s.website_key = %(website_key)s AND s.started_at = key.started_at
   AND s.session_id = key.session_id AND s.message IS NULL"""

# A session that somebody is changing gets its message by that.
_LOCK: LiteralString = f"""
SELECT {SESSION_COLUMNS}
{_KEYS.format(messages="NULL::bytea[]")}, sessions s
{_IS_KEY}
   FOR NO KEY UPDATE OF s SKIP LOCKED"""

_STORE: LiteralString = f"""
UPDATE sessions s SET message = key.message
{_KEYS.format(messages="%(messages)s::bytea[]")}
{_IS_KEY}"""


class SessionPlace(NamedTuple):
    """A place among the sessions of all websites."""

    website_key: int
    started_at: datetime
    session_id: UUID


class _Looked(NamedTuple):
    website_key: int
    started_at: datetime
    session_id: UUID
    is_missing: bool


BEHIND_ALL = SessionPlace(2**31 - 1, datetime.max.replace(tzinfo=UTC), UUID(int=0))
"""No website has this key."""


async def fill_before(
    database: Database,
    before: SessionPlace,
    encode: Callable[[Session], bytes],
    *,
    scanned: int,
    limit: int,
) -> SessionPlace | None:
    """Give sessions before a place their messages; the place that was reached, None at the end.

    Args:
        database: where they are.
        before: the place.
        encode: makes the message of a session.
        scanned: sessions that are looked at, at most.
        limit: sessions that are changed, at most.

    Raises:
        Unavailable: the database can't be reached.
    """
    parameters = before._asdict() | {"scanned": scanned}
    looked = await database.fetch(_NEXT, parameters, named(_Looked))
    missing = [each for each in looked if each.is_missing][:limit]
    for website_key, sessions in groupby(missing, attrgetter("website_key")):
        async with database.transaction() as connection:
            await _fill(connection, website_key, list(sessions), encode)
    if len(missing) == limit:
        return SessionPlace._make(missing[-1][:3])
    return SessionPlace._make(looked[-1][:3]) if len(looked) == scanned else None


async def _fill(
    connection: Connection,
    website_key: int,
    missing: Sequence[_Looked],
    encode: Callable[[Session], bytes],
) -> None:
    async with connection.cursor(binary=True, row_factory=session_rows) as cursor:
        await cursor.execute(_LOCK, _keys(website_key, missing))
        found = await cursor.fetchall()
    messages = []
    for number, session in enumerate(found):
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
        messages.append(encode(session))
    await connection.execute(_STORE, _keys(website_key, found) | {"messages": messages})


def _keys(website_key: int, sessions: Iterable[_Looked | Session]) -> dict[str, Any]:
    keys = [(each.started_at, each.session_id) for each in sessions]
    starts, ids = [at for at, _ in keys], [id_ for _, id_ in keys]
    return {"website_key": website_key, "starts": starts, "ids": ids}

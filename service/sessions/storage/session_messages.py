"""Messages for sessions that have none: rows of a version before, or that SQL has made."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import AsyncCursor

from sessions.domain.session import Session
from sessions.storage.database import Connection, Database
from sessions.storage.rows import SESSION_COLUMNS, Values, columns_of, named, session_rows

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
  FROM unnest(%(websites)s::integer[], %(starts)s::timestamptz[], %(ids)s::uuid[], {messages})
       AS key(website_key, started_at, session_id, message)"""

_IS_KEY: LiteralString = """
 WHERE s.website_key = key.website_key AND s.started_at = key.started_at
   AND s.session_id = key.session_id AND s.message IS NULL"""

# A session that somebody is changing gets its message by that.
_LOCK: LiteralString = f"""
SELECT {SESSION_COLUMNS}, s.website_key
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
    if missing:
        async with database.transaction() as connection:
            await _fill(connection, missing, encode)
    if len(missing) == limit:
        return SessionPlace._make(missing[-1][:3])
    return SessionPlace._make(looked[-1][:3]) if len(looked) == scanned else None


async def _fill(
    connection: Connection, missing: Sequence[_Looked], encode: Callable[[Session], bytes]
) -> None:
    async with connection.cursor(binary=True, row_factory=_keyed_sessions) as cursor:
        await cursor.execute(_LOCK, _keys([each[:3] for each in missing]))
        found = await cursor.fetchall()
    messages = []
    for number, (_, session) in enumerate(found):
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
        messages.append(encode(session))
    keys = _keys([(key, each.started_at, each.session_id) for key, each in found])
    await connection.execute(_STORE, keys | {"messages": messages})


def _keys(keys: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    names = ("websites", "starts", "ids")
    return {name: [key[index] for key in keys] for index, name in enumerate(names)}


def _keyed_sessions(cursor: AsyncCursor[Any]) -> Callable[[Values], tuple[int, Session]]:
    session, website = session_rows(cursor), columns_of(cursor).index("website_key")
    return lambda values: (values[website], session(values))

"""Removes sessions that are older than their website keeps them, in batches."""

from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg.rows import dict_row

from sessions.domain.websites import Website
from sessions.storage import visitors
from sessions.storage.database import Connection, Database, as_json

LOCK = 7_305_806_142_993
"""Advisory lock of the one who runs retention; any constant of our own."""

_SESSIONS_AT_ONCE = 1_000
_EVENTS_AT_ONCE = 20_000
"""Of all sessions of a batch, unless the first one alone has more."""

_NEEDED_SINCE: LiteralString = """
SELECT %(now)s::timestamptz - max(retention_days) * interval '24 hours'
  FROM websites
 WHERE deleted_at IS NULL
HAVING bool_and(retention_days IS NOT NULL)
"""

_COUNT: LiteralString = """
SELECT count(*), coalesce(sum(pageviews + events), 0)::bigint
  FROM sessions
 WHERE website_key = %(website_key)s AND started_at < %(before)s
"""

_NEXT: LiteralString = """
SELECT started_at, session_id, visitor_id, pageviews + events AS size
  FROM sessions
 WHERE website_key = %(website_key)s AND started_at < %(before)s
   AND (started_at, session_id) > (%(after_at)s, %(after_id)s)
   AND ended_at >= %(ended_since)s
 ORDER BY started_at, session_id
 LIMIT %(limit)s
"""

# A late event may have joined, extended or moved sessions since they were listed.
_NOW_THERE = """
SELECT s.session_id, s.visitor_key, s.started_at, s.ended_at, s.pageviews + s.events AS size
  FROM session_ids i
  JOIN sessions s ON s.website_key = i.website_key
   AND s.started_at = i.started_at AND s.session_id = i.session_id
 WHERE i.website_key = %(website_key)s AND i.visitor_key = ANY(%(visitor_keys)s)
   AND NOT i.merged AND i.started_at < %(before)s AND i.started_at <= %(up_to)s
   AND s.ended_at >= %(ended_since)s
"""

_GONE = """
 USING json_to_recordset(%(gone)s::json) AS gone(
       session_id uuid, visitor_key bigint, started_at timestamptz, ended_at timestamptz)
 WHERE t.website_key = %(website_key)s"""

_REMOVE = (
    f"""
DELETE FROM events t {_GONE}
   AND t.visitor_key = gone.visitor_key
   AND t.occurred_at BETWEEN gone.started_at AND gone.ended_at
""",
    f"""
DELETE FROM sessions t {_GONE}
   AND t.started_at = gone.started_at AND t.session_id = gone.session_id
""",
    f"""
DELETE FROM session_ids t {_GONE}
   AND t.session_id = gone.session_id
""",
    # Merged ids have a moment inside the session that took their place.
    f"""
DELETE FROM session_ids t {_GONE}
   AND t.visitor_key = gone.visitor_key AND t.merged
   AND t.started_at BETWEEN gone.started_at AND gone.ended_at
""",
    f"""
DELETE FROM overflow_pages t {_GONE}
   AND t.visitor_key = gone.visitor_key
   AND t.viewed_at BETWEEN gone.started_at AND gone.ended_at
""",
)


class Expired(NamedTuple):
    """The sessions of a website that started before a moment.

    `ended_since` leaves those out that ended before that.
    """

    website: Website
    before: datetime
    ended_since: datetime = datetime.min.replace(tzinfo=UTC)


class Place(NamedTuple):
    """How far a walk through sessions has come."""

    started_at: datetime = datetime.min.replace(tzinfo=UTC)
    session_id: UUID = UUID(int=0)


class Removed(NamedTuple):
    """How much is older, or was removed."""

    sessions: int
    events: int


async def needed_since(connection: Connection, now: datetime) -> datetime | None:
    """The moment before which no website needs a session; None where one keeps them forever."""
    found = await connection.execute(_NEEDED_SINCE, {"now": now})
    rows = await found.fetchall()
    return rows[0][0] if rows else None


def expired(website: Website, now: datetime) -> Expired | None:
    """What is older than a website keeps it; None where it keeps everything."""
    if website.retention_days is None:
        return None
    return Expired(website, now - timedelta(days=website.retention_days))


async def count(database: Database, which: Expired) -> Removed:
    """How much there is to remove."""
    parameters = {"website_key": which.website.key, "before": which.before}
    [(sessions, events)] = await database.fetch(_COUNT, parameters)
    return Removed(sessions, events)


async def remove_next(
    database: Database, which: Expired, after: Place
) -> tuple[Removed, Place] | None:
    """Remove the next few sessions in one short transaction; None when there are no more.

    Raises:
        NotFound: the website was deleted meanwhile.
    """
    parameters = {
        "website_key": which.website.key,
        "before": which.before,
        "ended_since": which.ended_since,
        "after_at": after.started_at,
        "after_id": after.session_id,
        "limit": _SESSIONS_AT_ONCE,
    }
    listed = await database.fetch(_NEXT, parameters, dict_row)
    if not listed:
        return None
    sizes = accumulate(row["size"] for row in listed)
    batch = [row for row, size in zip(listed, sizes, strict=True) if size <= _EVENTS_AT_ONCE]
    batch = batch or listed[:1]
    up_to = Place(batch[-1]["started_at"], batch[-1]["session_id"])
    async with database.transaction() as connection:
        ids = {row["visitor_id"] for row in batch}
        locked = await visitors.lock(connection, which.website, ids)
        gone = await _now_there(connection, which, list(locked.keys.values()), up_to)
        await _remove(connection, which.website.key, gone)
        await visitors.remove_unused(connection, which.website.key, ids)
    return Removed(len(gone), sum(row["size"] for row in gone)), up_to


async def _now_there(
    connection: Connection, which: Expired, visitor_keys: list[int], up_to: Place
) -> list[dict[str, Any]]:
    parameters = {
        "website_key": which.website.key,
        "visitor_keys": visitor_keys,
        "before": which.before,
        "ended_since": which.ended_since,
        "up_to": up_to.started_at,
    }
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_NOW_THERE, parameters)
        return await cursor.fetchall()


async def _remove(connection: Connection, website_key: int, gone: list[dict[str, Any]]) -> None:
    await connection.execute("SELECT set_config('statement_timeout', '0', true)")
    for statement in _REMOVE:
        await connection.execute(statement, {"website_key": website_key, "gone": as_json(gone)})

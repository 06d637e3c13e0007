"""Removes sessions that are older than their website keeps them, in batches."""

from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg.rows import dict_row

from sessions.domain.websites import Website
from sessions.storage import changed_hours, visitors
from sessions.storage.database import Connection, Database, as_json
from sessions.storage.estimates import estimated_rows

LOCK = 7_305_806_142_993
"""Advisory lock of the one who runs retention; any constant of our own."""

SESSIONS_AT_ONCE = 1_000
EVENTS_AT_ONCE = 20_000
"""Of all sessions of a batch, unless the first one alone has more."""

_NEEDED_SINCE: LiteralString = """
SELECT %(now)s::timestamptz - max(retention_days) * interval '24 hours'
  FROM websites
 WHERE deleted_at IS NULL
HAVING bool_and(retention_days IS NOT NULL)
"""

_EXPIRED: LiteralString = """
  FROM sessions
 WHERE website_key = %(website_key)s AND started_at < %(before)s
"""

_COUNT: LiteralString = f"""
SELECT count(*), coalesce(sum(pageviews + events), 0)::bigint {_EXPIRED}
"""

_NEXT: LiteralString = f"""
SELECT started_at, session_id, visitor_id, pageviews + events AS size {_EXPIRED}
   AND (started_at, session_id) > (%(after_at)s, %(after_id)s)
 ORDER BY started_at, session_id
 LIMIT %(limit)s
"""

# A late event may have joined, extended or moved sessions since they were listed.
_NOW_THERE = """
SELECT s.session_id, s.visitor_key, s.started_at, s.ended_at, s.pageviews + s.events AS size
  FROM session_ids i
  JOIN sessions s ON s.website_key = %(website_key)s
   AND s.started_at = i.started_at AND s.session_id = i.session_id
 WHERE i.website_key = %(website_key)s AND i.visitor_key = ANY(%(visitor_keys)s)
   AND NOT i.merged AND i.started_at < %(before)s AND i.started_at <= %(up_to)s
"""

_GONE = """
 USING json_to_recordset(%(gone)s::json) AS gone(
       session_id uuid, visitor_key bigint, started_at timestamptz, ended_at timestamptz)
 WHERE t.website_key = %(website_key)s"""

_REMOVE = (
    f"""
DELETE FROM sessions t {_GONE}
   AND t.started_at = gone.started_at AND t.session_id = gone.session_id
""",
    f"""
DELETE FROM events t {_GONE}
   AND t.visitor_key = gone.visitor_key
   AND t.occurred_at BETWEEN gone.started_at AND gone.ended_at
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
DELETE FROM overflow_items t {_GONE}
   AND t.visitor_key = gone.visitor_key
   AND t.occurred_at BETWEEN gone.started_at AND gone.ended_at
""",
)


class Expired(NamedTuple):
    """The sessions of a website that started before a moment."""

    website: Website
    before: datetime

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of `_EXPIRED`."""
        return {"website_key": self.website.key, "before": self.before}


class RetentionCursor(NamedTuple):
    """How far a walk through expired sessions has come."""

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
    """How much there is to remove; reads all of it."""
    [(sessions, events)] = await database.fetch(_COUNT, which.parameters)
    return Removed(sessions, events)


async def estimate(database: Database, which: Expired) -> int:
    """About how many sessions there are to remove, without counting them."""
    return await estimated_rows(database, f"SELECT {_EXPIRED}", which.parameters)


async def remove_next(
    database: Database,
    which: Expired,
    after: RetentionCursor,
    *,
    sessions_at_once: int = SESSIONS_AT_ONCE,
) -> tuple[Removed, RetentionCursor] | None:
    """Remove the next few sessions in one short transaction; None when there are no more.

    Raises:
        NotFound: the website was deleted meanwhile.
    """
    cursor = {"after_at": after.started_at, "after_id": after.session_id}
    parameters = which.parameters | cursor | {"limit": sessions_at_once}
    # Without locks: what was listed is read again under the locks of its visitors.
    listed = await database.fetch(_NEXT, parameters, dict_row)
    if not listed:
        return None
    sizes = accumulate(row["size"] for row in listed)
    batch = [row for row, size in zip(listed, sizes, strict=True) if size <= EVENTS_AT_ONCE]
    # One session can have more events than a batch may have.
    batch = batch or listed[:1]
    up_to = RetentionCursor(batch[-1]["started_at"], batch[-1]["session_id"])
    async with database.transaction() as connection:
        # The locks of writers: no event can join a session while it is removed.
        ids = {row["visitor_id"] for row in batch}
        locked = await visitors.lock(connection, which.website, ids)
        gone = await _now_there(connection, which, list(locked.keys.values()), up_to)
        await _remove(connection, which.website.key, gone)
        await visitors.remove_unused(connection, which.website.key, ids)
    return Removed(len(gone), sum(row["size"] for row in gone)), up_to


async def _now_there(
    connection: Connection, which: Expired, visitor_keys: list[int], up_to: RetentionCursor
) -> list[dict[str, Any]]:
    parameters = which.parameters | {"visitor_keys": visitor_keys, "up_to": up_to.started_at}
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_NOW_THERE, parameters)
        return await cursor.fetchall()


async def _remove(connection: Connection, website_key: int, gone: list[dict[str, Any]]) -> None:
    for statement in _REMOVE:
        await connection.execute(statement, {"website_key": website_key, "gone": as_json(gone)})
    # Urgent, because blocks keep what is removed here until they are built again.
    starts = (row["started_at"] for row in gone)
    await changed_hours.note(connection, website_key, starts, is_urgent=True)

"""Removes all rows of visitors."""

from datetime import datetime
from typing import NamedTuple

from sessions.storage import changed_hours
from sessions.storage.database import Connection

_EVENTS = """
WITH erased AS (
    DELETE FROM events
     WHERE website_key = %(website_key)s AND visitor_key = ANY(%(visitor_keys)s)
    RETURNING occurred_at)
SELECT count(*), max(occurred_at) FROM erased
"""

# By way of session_ids, because sessions has no index by visitor: this finds the partition and
# the row of each session.
_SESSIONS = """
DELETE FROM sessions s
 USING session_ids i
 WHERE i.website_key = %(website_key)s AND i.visitor_key = ANY(%(visitor_keys)s)
   AND NOT i.merged
   AND s.website_key = %(website_key)s
   AND s.started_at = i.started_at AND s.session_id = i.session_id
RETURNING s.started_at
"""

# One statement for each half of the table, because each has its own index.
_REST = (
    """
DELETE FROM session_ids
 WHERE website_key = %(website_key)s AND visitor_key = ANY(%(visitor_keys)s) AND NOT merged
""",
    """
DELETE FROM session_ids
 WHERE website_key = %(website_key)s AND visitor_key = ANY(%(visitor_keys)s) AND merged
""",
    """
DELETE FROM overflow_items
 WHERE website_key = %(website_key)s AND visitor_key = ANY(%(visitor_keys)s)
""",
    """
DELETE FROM visitors
 WHERE website_key = %(website_key)s AND visitor_id = ANY(%(visitor_ids)s)
""",
)


class Erased(NamedTuple):
    """How much was removed, and when the last of the events happened."""

    sessions: int
    events: int
    last: datetime | None


async def erase(connection: Connection, website_key: int, visitors: dict[str, int]) -> Erased:
    """Remove visitors (keys by ids) and everything that was recorded of them.

    Inside a transaction that keeps others from writing about them.
    """
    parameters = {
        "website_key": website_key,
        "visitor_ids": list(visitors),
        "visitor_keys": list(visitors.values()),
    }
    sessions = await connection.execute(_SESSIONS, parameters)
    starts = [start for (start,) in await sessions.fetchall()]
    await changed_hours.note(connection, website_key, starts, is_urgent=True)
    erased = await connection.execute(_EVENTS, parameters)
    [(events, last)] = await erased.fetchall()
    for statement in _REST:
        await connection.execute(statement, parameters)
    return Erased(sessions.rowcount, events, last)

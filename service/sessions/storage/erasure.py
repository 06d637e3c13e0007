"""Removes all rows of visitors."""

from datetime import datetime
from typing import NamedTuple

from sessions.storage.database import Connection

_EVENTS = """
WITH erased AS (
    DELETE FROM events
     WHERE website_key = %(website_key)s AND visitor_key = ANY(%(visitor_keys)s)
    RETURNING occurred_at)
SELECT count(*), max(occurred_at) FROM erased
"""

_SESSIONS = """
DELETE FROM sessions s
 USING session_ids place
 WHERE place.website_key = %(website_key)s AND place.visitor_key = ANY(%(visitor_keys)s)
   AND NOT place.merged
   AND s.website_key = place.website_key
   AND s.started_at = place.started_at AND s.session_id = place.session_id
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
DELETE FROM overflow_pages
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

    Inside a transaction that keeps others from writing about them. However much
    there is, it is not cut short by the timeout of statements.
    """
    parameters = {
        "website_key": website_key,
        "visitor_ids": list(visitors),
        "visitor_keys": list(visitors.values()),
    }
    await connection.execute("SELECT set_config('statement_timeout', '0', true)")
    erased = await connection.execute(_EVENTS, parameters)
    [(events, last)] = await erased.fetchall()
    sessions = await connection.execute(_SESSIONS, parameters)
    for statement in _REST:
        await connection.execute(statement, parameters)
    return Erased(sessions.rowcount, events, last)

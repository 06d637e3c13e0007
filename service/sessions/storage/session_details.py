"""One session with a page of its events."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import orjson
from psycopg import AsyncCursor

from sessions.domain.events import EventKey
from sessions.domain.session import SessionEvent, SessionPage
from sessions.storage.database import Database
from sessions.storage.rows import SESSION_COLUMNS, Values, columns_of, picker, session_rows

# One statement, so that a session and its events are of one moment. Nothing is
# read of partitions outside the session, and no more than about max_bytes of
# events is sent: sizes are added up before a row leaves the server. The URL of a
# pageview counts twice, because its path goes with it.
# LIMIT + 1: the row beyond the page tells whether there is a next one.
_GET: LiteralString = f"""
WITH live AS (
    SELECT last.started_at, last.session_id
      FROM session_ids asked
     CROSS JOIN LATERAL (
           SELECT started_at, session_id
             FROM session_ids
            WHERE website_key = %(website_key)s AND visitor_key = asked.visitor_key
              AND started_at <= asked.started_at AND NOT merged
            ORDER BY started_at DESC
            LIMIT 1) AS last
     WHERE asked.website_key = %(website_key)s AND asked.session_id = %(session_id)s)
SELECT {SESSION_COLUMNS}, page.page_events, page.has_more
  FROM live
  JOIN sessions s ON s.website_key = %(website_key)s
   AND s.started_at = live.started_at AND s.session_id = live.session_id
 CROSS JOIN LATERAL (
       SELECT json_agg(
                  json_build_array(
                      occurred_at, sequence, event_id, is_pageview,
                      event_name, url, referrer, event_data)
                  ORDER BY occurred_at, sequence, event_id
              ) FILTER (
                  WHERE number <= %(limit)s AND bytes_before < %(max_bytes)s)::text AS page_events,
              count(*) > count(*) FILTER (
                  WHERE number <= %(limit)s AND bytes_before < %(max_bytes)s) AS has_more
         FROM (
              SELECT occurred_at, sequence, event_id, is_pageview,
                     event_name, url, referrer, event_data,
                     row_number() OVER ordered AS number,
                     sum(size) OVER ordered - size AS bytes_before
                FROM (
                     SELECT occurred_at, sequence, event_id, is_pageview,
                            event_name, url, referrer, event_data,
                            octet_length(url) * CASE WHEN is_pageview THEN 2 ELSE 1 END
                            + octet_length(referrer) + octet_length(event_name)
                            + coalesce(octet_length(event_data::text), 0) AS size
                       FROM events e
                      WHERE e.website_key = %(website_key)s AND e.visitor_key = s.visitor_key
                        AND e.occurred_at BETWEEN s.started_at AND s.ended_at
                        AND e.occurred_at >= %(after_at)s
                        AND (e.occurred_at, e.sequence, e.event_id)
                            > (%(after_at)s, %(after_sequence)s, %(after_id)s)
                      ORDER BY e.occurred_at, e.sequence, e.event_id
                      LIMIT %(limit)s + 1
                     ) AS found
              WINDOW ordered AS (ORDER BY occurred_at, sequence, event_id ROWS UNBOUNDED PRECEDING)
              ) AS counted
       ) AS page
"""


async def get(
    database: Database,
    website_key: int,
    session_id: UUID,
    *,
    after: EventKey | None,
    limit: int,
    max_bytes: int,
) -> SessionPage | None:
    """The session that an id stands for, also after a merge, with a page of its events.

    Args:
        database: where to look.
        website_key: whose session.
        session_id: the id of a session, or one that was merged into it.
        after: only events after this one.
        limit: events at most.
        max_bytes: no event is added once those before it are this large, counted by their texts.
    """
    after_at, after_sequence, after_id = after or ("-infinity", 0, "")
    parameters = {
        "website_key": website_key,
        "session_id": session_id,
        "after_at": after_at,
        "after_sequence": after_sequence,
        "after_id": after_id,
        "limit": limit,
        "max_bytes": max_bytes,
    }
    rows = await database.fetch(_GET, parameters, _session_page)
    return rows[0] if rows else None


def _session_page(cursor: AsyncCursor[Any]) -> Callable[[Values], SessionPage]:
    session, pick = session_rows(cursor), picker(columns_of(cursor), ("page_events", "has_more"))

    def make(values: Values) -> SessionPage:
        events, has_more = pick(values)
        found = orjson.loads(events) if events else []
        return SessionPage(session(values), [_event(*event) for event in found], has_more)

    return make


def _event(occurred_at: str, *rest: Any) -> SessionEvent:
    return SessionEvent(datetime.fromisoformat(occurred_at), *rest)

"""The reading side of sessions: a page of the list, and one session with its events."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import orjson
from psycopg.rows import args_row

from sessions.domain.events import EventKey
from sessions.domain.queries import Position, Range
from sessions.domain.session import Session, SessionEvent, SessionPage
from sessions.domain.sessionization import page_hash
from sessions.storage.database import Database
from sessions.storage.pages import MORE_PAGES

_TEXTS: tuple[LiteralString, ...] = (
    *("country", "region", "city", "browser", "os", "device", "language", "hostname"),
    *("referrer", "utm_source", "utm_medium", "utm_campaign", "entry_page", "exit_page"),
)

_COLUMNS: LiteralString = """
       s.session_id, s.visitor_id, s.started_at, s.ended_at, s.pageviews, s.events, s.is_bot,
       """ + ", ".join(f"nullif(s.{name}, '')" for name in _TEXTS)

_LIST: LiteralString = f"""
SELECT {_COLUMNS}
  FROM sessions s
 WHERE s.website_key = %(website_key)s
   AND s.started_at >= %(since)s AND s.started_at < %(until)s"""

_ORDER: LiteralString = """
 ORDER BY s.started_at DESC, s.session_id DESC
 LIMIT %(limit)s"""

_AFTER: LiteralString = """
   AND (s.started_at, s.session_id) < (%(after_at)s, %(after_id)s)"""

_NO_BOTS: LiteralString = """
   AND NOT s.is_bot"""

_FILTERS: dict[str, LiteralString] = {
    "country": " AND s.country = ANY(%(country)s)",
    "referrer": " AND s.referrer = ANY(%(referrer)s)",
    "browser": " AND s.browser = ANY(%(browser)s)",
    "os": " AND s.os = ANY(%(os)s)",
    "device": " AND s.device = ANY(%(device)s)",
    "language": " AND s.language = ANY(%(language)s)",
    "utm_source": " AND s.utm_source = ANY(%(utm_source)s)",
    "utm_medium": " AND s.utm_medium = ANY(%(utm_medium)s)",
    "utm_campaign": " AND s.utm_campaign = ANY(%(utm_campaign)s)",
    "region": " AND s.region = ANY(%(region)s)",
    "city": " AND s.city = ANY(%(city)s)",
    "hostname": " AND s.hostname = ANY(%(hostname)s)",
    # The row's own pages decide, except where it could not hold them all.
    "page": """
   AND s.pages && %(page_or_more)s::uuid[]
   AND (s.pages && %(page)s::uuid[]
        OR EXISTS (
            SELECT FROM overflow_pages o
             WHERE o.website_key = s.website_key AND o.visitor_key = s.visitor_key
               AND o.page = ANY(%(page)s::uuid[])
               AND o.viewed_at BETWEEN s.started_at AND s.ended_at))""",
}


async def list_page(
    database: Database,
    website_key: int,
    range_: Range,
    *,
    filters: Mapping[str, Sequence[str]],
    include_bots: bool,
    after: Position | None,
    limit: int,
) -> list[Session]:
    """The first `limit` sessions, newest first, that started in a range of time.

    Args:
        database: where to look.
        website_key: whose sessions.
        range_: when they started.
        filters: per name of `sessions.domain.queries.FILTERS` the values that match.
        include_bots: whether bot sessions are listed too.
        after: only what comes after this position.
        limit: rows at the most.
    """
    parameters: dict[str, Any] = {"website_key": website_key, "limit": limit, **range_._asdict()}
    parameters |= {name: list(values) for name, values in filters.items()}
    query = _LIST + "".join(_FILTERS[name] for name in filters)
    if "page" in filters:
        pages = [page_hash(path) for path in filters["page"]]
        parameters |= {"page": pages, "page_or_more": [*pages, MORE_PAGES]}
    if not include_bots:
        query += _NO_BOTS
    if after:
        query += _AFTER
        parameters |= {"after_at": after.started_at, "after_id": after.session_id}
    return await database.fetch(query + _ORDER, parameters, args_row(Session))


# One statement, so that a session and its events are of one moment. Nothing is
# read of partitions outside the session, and no more than about max_bytes of
# events is sent: sizes are added up before a row leaves the server.
_GET: LiteralString = f"""
WITH place AS (
    SELECT live.started_at, live.session_id
      FROM session_ids asked
     CROSS JOIN LATERAL (
           SELECT started_at, session_id
             FROM session_ids
            WHERE website_key = asked.website_key AND visitor_key = asked.visitor_key
              AND started_at <= asked.started_at AND NOT merged
            ORDER BY started_at DESC
            LIMIT 1) AS live
     WHERE asked.website_key = %(website_key)s AND asked.session_id = %(session_id)s)
SELECT {_COLUMNS}, page.events, page.has_more
  FROM place
  JOIN sessions s ON s.website_key = %(website_key)s
   AND s.started_at = place.started_at AND s.session_id = place.session_id
 CROSS JOIN LATERAL (
       SELECT json_agg(
                  json_build_array(
                      occurred_at, sequence, event_id, is_pageview,
                      event_name, url, referrer, event_data)
                  ORDER BY occurred_at, sequence, event_id
              ) FILTER (WHERE number <= %(limit)s AND bytes_before < %(max_bytes)s)::text AS events,
              count(*) > count(*) FILTER (
                  WHERE number <= %(limit)s AND bytes_before < %(max_bytes)s) AS has_more
         FROM (
              SELECT *,
                     row_number() OVER places AS number,
                     sum(size) OVER places - size AS bytes_before
                FROM (
                     SELECT *,
                            octet_length(url) + octet_length(referrer) + octet_length(event_name)
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
              WINDOW places AS (ORDER BY occurred_at, sequence, event_id ROWS UNBOUNDED PRECEDING)
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
        limit: events at the most.
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
    rows = await database.fetch(_GET, parameters, args_row(_session_page))
    return rows[0] if rows else None


def _session_page(*row: Any) -> SessionPage:
    *columns, events, has_more = row
    found = orjson.loads(events) if events else []
    return SessionPage(Session(*columns), [_event(*event) for event in found], has_more)


def _event(occurred_at: str, *rest: Any) -> SessionEvent:
    return SessionEvent(datetime.fromisoformat(occurred_at), *rest)

"""The writing side of sessions: load the states that new events touch, store what became of them.

States are what `sessions.domain.sessionization` works on.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from psycopg.rows import dict_row

from sessions.domain.events import ACQUISITION, ATTRIBUTES, Event, EventKey
from sessions.domain.sessionization import (
    MAX_PAGES,
    TIMEOUT,
    Change,
    SessionState,
)
from sessions.storage.database import Connection, as_json
from sessions.storage.pages import MORE_PAGES, NO_PAGE

# For each run the last session that starts before it, and all that start
# inside it or soon after: nothing else can be touched. The LIMIT of the last
# part keeps the planner from beginning with all sessions of the website, which
# looks cheap to it where a table is new and was not analysed yet.
_TOUCHED = """
SELECT s.*, s.pages::text[] AS page_list
  FROM json_to_recordset(%(runs)s::json)
       AS run(visitor_key bigint, first timestamptz, last timestamptz)
 CROSS JOIN LATERAL (
       (SELECT started_at, session_id
          FROM session_ids
         WHERE website_key = %(website_key)s AND visitor_key = run.visitor_key
           AND NOT merged AND started_at < run.first
         ORDER BY started_at DESC
         LIMIT 1)
       UNION ALL
       (SELECT started_at, session_id
          FROM session_ids
         WHERE website_key = %(website_key)s AND visitor_key = run.visitor_key
           AND NOT merged AND started_at >= run.first
           AND started_at < run.last + %(timeout)s::interval)
       ) AS near
 CROSS JOIN LATERAL (
       SELECT *
         FROM sessions
        WHERE website_key = %(website_key)s
          AND started_at = near.started_at AND session_id = near.session_id
        LIMIT 1) AS s
"""

_DELETE = """
DELETE FROM sessions s
 USING json_to_recordset(%(rows)s::json) AS gone(session_id uuid, started_at timestamptz)
 WHERE s.website_key = %(website_key)s
   AND s.started_at = gone.started_at AND s.session_id = gone.session_id
"""

_MERGE = """
UPDATE session_ids SET merged = true
 WHERE website_key = %(website_key)s AND session_id = ANY(%(merged)s)
"""

_PLACE = """
INSERT INTO session_ids
SELECT * FROM json_populate_recordset(NULL::session_ids, %(rows)s::json)
    ON CONFLICT (website_key, session_id) DO UPDATE SET started_at = excluded.started_at
"""

_MUTABLE = (
    *("ended_at", "pageviews", "events", "is_bot", *ATTRIBUTES, *ACQUISITION),
    *("entry_page", "exit_page", "pages", "order_keys"),
)

_UPSERT = f"""
INSERT INTO sessions
SELECT * FROM json_populate_recordset(NULL::sessions, %(rows)s::json)
    ON CONFLICT (website_key, started_at, session_id) DO UPDATE
   SET {", ".join(f"{name} = excluded.{name}" for name in _MUTABLE)}
"""

_OVERFLOW = """
INSERT INTO overflow_pages
SELECT * FROM json_populate_recordset(NULL::overflow_pages, %(rows)s::json)
    ON CONFLICT DO NOTHING
"""


async def touched(
    connection: Connection,
    website_key: int,
    visitor_keys: Mapping[str, int],
    runs: Iterable[Sequence[Event]],
) -> list[SessionState]:
    """The stored sessions that these runs of new events can extend or join."""
    rows = [
        {
            "visitor_key": visitor_keys[run[0].visitor_id],
            "first": run[0].occurred_at,
            "last": run[-1].occurred_at,
        }
        for run in runs
    ]
    parameters = {"website_key": website_key, "runs": as_json(rows), "timeout": TIMEOUT}
    async with connection.cursor(row_factory=dict_row, binary=True) as cursor:
        await cursor.execute(_TOUCHED, parameters)
        # A long session can lie beside several runs of its visitor.
        found = {row["session_id"]: row for row in await cursor.fetchall()}
    return [_state(row) for row in found.values()]


async def store(
    connection: Connection,
    website_key: int,
    visitor_keys: Mapping[str, int],
    changes: Sequence[Change],
) -> None:
    """Make the stored sessions of a website what the changes say.

    Merged ids leave the timeline before others take their place on it.
    """
    gone, merged, placed, rows, overflow = [], [], [], [], []
    for change in changes:
        session = change.session
        ids = {"website_key": website_key, "visitor_key": visitor_keys[session.visitor_id]}
        place = {"session_id": session.session_id, "started_at": session.started_at}
        before = [{"session_id": id_, "started_at": at} for id_, at in change.replaces]
        gone += [old for old in before if old != place]
        merged += [id_ for id_, _ in change.replaces if id_ != session.session_id]
        if place not in before:
            placed.append(ids | place | {"merged": False})
        rows.append(ids | place | _row(session))
        spilled = islice(session.pages.items(), MAX_PAGES, None)
        overflow += [ids | {"page": page, "viewed_at": at} for page, at in spilled]
    website = {"website_key": website_key}
    if gone:
        await connection.execute(_DELETE, website | {"rows": as_json(gone)})
    if merged:
        await connection.execute(_MERGE, website | {"merged": merged})
    if placed:
        await connection.execute(_PLACE, {"rows": as_json(placed)})
    await connection.execute(_UPSERT, {"rows": as_json(rows)})
    if overflow:
        await connection.execute(_OVERFLOW, {"rows": as_json(overflow)})


def _row(session: SessionState) -> dict[str, Any]:
    """The columns of `sessions` that a state makes, but for its place."""
    return {
        "visitor_id": session.visitor_id,
        "ended_at": session.ended_at,
        "pageviews": session.pageviews,
        "events": session.events,
        "is_bot": session.is_bot,
        "entry_page": session.entry_page,
        "exit_page": session.exit_page,
        "pages": _stored_pages(session),
        "order_keys": _order_keys(session),
        **dict.fromkeys(ATTRIBUTES, ""),
        **{name: value for name, (_, value) in session.attributes.items()},
        **dict(zip(ACQUISITION, session.acquisition, strict=True)),
    }


def _stored_pages(session: SessionState) -> list[str]:
    pages = list(islice(session.pages, MAX_PAGES))
    if session.more_pages or len(session.pages) > MAX_PAGES:
        pages.append(MORE_PAGES)
    return pages or [NO_PAGE]


def _order_keys(session: SessionState) -> dict[str, Sequence[Any]]:
    """The keys that can't be told from the other columns: usually only that of the first event."""
    keys = {"entry": session.entry, "exit": session.exit}
    keys |= {name: key for name, (key, _) in session.attributes.items()}
    other = {name: key for name, key in keys.items() if key != session.first}
    return {"first": session.first[1:], **other}


def _state(row: Mapping[str, Any]) -> SessionState:
    """The state that a row of `sessions` holds."""
    stored: dict[str, Any] = row["order_keys"]
    first: EventKey = (row["started_at"], *stored["first"])
    keys = {name: _event_key(key) for name, key in stored.items() if name != "first"}
    pages = set(row["page_list"])
    return SessionState(
        session_id=row["session_id"],
        visitor_id=row["visitor_id"],
        first=first,
        ended_at=row["ended_at"],
        pageviews=row["pageviews"],
        events=row["events"],
        is_bot=row["is_bot"],
        entry=keys.get("entry", first),
        entry_page=row["entry_page"],
        acquisition=tuple(row[name] for name in ACQUISITION),
        exit=keys.get("exit", first),
        exit_page=row["exit_page"],
        attributes={name: (keys.get(name, first), row[name]) for name in ATTRIBUTES if row[name]},
        pages=dict.fromkeys(pages - {NO_PAGE, MORE_PAGES}, row["started_at"]),
        more_pages=MORE_PAGES in pages,
    )


def _event_key(stored: Sequence[Any]) -> EventKey:
    occurred_at, sequence, event_id = stored
    return datetime.fromisoformat(occurred_at), sequence, event_id

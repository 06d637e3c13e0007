"""The writing side of sessions: load what new events can change, and store what they make.

Summaries are what `sessions.domain.sessionization` works on.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any

from psycopg.rows import dict_row

from sessions.domain.dimensions import ACQUISITION, CLIENT, NAMES, TEXTS
from sessions.domain.events import Event, EventKey
from sessions.domain.items import MORE_ITEMS, NO_PAGE, item_hash
from sessions.domain.session import Session
from sessions.domain.sessionization import MAX_ITEMS, TIMEOUT, Change, SessionSummary
from sessions.instruments import MERGED_SESSIONS
from sessions.storage import changed_hours
from sessions.storage.database import Connection, as_json

# The columns of `sessions` that a change can set, but for those that identify the row.
_MUTABLE = (
    *("ended_at", "pageviews", "events", "is_bot", *NAMES),
    *("entry_page", "exit_page", "items", "order_keys"),
)
_STORED = (*_MUTABLE, "message")

_IDENTITY = ("website_key", "started_at", "session_id", "visitor_key", "visitor_id")


def _list(columns: Iterable[str], table: str = "") -> str:
    return ", ".join(f"{table}{name}" for name in columns)


# For each run the last session that starts before it, and all that start
# inside it or soon after: nothing else can be touched. The LIMIT of the last
# part keeps the planner from beginning with all sessions of the website, which
# looks cheap to it where a table is new and was not analysed yet.
_ADJACENT = f"""
SELECT {_list((*_IDENTITY, *_MUTABLE), "s.").replace("s.items", "s.items::text[]")}
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

_MOVE = """
INSERT INTO session_ids (website_key, session_id, visitor_key, started_at)
SELECT %(website_key)s, session_id, visitor_key, started_at
  FROM json_populate_recordset(NULL::session_ids, %(rows)s::json)
    ON CONFLICT (website_key, session_id) DO UPDATE SET started_at = excluded.started_at
"""

_UPSERT = f"""
INSERT INTO sessions (website_key, {_list((*_IDENTITY[1:], *_STORED))})
SELECT %(website_key)s, {_list((*_IDENTITY[1:], *_STORED))}
  FROM json_populate_recordset(NULL::sessions, %(rows)s::json)
    ON CONFLICT (website_key, started_at, session_id) DO UPDATE
   SET {", ".join(f"{name} = excluded.{name}" for name in _STORED)}
"""

_OVERFLOW = """
INSERT INTO overflow_items (website_key, visitor_key, item, occurred_at)
SELECT %(website_key)s, visitor_key, item, occurred_at
  FROM json_populate_recordset(NULL::overflow_items, %(rows)s::json)
    ON CONFLICT DO NOTHING
"""


async def load_adjacent(
    connection: Connection,
    website_key: int,
    visitor_keys: Mapping[str, int],
    runs: Iterable[Sequence[Event]],
) -> list[SessionSummary]:
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
        await cursor.execute(_ADJACENT, parameters)
        # A long session can lie beside several runs of its visitor.
        found = {row["session_id"]: row for row in await cursor.fetchall()}
    return [_summary(row) for row in found.values()]


async def store(
    connection: Connection,
    website_key: int,
    visitor_keys: Mapping[str, int],
    changes: Sequence[Change],
    encode: Callable[[Session], bytes] | None,
) -> None:
    """Make the stored sessions of a website what the changes say.

    Merged ids leave the timeline before others take their session_ref on it.

    Args:
        connection: inside a transaction that holds the locks of the visitors.
        website_key: whose sessions.
        visitor_keys: the key of each visitor, by its id.
        changes: what becomes of which sessions.
        encode: makes the message of a session; None stores none.
    """
    gone, merged, moved, rows, overflow = [], [], [], [], []
    for change in changes:
        session = change.session
        visitor = {"visitor_key": visitor_keys[session.visitor_id]}
        session_ref = {"session_id": session.session_id, "started_at": session.started_at}
        before = [{"session_id": id_, "started_at": at} for id_, at in change.replaces]
        # The key of a row contains its start: a session that begins earlier now is another row.
        gone += [old for old in before if old != session_ref]
        merged += [id_ for id_, _ in change.replaces if id_ != session.session_id]
        if session_ref not in before:
            moved.append(visitor | session_ref)
        row = _row(session)
        message = encode and _hex(encode(_session(session, row)))
        rows.append(visitor | session_ref | row | {"message": message})
        # In a table of their own, so that the row and its index entries stay small.
        spilled = islice(session.items.items(), MAX_ITEMS, None)
        overflow += [visitor | {"item": item, "occurred_at": at} for item, at in spilled]
    website = {"website_key": website_key}
    # Nothing is read in between: all statements travel together.
    async with connection.pipeline():
        if gone:
            await connection.execute(_DELETE, website | {"rows": as_json(gone)})
        if merged:
            await connection.execute(_MERGE, website | {"merged": merged})
        if moved:
            await connection.execute(_MOVE, website | {"rows": as_json(moved)})
        await connection.execute(_UPSERT, website | {"rows": as_json(rows)})
        if overflow:
            await connection.execute(_OVERFLOW, website | {"rows": as_json(overflow)})
        starts = chain.from_iterable(map(_starts, changes))
        await changed_hours.note(connection, website_key, starts)
    MERGED_SESSIONS.inc(len(merged))


def _starts(change: Change) -> list[datetime]:
    """When the sessions of a change started before it, and when the one that is left does."""
    return [*(at for _, at in change.replaces), change.session.started_at]


def _row(session: SessionSummary) -> dict[str, Any]:
    """The columns of `sessions` that a summary makes, but for its key."""
    return {
        "visitor_id": session.visitor_id,
        "ended_at": session.ended_at,
        "pageviews": session.pageviews,
        "events": session.events,
        "is_bot": session.is_bot,
        "entry_page": session.entry_page,
        "exit_page": session.exit_page,
        "items": [*_border_items(session.entry_page, session.exit_page), *_stored_items(session)],
        "order_keys": _order_keys(session),
        **dict.fromkeys(CLIENT, ""),
        **{name: value for name, (_, value) in session.attributes.items()},
        **dict(zip(ACQUISITION, session.acquisition, strict=True)),
    }


def _session(session: SessionSummary, row: Mapping[str, Any]) -> Session:
    """The session that is read of a row."""
    plain = (session.session_id, session.visitor_id, session.started_at, session.ended_at)
    counts = (session.pageviews, session.events, session.is_bot)
    return Session._make((*plain, *counts, tuple(row[name] or None for name in TEXTS)))


def _hex(value: bytes) -> str:
    """A value as PostgreSQL reads `bytea`."""
    return rf"\x{value.hex()}"


def _border_items(entry_page: str, exit_page: str) -> tuple[str, str]:
    """The items of a row that do not come from the summary's own."""
    return item_hash("entry_page", entry_page), item_hash("exit_page", exit_page)


def _stored_items(session: SessionSummary) -> list[str]:
    items = list(islice(session.items, MAX_ITEMS))
    if session.more_items or len(session.items) > MAX_ITEMS:
        items.append(MORE_ITEMS)
    return items if session.has_page else [*items, NO_PAGE]


def _order_keys(session: SessionSummary) -> dict[str, Sequence[Any]]:
    """The keys that can't be told from the other columns: usually only that of the first event."""
    keys = {"entry": session.entry, "exit": session.exit}
    keys |= {name: key for name, (key, _) in session.attributes.items()}
    other = {name: key for name, key in keys.items() if key != session.first}
    return {"first": session.first[1:], **other}


def _summary(row: Mapping[str, Any]) -> SessionSummary:
    """The summary that a row of `sessions` holds."""
    stored: dict[str, Any] = row["order_keys"]
    first: EventKey = (row["started_at"], *stored["first"])
    keys = {name: _event_key(key) for name, key in stored.items() if name != "first"}
    entry_page, exit_page, items = row["entry_page"], row["exit_page"], set(row["items"])
    own = items.difference(_border_items(entry_page, exit_page), (NO_PAGE, MORE_ITEMS))
    return SessionSummary(
        session_id=row["session_id"],
        visitor_id=row["visitor_id"],
        first=first,
        ended_at=row["ended_at"],
        pageviews=row["pageviews"],
        events=row["events"],
        is_bot=row["is_bot"],
        entry=keys.get("entry", first),
        entry_page=entry_page,
        acquisition=tuple(row[name] for name in ACQUISITION),
        exit=keys.get("exit", first),
        exit_page=exit_page,
        attributes={name: (keys.get(name, first), row[name]) for name in CLIENT if row[name]},
        # The row does not keep the moments of items. Any moment inside of the session will do.
        items=dict.fromkeys(own, row["started_at"]),
        has_page=NO_PAGE not in items,
        more_items=MORE_ITEMS in items,
    )


def _event_key(stored: Sequence[Any]) -> EventKey:
    occurred_at, sequence, event_id = stored
    return datetime.fromisoformat(occurred_at), sequence, event_id

"""The writing side of sessions: load what new events can change, and store what they make.

Summaries are what `sessions.domain.sessionization` works on.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice
from operator import itemgetter
from typing import Any

from psycopg.rows import dict_row

from sessions.domain.dimensions import ACQUISITION, BORDER_PAGES, CLIENT, TEXTS
from sessions.domain.events import Event, EventKey
from sessions.domain.items import MORE_ITEMS, NO_PAGE, item_hash
from sessions.domain.session import Session
from sessions.domain.sessionization import MAX_ITEMS, TIMEOUT, Change, SessionSummary
from sessions.instruments import MERGED_SESSIONS
from sessions.storage import changed_hours, new_rows
from sessions.storage.database import Connection, as_json

_IDENTITY: Mapping[str, new_rows.Column] = {
    "started_at": new_rows.plain,
    "session_id": new_rows.plain,
    "visitor_key": new_rows.plain,
    "visitor_id": new_rows.text,
}

_TEXTS = (*CLIENT, *ACQUISITION, *BORDER_PAGES)
_in_order = itemgetter(*map(_TEXTS.index, TEXTS))

# The columns of `sessions` that a change can set, but for those that identify the row.
_MUTABLE: Mapping[str, new_rows.Column] = {
    "ended_at": new_rows.plain,
    "pageviews": new_rows.plain,
    "events": new_rows.plain,
    "is_bot": new_rows.plain,
    **dict.fromkeys(_TEXTS, new_rows.text),
    "items": new_rows.array,
    "order_keys": new_rows.json,
    "message": new_rows.binary,
}
_COLUMNS = {**_IDENTITY, **_MUTABLE}
_READ = [name for name in _COLUMNS if name != "message"]
_IDS: Mapping[str, new_rows.Column] = {
    "session_id": new_rows.plain,
    "visitor_key": new_rows.plain,
    "started_at": new_rows.plain,
}


# Changes of different sessions, which need no order among them.
_SENT_AT_ONCE = 32


def _list(columns: Iterable[str], table: str = "") -> str:
    return ", ".join(f"{table}{name}" for name in columns)


# For each run the last session that starts before it, and all that start
# inside it or soon after: nothing else can be touched. The LIMIT of the last
# part keeps the planner from beginning with all sessions of the website, which
# looks cheap to it where a table is new and was not analysed yet.
_ADJACENT = f"""
SELECT {_list(_READ, "s.").replace("s.items", "s.items::text[]")}
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

# An id has one row. A join would read all sessions of the website where a table is new.
_DELETE = """
DELETE FROM sessions
 WHERE website_key = %(website_key)s
   AND started_at = ANY(%(starts)s) AND session_id = ANY(%(ids)s)
"""

_MERGE = """
UPDATE session_ids SET merged = true
 WHERE website_key = %(website_key)s AND session_id = ANY(%(merged)s)
"""

_MOVE = f"""
INSERT INTO session_ids (website_key, session_id, visitor_key, started_at)
SELECT own.website_key, session_id, visitor_key, started_at
  FROM {new_rows.OWN}
 CROSS JOIN json_populate_recordset(NULL::session_ids, %(rows)s::json) AS sent
    ON CONFLICT (website_key, session_id) DO UPDATE SET started_at = excluded.started_at
"""

_UPSERT = f"""
INSERT INTO sessions (website_key, {_list(_COLUMNS)})
SELECT own.website_key, {_list(_COLUMNS)}
  FROM {new_rows.OWN}
 CROSS JOIN json_populate_recordset(NULL::sessions, %(rows)s::json) AS sent
    ON CONFLICT (website_key, started_at, session_id) DO UPDATE
   SET {", ".join(f"{name} = excluded.{name}" for name in _MUTABLE)}
"""

_OVERFLOW = f"""
INSERT INTO overflow_items (website_key, visitor_key, item, occurred_at)
SELECT own.website_key, visitor_key, item, occurred_at
  FROM {new_rows.OWN}
 CROSS JOIN json_populate_recordset(NULL::overflow_items, %(rows)s::json) AS sent
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
    if not rows:
        return []
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
    """Make the stored sessions of a website what many changes say, not inside of a pipeline.

    Args:
        connection: inside a transaction that holds the locks of the visitors.
        website_key: whose sessions.
        visitor_keys: the key of each visitor, by its id.
        changes: what becomes of which sessions.
        encode: makes the message of a session; None stores none.
    """
    added = [change for change in changes if not change.replaces]
    others = changes
    if len(added) >= new_rows.MANY:
        await _add(connection, website_key, _rows(added, visitor_keys, encode))
        others = [change for change in changes if change.replaces]
    async with connection.pipeline():
        if others:
            await _replace(connection, website_key, others, _rows(others, visitor_keys, encode))
        await _note(connection, website_key, visitor_keys, changes)


async def send(
    connection: Connection,
    website_key: int,
    visitor_keys: Mapping[str, int],
    changes: Sequence[Change],
    encode: Callable[[Session], bytes] | None,
) -> None:
    """Do the same for few changes, inside of a pipeline."""
    # PostgreSQL stores some while the rows of the next are made.
    for start in range(0, len(changes), _SENT_AT_ONCE):
        some = changes[start : start + _SENT_AT_ONCE]
        await _replace(connection, website_key, some, _rows(some, visitor_keys, encode))
    await _note(connection, website_key, visitor_keys, changes)


async def _add(connection: Connection, website_key: int, rows: Sequence[new_rows.Row]) -> None:
    """Store the rows of sessions that replace none."""
    await new_rows.copy(connection, "sessions", website_key, _COLUMNS, rows)
    ids = [(session_id, visitor_key, at) for at, session_id, visitor_key, *_ in rows]
    await new_rows.copy(connection, "session_ids", website_key, _IDS, ids)


async def _note(
    connection: Connection,
    website_key: int,
    visitor_keys: Mapping[str, int],
    changes: Sequence[Change],
) -> None:
    """Store what belongs to sessions beside their rows."""
    # In a table of their own, so that the row and its index entries stay small.
    overflow = [
        {"visitor_key": visitor_keys[session.visitor_id], "item": item, "occurred_at": at}
        for session, _ in changes
        for item, at in islice(session.items.items(), MAX_ITEMS, None)
    ]
    if overflow:
        parameters = {"website_key": website_key, "rows": as_json(overflow)}
        await connection.execute(_OVERFLOW, parameters)
    starts = chain.from_iterable(map(_starts, changes))
    await changed_hours.note(connection, website_key, starts)
    MERGED_SESSIONS.inc(sum(len(change.replaces) - 1 for change in changes if change.replaces))


async def _replace(
    connection: Connection,
    website_key: int,
    changes: Sequence[Change],
    rows: Sequence[new_rows.Row],
) -> None:
    """Store the rows of sessions in place of those that they replace, if any.

    Merged ids leave the timeline before others take their place on it.
    """
    gone, merged, moved = [], [], []
    for (session, replaces), (_, _, visitor_key, *_) in zip(changes, rows, strict=True):
        session_ref = (session.session_id, session.started_at)
        # The key of a row contains its start: a session that begins earlier now is another row.
        gone += [old for old in replaces if old != session_ref]
        merged += [id_ for id_, _ in replaces if id_ != session.session_id]
        if session_ref not in replaces:
            moved.append((*session_ref, visitor_key))
    website = {"website_key": website_key}
    if gone:
        ids, starts = map(list, zip(*gone, strict=True))
        await connection.execute(_DELETE, website | {"ids": ids, "starts": starts})
    if merged:
        await connection.execute(_MERGE, website | {"merged": merged})
    if moved:
        names = ("session_id", "started_at", "visitor_key")
        await connection.execute(_MOVE, website | {"rows": _json(names, moved)})
    await connection.execute(_UPSERT, website | {"rows": _json(_COLUMNS, rows)})


def _json(names: Iterable[str], rows: Iterable[Sequence[Any]]) -> str:
    return as_json([dict(zip(names, row, strict=True)) for row in rows])


def _starts(change: Change) -> list[datetime]:
    """When the sessions of a change started before it, and when the one that is left does."""
    return [*(at for _, at in change.replaces), change.session.started_at]


def _rows(
    changes: Iterable[Change],
    visitor_keys: Mapping[str, int],
    encode: Callable[[Session], bytes] | None,
) -> list[new_rows.Row]:
    return [_row(session, visitor_keys, encode) for session, _ in changes]


def _row(
    session: SessionSummary,
    visitor_keys: Mapping[str, int],
    encode: Callable[[Session], bytes] | None,
) -> new_rows.Row:
    """The values of `_COLUMNS` that a summary makes."""
    found = session.attributes
    texts = (
        *[found[name][1] if name in found else "" for name in CLIENT],
        *session.acquisition,
        session.entry_page,
        session.exit_page,
    )
    ref = (session.session_id, session.visitor_id, session.started_at, session.ended_at)
    counts = (session.pageviews, session.events, session.is_bot)
    return (
        session.started_at,
        session.session_id,
        visitor_keys[session.visitor_id],
        session.visitor_id,
        session.ended_at,
        *counts,
        *texts,
        [*_border_items(session.entry_page, session.exit_page), *_stored_items(session)],
        _order_keys(session),
        encode and _hex(encode(Session._make((*ref, *counts, _told(texts))))),
    )


def _told(texts: Sequence[str]) -> tuple[str | None, ...]:
    """The texts of a session as it is read."""
    return tuple([text or None for text in _in_order(texts)])


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
    first = session.first
    keys: dict[str, Sequence[Any]] = {"first": first[1:]}
    if session.entry != first:
        keys["entry"] = session.entry
    if session.exit != first:
        keys["exit"] = session.exit
    for name, (key, _) in session.attributes.items():
        if key != first:
            keys[name] = key
    return keys


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

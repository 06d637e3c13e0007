"""Sessions in the order of their key, oldest first, and their events: some at a time.

Each read looks at a bounded number of sessions, however few of them are wanted.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Generic, LiteralString, NamedTuple, TypeVar

from psycopg import AsyncCursor

from sessions.domain.dimensions import CLIENT
from sessions.domain.events import BEFORE_ALL, EventKey, StoredEvent
from sessions.domain.paging import Position
from sessions.domain.selection import Selection
from sessions.storage.database import Connection, Database
from sessions.storage.estimates import estimated_rows
from sessions.storage.predicates import compile_selection
from sessions.storage.rows import (
    FINDING_COLUMNS,
    FoundSession,
    SessionForm,
    Values,
    columns_of,
    found_sessions,
    picker,
)

T = TypeVar("T")

# Rows that are made of a result before others get their turn: about a millisecond.
_ROWS_AT_ONCE = 100
# Events that are fetched at once, of at most 48 KiB each.
_EVENTS_AT_ONCE = 250

_NEXT: LiteralString = """
           s.website_key = %(website_key)s
       AND s.started_at >= %(after_at)s AND s.started_at < %(until)s
       AND (s.started_at, s.session_id) {operator} (%(after_at)s, %(after_id)s)"""

_OLDEST_FIRST: LiteralString = " ORDER BY s.started_at, s.session_id "

_LAST_SCANNED: LiteralString = f"""
SELECT s.started_at, s.session_id
  FROM sessions s
 WHERE {_NEXT}
{_OLDEST_FIRST} LIMIT 1 OFFSET %(scanned)s - 1"""

# The inner limit bounds the work, and keeps the planner to the primary key.
_AMONG_NEXT: LiteralString = f"""
SELECT {{columns}}, {FINDING_COLUMNS}
  FROM (SELECT * FROM sessions s WHERE {_NEXT} {_OLDEST_FIRST} LIMIT %(scanned)s) AS s
 WHERE {{condition}}
{_OLDEST_FIRST} LIMIT %(limit)s"""

_OWN = (
    *("occurred_at", "event_id", "sequence", "is_pageview", "is_bot"),
    *("event_name", "url", "referrer", "event_data"),
)

_EVENTS: LiteralString = f"""
SELECT session.number, e.*,
       octet_length(url) + octet_length(referrer) + octet_length(event_name)
       + coalesce(octet_length(event_data::text), 0) AS size
  FROM unnest(
           %(visitor_keys)s::bigint[], %(since)s::timestamptz[], %(until)s::timestamptz[]
       ) WITH ORDINALITY AS session(visitor_key, since, until, number)
 CROSS JOIN LATERAL (
       SELECT {", ".join((*_OWN, *CLIENT))}
         FROM events
        WHERE website_key = %(website_key)s AND visitor_key = session.visitor_key
          AND occurred_at BETWEEN session.since AND session.until
          AND (session.number > 1
               OR (occurred_at, sequence, event_id)
                  > (%(after_at)s, %(after_sequence)s, %(after_id)s))
        ORDER BY occurred_at, sequence, event_id
        LIMIT %(limit)s) AS e
 ORDER BY session.number, e.occurred_at, e.sequence, e.event_id"""


class Found(NamedTuple, Generic[T]):
    """Sessions, oldest first, and the position that was searched up to; None if it is the end."""

    sessions: list[FoundSession[T]]
    end: Position | None


async def find(
    connection: Connection,
    website_key: int,
    selection: Selection,
    after: Position,
    *,
    inclusive: bool,
    scanned: int,
    limit: int,
    form: SessionForm[T],
) -> Found[T]:
    """The next sessions of a selection.

    Args:
        connection: what it sees is what is read; both statements must see the same.
        website_key: whose sessions.
        selection: which of them.
        after: only those after this position.
        inclusive: also the one at this position.
        scanned: sessions that are looked at, at most.
        limit: sessions that are wanted, at most.
        form: of the sessions.
    """
    condition, values = compile_selection(selection)
    operator: LiteralString = ">=" if inclusive else ">"
    parameters = values | {
        "website_key": website_key,
        "after_at": after.started_at,
        "after_id": after.session_id,
        "until": selection.range.until,
        "scanned": scanned,
        "limit": limit,
    }
    query = _AMONG_NEXT.format(columns=form.columns, operator=operator, condition=condition)
    async with connection.cursor(row_factory=found_sessions(form), binary=True) as cursor:
        await cursor.execute(query, parameters)
        sessions = [row async for row in _in_slices(cursor)]
    if len(sessions) == limit:
        return Found(sessions, sessions[-1].position)
    last = await connection.execute(_LAST_SCANNED.format(operator=operator), parameters)
    row = await last.fetchone()
    return Found(sessions, Position(*row) if row else None)


async def estimate(database: Database, website_key: int, selection: Selection) -> int:
    """About how many sessions a selection has, as far as rows tell.

    Raises:
        Unavailable: the database can't be reached.
    """
    condition, values = compile_selection(selection)
    query: LiteralString = f"""
    SELECT FROM sessions s
     WHERE s.website_key = %(website_key)s
       AND s.started_at >= %(since)s AND s.started_at < %(until)s
       AND {condition}"""
    parameters = values | {"website_key": website_key} | selection.range._asdict()
    return await estimated_rows(database, query, parameters)


async def events(
    connection: Connection,
    website_key: int,
    sessions: Sequence[FoundSession[Any]],
    *,
    after: EventKey | None,
    limit: int,
    max_bytes: int,
) -> tuple[list[list[StoredEvent]], bool]:
    """The events of sessions, and whether they are all there.

    Args:
        connection: what it sees is what is read.
        website_key: whose events.
        sessions: whose events, in this order.
        after: of the first session only events after this one.
        limit: events of one session at most.
        max_bytes: no more events are fetched once the texts of those before are this large.

    Returns:
        A list for each session; where they are not all there, up to that of the last event.
    """
    after_at, after_sequence, after_id = after or BEFORE_ALL
    parameters = {
        "website_key": website_key,
        "visitor_keys": [each.visitor_key for each in sessions],
        "since": [each.started_at for each in sessions],
        "until": [each.ended_at for each in sessions],
        "after_at": after_at,
        "after_sequence": after_sequence,
        "after_id": after_id,
        "limit": limit,
    }
    found: list[list[StoredEvent]] = [[] for _ in sessions]
    size = 0
    # A name makes it a cursor on the server, which sends rows on request.
    async with connection.cursor("events", row_factory=_event_rows) as cursor:
        await cursor.execute(_EVENTS, parameters, binary=True)
        while rows := await cursor.fetchmany(_EVENTS_AT_ONCE):
            for row in rows:
                found[row.number - 1].append(row.event(sessions[row.number - 1]))
                size += row.size
            if size >= max_bytes or len(found[row.number - 1]) == limit:
                return found[: row.number], False
            await asyncio.sleep(0)
    return found, True


class _EventRow(NamedTuple):
    number: int
    size: int
    own: Values
    client: Values

    def event(self, session: FoundSession[Any]) -> StoredEvent:
        names = (session.session_id, session.visitor_id)
        return StoredEvent._make((*names, *self.own, self.client))


def _event_rows(cursor: AsyncCursor[Any]) -> Callable[[Values], _EventRow]:
    columns = columns_of(cursor)
    about, own, client = (picker(columns, names) for names in (("number", "size"), _OWN, CLIENT))
    return lambda values: _EventRow._make((*about(values), own(values), client(values)))


async def _in_slices(cursor: AsyncCursor[T]) -> AsyncIterator[T]:
    """The rows of a result, between which others have their turn."""
    while rows := await cursor.fetchmany(_ROWS_AT_ONCE):
        for row in rows:
            yield row
        await asyncio.sleep(0)

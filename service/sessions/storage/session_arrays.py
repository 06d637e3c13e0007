"""The rows of sessions, and of their events, as arrays: a column arrives as one value.

PostgreSQL puts the arrays together, which takes a small part of the time that as many rows take
to fetch. All arrays of one answer have the same order, whichever it is.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import LiteralString, NamedTuple

from sessions.domain.dimensions import TEXTS
from sessions.domain.hours import HOUR, hour_number, moment
from sessions.domain.paging import Position
from sessions.storage.database import Connection, Parameters

# The binary format of each value: joined, they are an array that numpy reads as it is.
_NUMBERS: dict[str, LiteralString] = {
    "started_at": "timestamptz_send(s.started_at)",
    "visitor_key": "int8send(s.visitor_key)",
    "ended_at": "timestamptz_send(s.ended_at)",
    "pageviews": "int4send(s.pageviews)",
    "events": "int4send(s.events)",
    "is_bot": "boolsend(s.is_bot)",
}

# For each range of time by itself: nothing of other partitions is looked at, and the planner
# can't think of reading the whole table.
_SESSIONS: LiteralString = """
  FROM unnest(%(since)s::timestamptz[], %(until)s::timestamptz[]) AS range(since, until)
 CROSS JOIN LATERAL (
       SELECT *
         FROM sessions
        WHERE website_key = %(website_key)s
          AND started_at >= range.since AND started_at < range.until
       OFFSET 0) AS s"""

# Each by the primary key.
_FOUND: LiteralString = """
  FROM unnest(%(starts)s::timestamptz[], %(session_ids)s::uuid[]) AS key(started_at, session_id)
 CROSS JOIN LATERAL (
       SELECT *
         FROM sessions
        WHERE website_key = %(website_key)s
          AND started_at = key.started_at AND session_id = key.session_id
       OFFSET 0) AS s"""

# By session, never by range of time: events of other websites would be looked at, too. The order
# is that of the events of a visitor.
_STEPS: LiteralString = """
 CROSS JOIN LATERAL (
       SELECT string_agg(timestamptz_send(occurred_at), ''::bytea) AS at,
              string_agg(word, '\\x00'::bytea) AS words
         FROM (
              SELECT occurred_at,
                     convert_to(CASE WHEN is_pageview THEN 'p' || url ELSE 'e' || event_name END,
                                'UTF8') AS word
                FROM events e
               WHERE e.website_key = %(website_key)s AND e.visitor_key = s.visitor_key
                 AND e.occurred_at BETWEEN s.started_at AND s.ended_at
               ORDER BY occurred_at, sequence, event_id
              ) AS ordered) AS step"""

_SIZES: LiteralString = f"""
SELECT coalesce(string_agg(timestamptz_send(started_at), ''::bytea), ''),
       coalesce(string_agg(int4send(pageviews + events), ''::bytea), '')
  FROM (SELECT s.started_at, s.pageviews, s.events {_SESSIONS} LIMIT %(limit)s) AS found
"""


_BY_HOUR: LiteralString = """
SELECT date_trunc('hour', started_at, 'UTC'), count(*)
  FROM sessions
 WHERE website_key = %(website_key)s
 GROUP BY 1
"""


class Span(NamedTuple):
    """Microseconds since 1970, from `since` on and before `until`."""

    since: int
    until: int


def spans_of(hours: Iterable[int]) -> list[Span]:
    """The time of these hours, neighbours together."""
    found: list[Span] = []
    for hour in sorted(hours):
        since, until = hour * HOUR, (hour + 1) * HOUR
        if found and found[-1].until == since:
            found[-1] = found[-1]._replace(until=until)
        else:
            found.append(Span(since, until))
    return found


def clip(spans: Iterable[Span], since: int, until: int) -> list[Span]:
    """The part of some spans that lies inside of another one."""
    inside = (Span(max(span.since, since), min(span.until, until)) for span in spans)
    return [span for span in inside if span.since < span.until]


async def sizes(
    connection: Connection, website_key: int, spans: Sequence[Span], *, limit: int | None
) -> tuple[bytes, bytes]:
    """Starts of sessions, and how many events each has; of `limit` sessions at most."""
    parameters = _parameters(website_key, spans) | {"limit": limit}
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_SIZES, parameters)
        [(starts, steps)] = await cursor.fetchall()
    return starts, steps


async def count_by_hour(connection: Connection, website_key: int) -> dict[int, int]:
    """How many sessions started in each hour, of those in which any did."""
    found = await connection.execute(_BY_HOUR, {"website_key": website_key})
    return {hour_number(hour): count for hour, count in await found.fetchall()}


async def fetch(
    connection: Connection, website_key: int, spans: Sequence[Span], names: Collection[str]
) -> dict[str, bytes]:
    """Columns of the sessions that started in some spans of time; empty where there are none.

    Args:
        connection: what it sees is what is read.
        website_key: whose sessions.
        spans: when they started.
        names: of `sessions.analysis.columns.ALL`.

    Returns:
        Big-endian integers, moments as microseconds since 2000; texts in UTF-8 with a NUL between
        them. `duration` comes as `ended_at`. Steps come session by session, as `step_at` (moments)
        and `step_item`: the URL of a page after `p`, the name of a custom event after `e`.
    """
    return await _fetch(connection, _SESSIONS, _parameters(website_key, spans), names)


async def fetch_found(
    connection: Connection, website_key: int, positions: Sequence[Position], names: Collection[str]
) -> dict[str, bytes]:
    """The same of the sessions at some positions."""
    parameters = {
        "website_key": website_key,
        "starts": [each.started_at for each in positions],
        "session_ids": [each.session_id for each in positions],
    }
    return await _fetch(connection, _FOUND, parameters, names)


async def _fetch(
    connection: Connection, sessions: LiteralString, parameters: Parameters, names: Collection[str]
) -> dict[str, bytes]:
    columns = _columns(names)
    steps = _STEPS if "step_at" in columns else ""
    query: LiteralString = f"SELECT {', '.join(columns.values())} {sessions} {steps}"
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(query, parameters)
        [row] = await cursor.fetchall()
    return {} if row[0] is None else dict(zip(columns, row, strict=True))


def _columns(names: Collection[str]) -> dict[str, LiteralString]:
    """The expression for each array that these columns are made of."""
    wanted = {"ended_at" if name == "duration" else name for name in names}
    columns = {name: _joined(expression) for name, expression in _NUMBERS.items() if name in wanted}
    columns |= {
        name: _joined(f"convert_to(s.{name}, 'UTF8')", "\\x00") for name in TEXTS if name in wanted
    }
    if not wanted.isdisjoint(("step_item", "step_gap")):
        columns |= {"step_at": _joined("step.at"), "step_item": _joined("step.words", "\\x00")}
    return columns


def _joined(expression: LiteralString, separator: LiteralString = "") -> LiteralString:
    return f"string_agg({expression}, '{separator}'::bytea)"


def _parameters(website_key: int, spans: Sequence[Span]) -> dict[str, object]:
    return {
        "website_key": website_key,
        "since": [moment(span.since) for span in spans],
        "until": [moment(span.until) for span in spans],
    }

"""A page of the list of sessions, newest first, with bounded latency.

Which plan is good for a filter depends on how many sessions match it, which
PostgreSQL can only guess. So it is not asked to: a page is looked for first
among the newest sessions, where any common filter finds it; then day by day
through the index of all filters, where a rare one does. See
docs/performance.md.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, Generic, LiteralString, NamedTuple, TypeVar
from uuid import UUID

from psycopg import AsyncCursor

from sessions.domain.errors import DeadlineExceeded
from sessions.domain.hours import moment
from sessions.domain.paging import Position
from sessions.domain.selection import Selection
from sessions.storage.database import Connection, Database, Parameters
from sessions.storage.predicates import compile_predicate, compile_selection
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

NEWEST = 500
"""Sessions that are looked at one by one before the index of all filters is asked."""

BUDGET = 0.02
"""Seconds after which a page that is hard to fill ends short."""

PATIENCE = 0.1
"""Seconds for an index that finds more than what matches: of one day, that can be everything."""

_AFTER: LiteralString = """
           s.website_key = %(website_key)s
       AND s.started_at >= %(since)s AND s.started_at <= %(before_at)s
       AND (s.started_at, s.session_id) < (%(before_at)s, %(before_id)s)"""

_NEWEST_FIRST: LiteralString = " ORDER BY s.started_at DESC, s.session_id DESC "

# The inner limit bounds the work, however few match.
_AMONG_NEWEST: LiteralString = f"""
SELECT {{columns}}
  FROM (SELECT * FROM sessions s WHERE {_AFTER} {_NEWEST_FIRST} LIMIT %(newest)s) AS s
 WHERE {{condition}}
{_NEWEST_FIRST} LIMIT %(limit)s"""

# Fewer than asked for, so that sessions that vanish meanwhile (two became one)
# can't make a search that was cut short look like a complete one.
_MORE_THAN_NEWEST: LiteralString = f"""
SELECT s.session_id
  FROM sessions s
 WHERE {_AFTER}
{_NEWEST_FIRST} LIMIT 1 OFFSET %(newest)s * 9 / 10"""

# Day after day until the page is full or the time is over; the first day is always
# searched, so that every page gets on. A row without a session, first of its day, tells
# that this day was not searched to its end.
#
# Both bounds of a day are needed, because they choose the partition. To timestamptz(6) is no
# cast, for that is the type's precision. It keeps the planner from taking a lower and an upper
# bound for one narrow range: the primary key, which has the same columns, would then look
# better than the index of all filters. OFFSET 0 keeps the subquery apart, so that the clock is
# read when a day is reached, and not when the statement begins.
_BY_DAY: LiteralString = f"""
SELECT s.*, days.day
  FROM (SELECT day, number, is_bot,
               number = 1
               OR clock_timestamp() < statement_timestamp() + %(budget)s * interval '1 s' AS in_time
          FROM generate_series(
                   date_trunc('day', %(before_at)s, 'UTC'),
                   date_trunc('day', %(since)s, 'UTC'), '-1 day'
               ) WITH ORDINALITY AS series(day, number)
         CROSS JOIN unnest(%(bots)s::boolean[]) AS is_bot
         ORDER BY number
        OFFSET 0) AS days
  LEFT JOIN LATERAL (
       SELECT {{columns}}, s.started_at AS at, s.session_id AS id
         FROM sessions s
        WHERE days.in_time
          AND s.website_key = %(website_key)s
          AND s.started_at >= %(since)s AND s.started_at >= days.day
          AND s.started_at::timestamptz(6) <= %(before_at)s
          AND s.started_at::timestamptz(6) < days.day + interval '1 day'
          AND (s.started_at, s.session_id) < (%(before_at)s, %(before_id)s)
          AND session_bucket(s.website_key, s.started_at, s.is_bot)
              = session_bucket(%(website_key)s, days.day, days.is_bot)
          AND {{condition}}
       {_NEWEST_FIRST} LIMIT %(limit)s) AS s ON true
 WHERE s.id IS NOT NULL OR NOT days.in_time
 ORDER BY days.number, s.at DESC NULLS FIRST, s.id DESC
 LIMIT %(limit)s"""

# How many rows match, and so which way is the best, the planner knows too little to judge.
# So it is left with the index of all filters; entries of the primary key, which it could
# still put beside that, are made expensive. The first setting lets Citus tell the node of the
# website the others, where those of set_config() would stay unknown.
_THROUGH_FILTERS: LiteralString = """
SET LOCAL citus.propagate_set_commands = 'local';
SET LOCAL enable_indexscan = off;
SET LOCAL enable_seqscan = off;
SET LOCAL cpu_index_tuple_cost = 1000"""

# Each key finds its id on the timeline of the visitor, and by that its row: many sessions can
# start at one moment, and the primary key begins with it.
_BY_KEYS: LiteralString = f"""
SELECT {{columns}}
  FROM unnest(%(starts)s::timestamptz[], %(visitors)s::bigint[]) AS key(started_at, visitor_key)
 CROSS JOIN LATERAL (
       SELECT session_id
         FROM session_ids
        WHERE website_key = %(website_key)s AND NOT merged
          AND visitor_key = key.visitor_key AND started_at = key.started_at
       OFFSET 0) AS id
  JOIN sessions s
    ON s.website_key = %(website_key)s
   AND s.started_at = key.started_at AND s.session_id = id.session_id
 WHERE (s.started_at, s.session_id) < (%(before_at)s, %(before_id)s)
{_NEWEST_FIRST} LIMIT %(limit)s"""

# The ids that are not merged are the timeline of a visitor.
_OF_VISITORS: LiteralString = f"""
SELECT {{columns}}
  FROM visitors v
  JOIN session_ids i
    ON i.website_key = %(website_key)s AND i.visitor_key = v.visitor_key AND NOT i.merged
   AND i.started_at >= %(since)s AND i.started_at <= %(before_at)s
  JOIN sessions s
    ON s.started_at = i.started_at AND s.session_id = i.session_id
 WHERE v.website_key = %(website_key)s AND v.visitor_id = ANY(%(visitors)s)
   AND {_AFTER} AND {{condition}}
{_NEWEST_FIRST} LIMIT %(limit)s"""

_LAST_ID = UUID(int=2**128 - 1)


class ListPage(NamedTuple, Generic[T]):
    """Sessions, newest first, and the position after which there can be more, if any."""

    sessions: list[T]
    end: Position | None


async def list_page(
    database: Database,
    website_key: int,
    selection: Selection,
    *,
    after: Position | None,
    limit: int,
    form: SessionForm[T],
    newest: int = NEWEST,
    budget: float = BUDGET,
    patience: float | None = None,
) -> ListPage[T]:
    """The first sessions of a selection, newest first, through the index of all filters.

    Args:
        database: where to look.
        website_key: whose sessions.
        selection: which of them.
        after: only what comes after this position.
        limit: sessions at most.
        form: that of the sessions.
        newest: how many are looked at one by one first.
        budget: seconds after which a page that is hard to fill ends short.
        patience: seconds that the first day may take; None is as long as any statement.

    Raises:
        Unavailable: the database can't be reached.
        DeadlineExceeded: a statement took too long.
    """
    among_newest = await newest_page(
        database, website_key, selection, after=after, limit=limit, form=form, newest=newest
    )
    if among_newest:
        return among_newest
    # From the start again: what is among the newest now may not be what it was before.
    condition, values = compile_predicate(selection.predicate)
    more = {
        "bots": [False, True] if selection.include_bots else [False],
        "budget": budget,
        "newest": newest,
    }
    parameters = values | _parameters(website_key, selection, after, limit) | more
    query = _BY_DAY.format(columns=form.columns, condition=condition)
    return await _by_day(database, query, parameters, form, patience)


async def narrowed_page(
    database: Database,
    website_key: int,
    selection: Selection,
    *,
    after: Position | None,
    limit: int,
    form: SessionForm[T],
    patience: float = PATIENCE,
) -> ListPage[T] | None:
    """The same where the index tells a part of the predicate; None where that takes too long."""
    try:
        return await list_page(
            database, website_key, selection, after=after, limit=limit, form=form, patience=patience
        )
    except DeadlineExceeded:
        return None


async def newest_page(
    database: Database,
    website_key: int,
    selection: Selection,
    *,
    after: Position | None,
    limit: int,
    form: SessionForm[T],
    newest: int = NEWEST,
) -> ListPage[T] | None:
    """The same among the newest sessions alone; None unless these make a whole page."""
    condition, values = compile_selection(selection)
    parameters = values | _parameters(website_key, selection, after, limit) | {"newest": newest}
    query = _among_newest(form.columns, condition)
    found = await database.fetch(query, parameters, form.rows)
    if len(found) > limit or not await database.fetch(_MORE_THAN_NEWEST, parameters):
        return page(found, limit, form)
    return None


# The same text again and again, whose hash is known: statements are looked up by it.
@lru_cache(maxsize=256)
def _among_newest(columns: LiteralString, condition: LiteralString) -> LiteralString:
    return _AMONG_NEWEST.format(columns=columns, condition=condition)


async def of_visitors(
    connection: Connection,
    website_key: int,
    selection: Selection,
    visitors: Sequence[str],
    *,
    after: Position,
    limit: int,
    form: SessionForm[T],
) -> list[FoundSession[T]]:
    """The first sessions of a selection that some visitors have, newest first.

    Args:
        connection: what it sees is what is read.
        website_key: whose sessions.
        selection: rows can tell its predicate.
        visitors: their ids.
        after: only what comes after this position.
        limit: sessions at most.
        form: of the sessions.
    """
    columns: LiteralString = f"{form.columns}, {FINDING_COLUMNS}"
    query = _of_visitors(columns, website_key, selection, visitors, after=after, limit=limit)
    async with connection.cursor(binary=True, row_factory=found_sessions(form)) as cursor:
        await cursor.execute(*query)
        return await cursor.fetchall()


async def visitor_page(
    database: Database,
    website_key: int,
    selection: Selection,
    visitors: Sequence[str],
    *,
    after: Position,
    limit: int,
    form: SessionForm[T],
) -> ListPage[T]:
    """The same as a page, by a statement of its own."""
    query = _of_visitors(
        form.columns, website_key, selection, visitors, after=after, limit=limit + 1
    )
    return page(await database.fetch(*query, form.rows), limit, form)


def _of_visitors(
    columns: LiteralString,
    website_key: int,
    selection: Selection,
    visitors: Sequence[str],
    *,
    after: Position,
    limit: int,
) -> tuple[LiteralString, dict[str, Any]]:
    condition, values = compile_selection(selection)
    parameters = values | _parameters(website_key, selection, after, limit)
    parameters |= {"visitors": list(visitors), "limit": limit}
    return _OF_VISITORS.format(columns=columns, condition=condition), parameters


async def by_keys(
    connection: Connection,
    website_key: int,
    keys: Sequence[tuple[int, int]],
    *,
    after: Position,
    limit: int,
    form: SessionForm[T],
) -> list[T]:
    """The sessions with these keys (microseconds of the start, visitor), newest first.

    Args:
        connection: what it sees is what is read.
        website_key: whose sessions.
        keys: of sessions that exist.
        after: only what comes after this position.
        limit: sessions at most.
        form: that of the sessions.
    """
    if not keys:
        return []
    parameters = {
        "website_key": website_key,
        "starts": [moment(started_at) for started_at, _ in keys],
        "visitors": [visitor_key for _, visitor_key in keys],
        "before_at": after.started_at,
        "before_id": after.session_id,
        "limit": limit,
    }
    async with connection.cursor(binary=True, row_factory=form.rows) as cursor:
        await cursor.execute(_BY_KEYS.format(columns=form.columns), parameters)
        return await cursor.fetchall()


def _parameters(
    website_key: int, selection: Selection, after: Position | None, limit: int
) -> dict[str, Any]:
    position = after or start_of(selection)
    return {
        "website_key": website_key,
        "since": selection.range.since,
        "before_at": position.started_at,
        "before_id": position.session_id,
        "limit": limit + 1,
    }


async def _by_day(
    database: Database,
    query: LiteralString,
    parameters: Parameters,
    form: SessionForm[T],
    patience: float | None,
) -> ListPage[T]:
    """The page from a search day by day, which can end short."""
    timeout = f"SET LOCAL statement_timeout = '{patience}s';" if patience else ""
    async with database.transaction() as connection:
        await connection.execute(f"{timeout}{_THROUGH_FILTERS}".encode())
        cursor = connection.cursor(binary=True, row_factory=partial(_session_or_day, form))
        rows = await (await cursor.execute(query, parameters)).fetchall()
    found: list[T] = []
    for row in rows:
        if isinstance(row, datetime):
            return ListPage(found, before(row + timedelta(days=1)))
        found.append(row)
    return page(found, parameters["limit"] - 1, form)


def _session_or_day(form: SessionForm[Any], cursor: AsyncCursor[Any]) -> Callable[[Values], Any]:
    """Makes a session of each row, or the day of one that has none."""
    session, pick = form.rows(cursor), picker(columns_of(cursor), ("id", "day"))

    def make(values: Values) -> Any:
        session_id, day = pick(values)
        return session(values) if session_id else day

    return make


def page(found: list[T], limit: int, form: SessionForm[T]) -> ListPage[T]:
    """The page of all sessions that were found; one more than fits tells that there are more."""
    if len(found) <= limit:
        return ListPage(found, None)
    return ListPage(found[:limit], form.position(found[limit - 1]))


def start_of(selection: Selection) -> Position:
    """The position before all sessions of a selection."""
    return before(selection.range.until)


def before(end: datetime) -> Position:
    """The position before all sessions that started earlier than a moment.

    It lies on the day before midnight, so that a search from there gets on.
    """
    return Position(end - timedelta(microseconds=1), _LAST_ID)

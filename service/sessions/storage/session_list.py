"""A page of the list of sessions, newest first, in a time that does not depend on luck.

Which plan is good for a filter depends on how many sessions match it, which
PostgreSQL can only guess. So it is not asked to: a page is looked for first
among the newest sessions, where any common filter finds it; then day by day
through the index of all filters, where a rare one does. See
docs/performance.md.
"""

from datetime import datetime, timedelta
from typing import LiteralString, NamedTuple
from uuid import UUID

from psycopg.rows import args_row

from sessions.domain.queries import Position, Range
from sessions.domain.session import Session
from sessions.storage import session_filters
from sessions.storage.database import Database, Parameters
from sessions.storage.session_columns import COLUMNS
from sessions.storage.session_filters import Filters

_NEWEST = 500
"""Sessions that are looked at one by one before the index of all filters is asked."""

BUDGET = 0.02
"""Seconds after which a page that is hard to fill ends short."""

_AFTER: LiteralString = """
           s.started_at >= %(since)s AND s.started_at <= %(before_at)s
       AND (s.started_at, s.session_id) < (%(before_at)s, %(before_id)s)"""

_PLACE: LiteralString = f" s.website_key = %(website_key)s AND {_AFTER}"

_NEWEST_FIRST: LiteralString = " ORDER BY s.started_at DESC, s.session_id DESC "

# The inner limit bounds the work, however few match.
_AMONG_NEWEST: LiteralString = f"""
SELECT {COLUMNS}
  FROM (SELECT * FROM sessions s WHERE {_PLACE} {_NEWEST_FIRST} LIMIT %(newest)s) AS s
 WHERE true {{filters}}
{_NEWEST_FIRST} LIMIT %(limit)s"""

# Fewer than asked for, so that sessions that vanish meanwhile (two became one)
# can't make a search that was cut short look like a complete one.
_MORE_THAN_NEWEST: LiteralString = f"""
SELECT s.session_id
  FROM sessions s
 WHERE {_PLACE}
{_NEWEST_FIRST} LIMIT 1 OFFSET %(newest)s * 9 / 10"""

# Day after day until the page is full or the time is over; the first day is always
# searched, so that every page gets on. A row without a session, first of its day, tells
# that this day was not searched to its end. The bucket stands for the website: with its
# key beside it, the primary key would look good to the planner.
_BY_DAY: LiteralString = f"""
SELECT s.*, days.day
  FROM (SELECT day, number, is_bot,
               number = 1
               OR clock_timestamp() < statement_timestamp() + %(budget)s * interval '1 s' AS in_time
          FROM generate_series(
                   date_trunc('day', %(before_at)s), date_trunc('day', %(since)s), '-1 day'
               ) WITH ORDINALITY AS series(day, number)
         CROSS JOIN unnest(%(bots)s::boolean[]) AS is_bot
         ORDER BY number
        OFFSET 0) AS days
  LEFT JOIN LATERAL (
       SELECT {COLUMNS}
         FROM sessions s
        WHERE days.in_time AND {_AFTER}
          AND s.started_at >= days.day AND s.started_at < days.day + interval '1 day'
          AND session_bucket(s.website_key, s.started_at, s.is_bot)
              = session_bucket(%(website_key)s, days.day, days.is_bot)
          {{filters}}
       {_NEWEST_FIRST} LIMIT %(limit)s) AS s ON true
 WHERE s.session_id IS NOT NULL OR NOT days.in_time
 ORDER BY days.number, s.started_at DESC NULLS FIRST, s.session_id DESC
 LIMIT %(limit)s"""

# How many rows match, and so which way is the best, the planner knows too little to judge.
# So it is left with the index of all filters; entries of the primary key, which it could
# still put beside that, are made dear.
_THROUGH_FILTERS: LiteralString = """
SELECT set_config('enable_indexscan', 'off', true),
       set_config('enable_seqscan', 'off', true),
       set_config('cpu_index_tuple_cost', '1', true)"""

_LAST_ID = UUID(int=2**128 - 1)
_PEOPLE: LiteralString = " AND s.is_bot = false"


class ListPage(NamedTuple):
    """Sessions, newest first, and the position after which there can be more, if any."""

    sessions: list[Session]
    end: Position | None


async def list_page(
    database: Database,
    website_key: int,
    range_: Range,
    *,
    filters: Filters,
    include_bots: bool,
    after: Position | None,
    limit: int,
    budget: float = BUDGET,
) -> ListPage:
    """The first sessions, newest first, that started in a range of time.

    Args:
        database: where to look.
        website_key: whose sessions.
        range_: when they started.
        filters: what the sessions must match.
        include_bots: whether bot sessions are listed too.
        after: only what comes after this position.
        limit: sessions at the most.
        budget: seconds after which a page that is hard to fill ends short.

    Raises:
        Unavailable: the database can't be reached.
        DeadlineExceeded: a statement took too long.
    """
    position = after or _before(range_.until)
    parameters = session_filters.parameters(filters) | {
        "website_key": website_key,
        "since": range_.since,
        "before_at": position.started_at,
        "before_id": position.session_id,
        "limit": limit + 1,
        "newest": _NEWEST,
        "bots": [False, True] if include_bots else [False],
        "budget": budget,
    }
    conditions = session_filters.conditions(filters)
    newest = _AMONG_NEWEST.format(filters=conditions if include_bots else conditions + _PEOPLE)
    found = await database.fetch(newest, parameters, args_row(Session))
    if len(found) > limit or not await database.fetch(_MORE_THAN_NEWEST, parameters):
        return _page(found, limit)
    # From the start again: what is among the newest now may not be what it was before.
    return await _by_day(database, _BY_DAY.format(filters=conditions), parameters)


async def _by_day(database: Database, query: LiteralString, parameters: Parameters) -> ListPage:
    """The page from a search day by day, which can end short."""
    async with database.transaction() as connection:
        await connection.execute(_THROUGH_FILTERS)
        cursor = connection.cursor(binary=True)
        rows = await (await cursor.execute(query, parameters)).fetchall()
    found: list[Session] = []
    for *values, day in rows:
        if values[0] is None:
            return ListPage(found, _before(day + timedelta(days=1)))
        found.append(Session(*values))
    return _page(found, parameters["limit"] - 1)


def _page(found: list[Session], limit: int) -> ListPage:
    """The page of all sessions that were found; one more than fits tells that there are more."""
    if len(found) <= limit:
        return ListPage(found, None)
    last = found[limit - 1]
    return ListPage(found[:limit], Position(last.started_at, last.session_id))


def _before(moment: datetime) -> Position:
    """The place before all sessions that started earlier than a moment.

    It lies on the day before midnight, so that a search from there gets on.
    """
    return Position(moment - timedelta(microseconds=1), _LAST_ID)

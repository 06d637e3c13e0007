"""A page of the list of sessions, newest first, in a time that does not depend on luck.

Which plan is good for a filter depends on how many sessions match it, which
PostgreSQL can only guess. So it is not asked to: a page is looked for first
among the newest sessions, where any common filter finds it; then week by
week through the index of all filters, where a rare one does. See
docs/performance.md.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg.rows import args_row

from sessions.domain.queries import Position, Range
from sessions.domain.session import Session
from sessions.domain.sessionization import page_hash
from sessions.storage.database import Database
from sessions.storage.pages import MORE_PAGES
from sessions.storage.session_columns import COLUMNS

_NEWEST = 5_000
"""Sessions that are looked at one by one before the index of all filters is asked."""

_GROWTH = 4
"""How many times more weeks are asked for, each time that it went quickly."""

BUDGET = 0.015
"""Seconds after which a page that is hard to fill ends short."""

# The cast, because GIN finds an integer only by an integer, not by a smallint.
_RANGE: LiteralString = """
           s.website_key = %(website_key)s::integer
       AND s.started_at >= %(since)s AND s.started_at <= %(before_at)s
       AND (s.started_at, s.session_id) < (%(before_at)s, %(before_id)s)"""

_NEWEST_FIRST: LiteralString = " ORDER BY s.started_at DESC, s.session_id DESC "

_ALL: LiteralString = f"""
SELECT {COLUMNS}
  FROM sessions s
 WHERE {_RANGE}
{_NEWEST_FIRST} LIMIT %(limit)s"""

# The inner limit bounds the work, however few match.
_AMONG_NEWEST: LiteralString = f"""
SELECT {COLUMNS}
  FROM (SELECT * FROM sessions s WHERE {_RANGE} {_NEWEST_FIRST} LIMIT %(newest)s) AS s
 WHERE true {{filters}}
{_NEWEST_FIRST} LIMIT %(limit)s"""

# Fewer than asked for, so that sessions that vanish meanwhile (two became one)
# can't make a search that was cut short look like a complete one.
_MORE_THAN_NEWEST: LiteralString = f"""
SELECT s.session_id
  FROM sessions s
 WHERE {_RANGE}
{_NEWEST_FIRST} LIMIT 1 OFFSET %(newest)s * 9 / 10"""

# OFFSET 0 keeps order and limit out of the search for the matches.
_IN_WEEKS: LiteralString = f"""
SELECT *
  FROM (SELECT {COLUMNS}
          FROM sessions s
         WHERE {_RANGE}
           AND s.started_at >= %(first_week)s::timestamp AT TIME ZONE 'UTC'
           AND date_trunc('week', s.started_at AT TIME ZONE 'UTC') = ANY(%(weeks)s::timestamp[])
           {{filters}}
        OFFSET 0) AS s
{_NEWEST_FIRST} LIMIT %(limit)s"""

# Of the two indexes left, only that of all filters is good for this; how many
# match, and so which is better, the planner knows too little to judge.
_THROUGH_FILTERS: LiteralString = "SET LOCAL enable_indexscan = off"

_FIRST_ID, _LAST_ID = UUID(int=0), UUID(int=2**128 - 1)
_PEOPLE: LiteralString = " AND s.is_bot = false"

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


class ListPage(NamedTuple):
    """Sessions, newest first, and the position after which there can be more, if any."""

    sessions: list[Session]
    end: Position | None


async def list_page(
    database: Database,
    website_key: int,
    range_: Range,
    *,
    filters: Mapping[str, Sequence[str]],
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
        filters: per name of `sessions.domain.queries.FILTERS` the values that match.
        include_bots: whether bot sessions are listed too.
        after: only what comes after this position.
        limit: sessions at the most.
        budget: seconds after which a page that is hard to fill ends short.

    Raises:
        Unavailable: the database can't be reached.
        DeadlineExceeded: a statement took too long.
    """
    search = _Search(database, _parameters(website_key, range_, filters, limit), limit)
    search.goto(after or Position(range_.until, _FIRST_ID))
    predicates = "".join(_FILTERS[name] for name in filters)
    if not include_bots:
        predicates += _PEOPLE
    if not predicates:
        return search.page(await search.run(_ALL))
    found = await search.run(_AMONG_NEWEST.replace("{filters}", predicates))
    if len(found) > limit or not await search.is_any(_MORE_THAN_NEWEST):
        return search.page(found)
    # From the start again: what is among the newest now may not be what it was before.
    return await search.week_by_week(_IN_WEEKS.replace("{filters}", predicates), budget)


def _parameters(
    website_key: int, range_: Range, filters: Mapping[str, Sequence[str]], limit: int
) -> dict[str, Any]:
    values: dict[str, Any] = {name: list(values) for name, values in filters.items()}
    if "page" in filters:
        pages = [page_hash(path) for path in filters["page"]]
        values |= {"page": pages, "page_or_more": [*pages, MORE_PAGES]}
    constant = {"website_key": website_key, "since": range_.since, "newest": _NEWEST}
    return values | constant | {"limit": limit + 1}


class _Search:
    """The statements of one page; one session more than fits tells that there are more."""

    def __init__(self, database: Database, parameters: dict[str, Any], limit: int) -> None:
        self._database = database
        self._parameters = parameters
        self._limit = limit

    def goto(self, position: Position) -> None:
        """Look only at what comes after a position."""
        self._parameters |= {"before_at": position.started_at, "before_id": position.session_id}

    async def run(self, query: LiteralString) -> list[Session]:
        return await self._database.fetch(query, self._parameters, args_row(Session))

    async def is_any(self, query: LiteralString) -> bool:
        return bool(await self._database.fetch(query, self._parameters))

    def page(self, found: list[Session]) -> ListPage:
        """The page of all sessions that were found, or of as many as fit."""
        if len(found) <= self._limit:
            return ListPage(found, None)
        last = found[self._limit - 1]
        return ListPage(found[: self._limit], Position(last.started_at, last.session_id))

    async def week_by_week(self, query: LiteralString, budget: float) -> ListPage:
        """Fill a page from ever older weeks: more of them at a time while that goes quickly."""
        found: list[Session] = []
        ends = time.perf_counter() + budget
        oldest = _monday(self._parameters["since"])
        last, count = _monday(self._parameters["before_at"]), 1
        async with self._database.transaction() as connection:
            await connection.execute(_THROUGH_FILTERS)
            cursor = connection.cursor(row_factory=args_row(Session), binary=True)
            while True:
                began = time.perf_counter()
                weeks = _weeks(last, oldest, count)
                self._parameters |= {"weeks": weeks, "first_week": weeks[-1]}
                # Planned anew for these values and weeks: a plan for any of them is none.
                await cursor.execute(query, self._parameters, prepare=False)
                found += await cursor.fetchall()
                if len(found) > self._limit or weeks[-1] == oldest:
                    return self.page(found)
                now = time.perf_counter()
                if now > ends:
                    return ListPage(found, _before(weeks[-1]))
                last = weeks[-1] - timedelta(weeks=1)
                self.goto(_before(weeks[-1]))
                if now + _GROWTH * (now - began) < ends:
                    count *= _GROWTH


def _before(week: datetime) -> Position:
    """The last place before a week; it lies in the week before, so that the search gets on."""
    return Position(week.replace(tzinfo=UTC) - timedelta(microseconds=1), _LAST_ID)


def _weeks(last: datetime, oldest: datetime, count: int) -> list[datetime]:
    """The beginnings of `count` weeks, newest first, none before the oldest."""
    weeks = (last - timedelta(weeks=number) for number in range(count))
    return [week for week in weeks if week >= oldest]


def _monday(moment: datetime) -> datetime:
    """The beginning of a moment's week in UTC, as PostgreSQL's date_trunc gives it: naive."""
    day = datetime.combine(moment.astimezone(UTC).date(), datetime.min.time())
    return day - timedelta(days=day.weekday())

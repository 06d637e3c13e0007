"""Events to record, and checks of the rows that are stored."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row
from sessions.domain.dimensions import ACQUISITION, CLIENT
from sessions.domain.events import Event
from sessions.domain.items import MORE_ITEMS, NO_PAGE, item_hash
from sessions.domain.websites import Website
from sessions.storage import session_details, websites
from sessions.storage.database import Database

from tests.support.events import event_of
from tests.support.reference import Expected

PATHS = ["/", "/a", "/b", "/ü", *(f"/{number}" for number in range(200))]
PAGES = {item_hash("page", path): path for path in PATHS}
EVENT_NAMES = {
    item_hash("event", name): name for name in ["", "click", *(f"e{n}" for n in range(200))]
}


_AT_ONCE = 4
"""Sessions asked for at the same time."""
_numbers = count()

_TABLES = """
SELECT c.relname
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""


def event(visitor_id: str, occurred_at: datetime, number: int | None = None, **more: Any) -> Event:
    """A pageview with an id of its own."""
    event_id = str(next(_numbers) if number is None else number)
    return event_of(visitor_id=visitor_id, occurred_at=occurred_at, event_id=event_id, **more)


async def everything(database: Database) -> dict[str, list[str]]:
    """All rows of all tables as texts, by table."""
    tables = [name for (name,) in await database.fetch(_TABLES, {})]
    return {
        name: [
            text
            for (text,) in await database.fetch(f"SELECT t::text FROM {name} t ORDER BY 1", {})  # noqa: S608
        ]
        for name in tables
    }


async def new_website(database: Database) -> Website:
    website = await websites.find(database, await websites.create(database, "test"))
    assert website
    return website


async def stored_sessions(database: Database, website: Website) -> list[Expected]:
    """The sessions of a website as they are stored, by visitor and time."""
    query = """
    SELECT s.*,
           ARRAY(SELECT item FROM overflow_items o
                  WHERE o.website_key = s.website_key AND o.visitor_key = s.visitor_key
                    AND o.occurred_at BETWEEN s.started_at AND s.ended_at) AS overflow
      FROM sessions s
     WHERE website_key = %(key)s
     ORDER BY visitor_id, started_at
    """
    rows = await database.fetch(query, {"key": website.key}, dict_row)
    return [_expected(row) for row in rows]


def _expected(row: dict[str, Any]) -> Expected:
    stored = {*map(str, row["items"]), *map(str, row["overflow"])} - {MORE_ITEMS}
    borders = {item_hash(kind, row[kind]) for kind in ("entry_page", "exit_page")}
    assert borders <= stored
    pages = {PAGES[item] for item in stored & PAGES.keys()}
    assert (NO_PAGE in stored) == (not pages)
    event_names = {EVENT_NAMES[item] for item in stored & EVENT_NAMES.keys()}
    assert len(stored) == len(borders) + len(pages or {""}) + len(event_names)
    return Expected(
        **{
            name: row[name]
            for name in (
                *("visitor_id", "started_at", "ended_at", "pageviews", "events", "is_bot"),
                *("entry_page", "exit_page"),
            )
        },
        acquisition=tuple(row[name] for name in ACQUISITION),
        attributes=tuple(row[name] for name in CLIENT),
        pages=frozenset(pages),
        event_names=frozenset(event_names),
    )


async def check_ids(database: Database, sites: Sequence[Website], seed: str) -> int:
    """Each session has its one live id; each merged id leads to the one that was made first."""
    await _check_timelines(database, seed)
    query = """
    SELECT i.website_key, i.visitor_key, s.session_id AS survivor, s.ended_at,
           array_agg(i.session_id) AS ids
      FROM session_ids i
      JOIN sessions s ON s.website_key = i.website_key AND s.visitor_key = i.visitor_key
       AND i.started_at BETWEEN s.started_at AND s.ended_at
     WHERE i.website_key = ANY(%(keys)s)
     GROUP BY 1, 2, 3, 4
    """
    keys = [site.key for site in sites]
    rows = await database.fetch(query, {"keys": keys}, dict_row)
    given = await database.fetch(
        "SELECT count(*) FROM session_ids WHERE website_key = ANY(%(keys)s)", {"keys": keys}
    )
    where = f"TEST_SEED={seed}"
    assert sum(len(row["ids"]) for row in rows) == given[0][0], where
    merged = []
    for row in rows:
        assert row["survivor"] == min(row["ids"]), (where, row)
        merged += [(row, id_) for id_ in row["ids"] if id_ != row["survivor"]]

    async def ask(asked: dict[str, Any], session_id: UUID) -> None:
        page = await session_details.get(
            database, asked["website_key"], session_id, after=None, limit=1, max_bytes=1
        )
        assert page, (where, session_id)
        assert page.session.session_id == asked["survivor"], (where, session_id)

    for part in parts(merged, _AT_ONCE):
        await asyncio.gather(*(ask(*each) for each in part))
    return len(merged)


async def _check_timelines(database: Database, seed: str) -> None:
    """Live ids and sessions are the same set, at the same places."""
    query = """
    SELECT i.session_id, i.started_at, s.session_id, s.started_at
      FROM (SELECT * FROM session_ids WHERE NOT merged) i
      FULL JOIN sessions s ON s.website_key = i.website_key AND s.session_id = i.session_id
       AND s.visitor_key = i.visitor_key AND s.started_at = i.started_at
     WHERE i.session_id IS NULL OR s.session_id IS NULL
    """
    assert await database.fetch(query, {}) == [], f"TEST_SEED={seed}"


def parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """The items in groups of `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))

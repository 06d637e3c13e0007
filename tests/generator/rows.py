"""What tests of the generator share: sessions and events as they are stored."""

from datetime import UTC, datetime
from typing import Any

from psycopg.rows import dict_row
from sessions.domain.dimensions import ACQUISITION, CLIENT
from sessions.domain.enrichment import Enricher
from sessions.domain.events import Event, EventInput
from sessions.domain.items import item_hash
from sessions.domain.visitors import Visitors
from sessions.domain.websites import Website
from sessions.storage.database import Database

from tests.support.reference import Expected

UNTIL = datetime(2026, 3, 10, 14, 20, 5, 123456, tzinfo=UTC)
"""Ten days after the end of a month."""

_SENT = (
    *("event_id", "sequence", "visitor_id", "url", "referrer", "event_name", "event_data"),
    *("hostname", "language", "country", "region", "city"),
)


async def stored_events(database: Database, website: Website) -> list[Event]:
    """The events of a website, with all that is derived from what was sent derived again."""
    query = """
    SELECT e.*, v.visitor_id
      FROM events e
      JOIN visitors v USING (website_key, visitor_key)
     WHERE e.website_key = %(key)s
    """
    enricher = Enricher(Visitors(b""))
    rows = await database.fetch(query, {"key": website.key}, dict_row)
    return [_event(enricher, row) for row in rows]


def _event(enricher: Enricher, row: dict[str, Any]) -> Event:
    sent = EventInput(
        event_type="pageview" if row["is_pageview"] else "event",
        timestamp=row["occurred_at"],
        **{name: row[name] for name in _SENT},
    )
    event = enricher.enrich(sent, website_id="", received_at=UNTIL)
    # The user agent is not stored, so what it told is taken as it is.
    event.attributes |= {name: row[name] for name in ("browser", "os", "device")}
    event.is_bot = row["is_bot"]
    assert event.attributes["hostname"] == row["hostname"]
    return event


async def session_rows(database: Database, website: Website) -> list[dict[str, Any]]:
    """The sessions of a website by visitor and time, without ids and messages of the server."""
    query = """
    SELECT *, ARRAY(SELECT unnest(items)::text ORDER BY 1) AS items
      FROM sessions
     WHERE website_key = %(key)s
     ORDER BY visitor_id, started_at
    """
    rows = await database.fetch(query, {"key": website.key}, dict_row)
    for row in rows:
        for name in ("website_key", "visitor_key", "session_id", "message"):
            del row[name]
        row["order_keys"] = {name: _parsed(key) for name, key in row["order_keys"].items()}
    return rows


def _parsed(key: list[Any]) -> list[Any]:
    *moment, sequence, event_id = key
    return [*map(datetime.fromisoformat, moment), sequence, event_id]


def summary(row: dict[str, Any], pages: dict[str, str], names: dict[str, str]) -> Expected:
    """A session in the words of the reference; `pages` and `names` are those behind items."""
    named = (
        *("visitor_id", "started_at", "ended_at", "pageviews", "events", "is_bot"),
        *("entry_page", "exit_page"),
    )
    return Expected(
        **{name: row[name] for name in named},
        acquisition=tuple(row[name] for name in ACQUISITION),
        attributes=tuple(row[name] for name in CLIENT),
        pages=frozenset(pages[item] for item in row["items"] if item in pages),
        event_names=frozenset(names[item] for item in row["items"] if item in names),
    )


async def summaries(database: Database, website: Website, events: list[Event]) -> list[Expected]:
    """The stored sessions of a website, whose events these are."""
    pages = {item_hash("page", event.path): event.path for event in events if event.path}
    names = {
        item_hash("event", event.event_name): event.event_name
        for event in events
        if not event.is_pageview
    }
    return [summary(row, pages, names) for row in await session_rows(database, website)]

"""What tests of use cases share: events to record, and all rows that are stored."""

from datetime import datetime
from itertools import count
from typing import Any

from sessions.domain.events import Event
from sessions.storage.database import Database

from tests.usecases.test_record_events import new_website, stored_sessions

__all__ = ["event", "everything", "new_website", "stored_sessions"]

_numbers = count()

_TABLES = """
SELECT c.relname
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""


def event(visitor_id: str, occurred_at: datetime, number: int | None = None, **more: Any) -> Event:
    """A pageview with an id of its own."""
    texts = (
        *("event_name", "url", "referrer", "path", "referrer_host"),
        *("utm_source", "utm_medium", "utm_campaign", "country", "region", "city"),
        *("browser", "os", "device", "language", "hostname"),
    )
    values = dict.fromkeys(texts, "") | {
        "visitor_id": visitor_id,
        "occurred_at": occurred_at,
        "sequence": 0,
        "event_id": str(next(_numbers) if number is None else number),
        "is_pageview": True,
        "is_bot": False,
        "event_data": None,
    }
    return Event(**(values | more))


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

"""Events for tests, by the values that matter."""

from datetime import UTC, datetime
from typing import Any

from sessions.domain.dimensions import NAMES
from sessions.domain.events import Event

NOTHING: dict[str, Any] = {
    "visitor_id": "ann",
    "occurred_at": datetime(2026, 3, 3, tzinfo=UTC),
    "sequence": 0,
    "event_id": "a",
    "is_pageview": True,
    "is_bot": False,
    "event_name": "",
    "event_data": None,
    "url": "",
    "referrer": "",
    "path": "",
}


def event_of(attributes: dict[str, str] | None = None, **values: Any) -> Event:
    """An event with these fields, and with these attributes; all else is empty."""
    known = dict.fromkeys(NAMES, "") | (attributes or {})
    return Event(attributes=known, **NOTHING | values)

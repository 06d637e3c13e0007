"""Calls that clients make in several tests, and the events that they record."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from analytics_sessions import Event

from tests.sdk.python.clients import AnyClient

CALLS: dict[str, Callable[[AnyClient], Any]] = {
    "sessions": lambda client: list(client.sessions("site")),
    "session": lambda client: client.session("site", "sess"),
    "events": lambda client: list(client.events("site", "sess")),
    "record": lambda client: client.record("site", [{}]),
    "stream": lambda client: list(client.stream("site", [{}])),
    "erase": lambda client: client.erase_visitor("site", "anna"),
}

DAY = datetime(2026, 3, 3, 8, tzinfo=UTC)
EVENTS = 2_500


def hits(count: int = EVENTS, url: str = "/") -> Iterator[Event]:
    """Pageviews of one visitor, a second apart."""
    for number in range(count):
        yield Event(
            event_id=f"hit-{number}",
            event_type="pageview",
            timestamp=DAY + timedelta(seconds=number),
            visitor_id="anna",
            url=url,
        )

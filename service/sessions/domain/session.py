"""A session and its events as they are read."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sessions.domain.events import EventKey


class Session(NamedTuple):
    """One session; `texts` holds its values of `dimensions.TEXTS` in order, None where unknown."""

    session_id: UUID
    visitor_id: str
    started_at: datetime
    ended_at: datetime
    pageviews: int
    events: int
    is_bot: bool
    texts: tuple[str | None, ...]

    @property
    def duration(self) -> int:
        """Whole seconds from the first to the last event, rounded down."""
        # With integers, because total_seconds() gives a float.
        elapsed = self.ended_at - self.started_at
        return elapsed.days * 86_400 + elapsed.seconds

    @property
    def is_bounce(self) -> bool:
        """At most one pageview and no custom event."""
        return self.pageviews <= 1 and not self.events


class SessionEvent(NamedTuple):
    """One event of a session; a text that it has not is `''`."""

    occurred_at: datetime
    sequence: int
    event_id: str
    is_pageview: bool
    event_name: str
    url: str
    referrer: str | None
    event_data: dict[str, Any] | None

    @property
    def key(self) -> EventKey:
        """The event's position among the events of its visitor."""
        return self.occurred_at, self.sequence, self.event_id


class SessionPage(NamedTuple):
    """A session, a page of its events in order, and whether more follow."""

    session: Session
    events: list[SessionEvent]
    has_more: bool

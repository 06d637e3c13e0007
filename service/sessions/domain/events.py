"""An event: as it was sent, and as it is stored."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import astuple

EventKey = tuple[datetime, int, str]
"""What orders the events of one visitor: (timestamp, sequence, event_id)."""

BEFORE_ALL: EventKey = (datetime.min.replace(tzinfo=UTC), 0, "")
"""A key before those of all events."""


class EventInput(Struct, gc=False):
    """One hit as a caller sent it; `''` and None stand for what was not sent."""

    event_type: str = ""
    timestamp: datetime | None = None
    event_id: str = ""
    sequence: int = 0
    visitor_id: str = ""
    client_ip: str = ""
    user_agent: str = ""
    url: str = ""
    referrer: str = ""
    event_name: str = ""
    event_data: dict[str, Any] | None = None
    hostname: str = ""
    language: str = ""
    country: str = ""
    region: str = ""
    city: str = ""


class InputColumns(NamedTuple):
    """Events as callers sent them, field by field: many are checked and enriched so."""

    event_type: Sequence[str]
    timestamp: Sequence[datetime | None]
    event_id: Sequence[str]
    sequence: Sequence[int]
    visitor_id: Sequence[str]
    client_ip: Sequence[str]
    user_agent: Sequence[str]
    url: Sequence[str]
    referrer: Sequence[str]
    event_name: Sequence[str]
    event_data: Sequence[dict[str, Any] | None]
    hostname: Sequence[str]
    language: Sequence[str]
    country: Sequence[str]
    region: Sequence[str]
    city: Sequence[str]

    @classmethod
    def of(cls, sent: Sequence[EventInput]) -> "InputColumns":
        """The columns of some events."""
        if not sent:
            return cls._make([()] * len(cls._fields))
        return cls._make(zip(*map(astuple, sent), strict=True))


class Event(Struct, gc=False):
    """One hit as it is stored: valid, with all that can be derived from it.

    `''` stands for an unknown text. `path` is derived from `url`, which is kept as it was
    sent, and `attributes` holds the value of every attribute in `dimensions.ATTRIBUTES`.
    """

    visitor_id: str
    occurred_at: datetime
    sequence: int
    event_id: str
    is_pageview: bool
    is_bot: bool
    event_name: str
    event_data: dict[str, Any] | None
    url: str
    referrer: str
    path: str
    attributes: dict[str, str]

    @property
    def key(self) -> EventKey:
        """The event's position among the events of its visitor."""
        return self.occurred_at, self.sequence, self.event_id


class RestoredEvent(Struct, kw_only=True, gc=False):
    """One hit as an export has it: what was sent of it, and what its user agent told.

    Nothing of `sent` is derived again: its `hostname` and others are those that were stored.
    """

    sent: EventInput
    browser: str = ""
    os: str = ""
    device: str = ""
    is_bot: bool = False


class StoredEvent(NamedTuple):
    """One hit as it is exported; `client` holds its values of `dimensions.CLIENT` in order.

    `''` stands for an unknown text.
    """

    session_id: UUID
    visitor_id: str
    occurred_at: datetime
    event_id: str
    sequence: int
    is_pageview: bool
    is_bot: bool
    event_name: str
    url: str
    referrer: str
    event_data: dict[str, Any] | None
    client: tuple[str, ...]

    @property
    def key(self) -> EventKey:
        """The event's position among the events of its visitor."""
        return self.occurred_at, self.sequence, self.event_id

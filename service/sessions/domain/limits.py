"""The one table of limits: how large an event, its parts and a request may be.

All sizes are bytes of UTF-8 unless a name says otherwise. The comments of the
proto files quote these numbers.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MAX_EVENTS = 1_000
"""Events in one request."""
MAX_REQUEST = 4 * 1024 * 1024
"""Bytes of one request; gRPC peers refuse larger messages by default."""
MAX_EVENT_DATA = 32 * 1024
"""Bytes of `event_data` as compact JSON."""
MAX_EVENT_DATA_DEPTH = 16
"""Objects and arrays inside each other, `event_data` itself included."""
MAX_URL = 8_192
"""A URL, of a page or of a referrer."""
MAX_UTM = 1_024
"""A decoded utm value: PostgreSQL's GIN index refuses entries over 2,712 bytes."""
MAX_HOSTNAME = 255
"""A host name, sent or derived; what is longer is no host name (RFC 1035)."""
MAX_LANGUAGE = 255
"""A language, or an Accept-Language header of which the first one counts."""
MAX_FAMILY = 64
"""The name of a browser or system as it is stored."""
MAX_VISITOR_ID_CHARACTERS = 64
"""Characters, not bytes, of a `visitor_id`."""
MAX_SEQUENCE = 2**31 - 1
"""`sequence` is an int32."""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""The first accepted moment."""
MAX_AHEAD = timedelta(minutes=5)
"""How far ahead of the receipt a timestamp may be: clocks differ."""


@dataclass(frozen=True, slots=True)
class TextLimit:
    """The most bytes that one text field of `EventInput` may take."""

    field: str
    bytes: int


TEXTS = (
    TextLimit("event_type", 16),
    TextLimit("event_id", 64),
    TextLimit("visitor_id", 4 * MAX_VISITOR_ID_CHARACTERS),
    TextLimit("client_ip", 64),
    TextLimit("user_agent", 4_096),
    TextLimit("url", MAX_URL),
    TextLimit("referrer", MAX_URL),
    TextLimit("event_name", 256),
    TextLimit("hostname", MAX_HOSTNAME),
    TextLimit("language", MAX_LANGUAGE),  # as much of Accept-Language as a browser sends
    TextLimit("country", 64),
    TextLimit("region", 128),
    TextLimit("city", 256),
)
"""Every text field of an event, in the order in which violations are reported."""

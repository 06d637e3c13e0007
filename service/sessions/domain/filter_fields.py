"""What expressions can compare: the fields of a session and of a step, with their kinds."""

from collections.abc import Mapping
from enum import StrEnum

from sessions.domain.dimensions import COLLECTIONS, TEXTS


class Kind(StrEnum):
    """What a field holds, and so which operators it has."""

    TEXT = "text"
    NUMBER = "number"
    DURATION = "duration"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"
    COLLECTION = "collection"


_ORDERED = ("=", "!=", "<", "<=", ">", ">=")

OPERATORS: Mapping[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("=", "!=", ":"),
    Kind.NUMBER: _ORDERED,
    Kind.DURATION: _ORDERED,
    Kind.TIMESTAMP: _ORDERED,
    Kind.BOOLEAN: ("=", "!="),
    Kind.COLLECTION: (":",),
}

SESSION_FIELDS: Mapping[str, Kind] = {
    **dict.fromkeys((*TEXTS, "visitor_id"), Kind.TEXT),
    "started_at": Kind.TIMESTAMP,
    "duration": Kind.DURATION,
    "pageviews": Kind.NUMBER,
    "events": Kind.NUMBER,
    "is_bounce": Kind.BOOLEAN,
    "is_bot": Kind.BOOLEAN,
    **dict.fromkeys(COLLECTIONS, Kind.COLLECTION),
}
"""What `filter` compares."""

STEP_FIELDS: Mapping[str, Kind] = dict.fromkeys(COLLECTIONS, Kind.TEXT)
"""What a step compares: an event is a view of a page, or a custom event with a name."""

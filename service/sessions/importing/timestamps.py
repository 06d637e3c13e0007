"""Timestamps as text."""

import re
from datetime import UTC, datetime

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_NO_ZONE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?", re.ASCII)
_HOURS_ONLY = re.compile(r"[+-]\d\d\Z", re.ASCII)


def rfc3339(text: str) -> datetime:
    """A moment with its offset; digits beyond microseconds are cut off.

    Raises ValueError: it isn't one. (Leap seconds and 24:00 aren't known here.)
    """
    if _RFC_3339.fullmatch(text):
        # fromisoformat accepts far more, but not the lower-case z of RFC 3339
        return datetime.fromisoformat(text.upper())
    raise ValueError(text)


def rfc3339_or_utc(text: str) -> datetime:
    """The same for tables: `2026-03-03 10:15:00` without an offset is UTC.

    An offset may be hours only, `+00`, as PostgreSQL writes it. Raises ValueError.
    """
    if _NO_ZONE.fullmatch(text):
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    if _HOURS_ONLY.search(text) and _NO_ZONE.fullmatch(text[:-3]):
        text += ":00"
    return rfc3339(text.replace(" ", "T", 1))

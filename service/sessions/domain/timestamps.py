"""Timestamps as text."""

import re
from datetime import datetime, timedelta

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_NO_ZONE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?", re.ASCII)
_ZONE = re.compile(r" ?(?:(UTC|GMT|[Zz])|([+-]\d\d)(?::?(\d\d))?)", re.ASCII)


def rfc3339(text: str) -> datetime:
    """A moment with its offset; digits beyond microseconds are cut off.

    A leap second, `:60`, is the first moment of the next minute, as the REST API has it.
    Raises ValueError: it isn't one. (24:00 isn't known here.)
    """
    if not _RFC_3339.fullmatch(text):
        raise ValueError(text)
    if text[17:19] == "60":
        return after_leap_second(datetime.fromisoformat(f"{text[:17]}59{text[19:]}".upper()))
    # fromisoformat accepts far more, but not the lower-case z of RFC 3339
    return datetime.fromisoformat(text.upper())


def after_leap_second(last: datetime) -> datetime:
    """The moment of second 60, from that of second 59; raises ValueError beyond the last year."""
    try:
        return last + timedelta(seconds=1)
    except OverflowError as error:
        raise ValueError(str(error)) from error


def rfc3339_or_utc(text: str) -> datetime:
    """The same for tables: `2026-03-03 10:15:00` without an offset is UTC.

    A zone may be `UTC`, an offset also hours only, `+00`, as PostgreSQL writes it, or `+0100`,
    each also behind a blank. Raises ValueError.
    """
    local = _NO_ZONE.match(text)
    if local is None:
        raise ValueError(text)
    zone = _ZONE.fullmatch(text, local.end())
    if zone is None and local.end() < len(text):
        raise ValueError(text)
    offset = f"{zone[2]}:{zone[3] or '00'}" if zone and zone[2] else "Z"
    return rfc3339(f"{local[0].replace(' ', 'T')}{offset}")

"""What ListSessions is asked: days in a time zone, filters, and how the answer is paged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from sessions.domain.errors import InvalidArgument, Violation, shortened

FILTERS = (
    *("country", "page", "referrer", "browser", "os", "device", "language"),
    *("utm_source", "utm_medium", "utm_campaign", "region", "city", "hostname"),
)
"""What sessions can be filtered by; the parameter is `filter_<name>`."""

MAX_FILTER_VALUES = 100
"""How many values one filter can have."""

DEFAULT_LIMIT, MAX_LIMIT = 50, 100
DEFAULT_DAYS = 7
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)


class Position(NamedTuple):
    """A place in the list, newest first: what comes after it is older."""

    started_at: datetime
    session_id: UUID


class Range(NamedTuple):
    """Moments from `since` on and before `until`, both UTC."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionQuery:
    """A list of sessions as it was asked for; `''` and 0 stand for the defaults."""

    start_date: str = ""
    end_date: str = ""
    timezone: str = ""
    limit: int = 0
    include_bots: bool = False
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)


def normalize_filters(filters: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Filters by name with values as they are stored: country in capitals, hosts in lower case.

    Raises:
        InvalidArgument: a filter has too many values, or one that no text can hold.
    """
    normal = {}
    for name, values in filters.items():
        _check_values(f"filter_{name}", values)
        if values:
            normal[name] = sorted({_normalize(name, value) for value in values})
    return normal


def _check_values(field: str, values: Sequence[str]) -> None:
    if len(values) > MAX_FILTER_VALUES:
        text = f"{len(values)} values; send {MAX_FILTER_VALUES} at the most"
        raise InvalidArgument(Violation(field, text))
    if any("\0" in value for value in values):
        raise InvalidArgument(Violation(field, "holds a NUL character; leave it out"))


def _normalize(name: str, value: str) -> str:
    if name == "country":
        return value.upper()
    return value.lower() if name in ("hostname", "referrer") else value


def page_size(asked: int, default: int, maximum: int, field: str) -> int:
    """How many rows a page holds: `default` for 0, never more than `maximum` (AIP-158).

    Raises:
        InvalidArgument: `asked` is negative.
    """
    if asked < 0:
        raise InvalidArgument(Violation(field, f"{asked} is negative; send 1 to {maximum}"))
    return min(asked or default, maximum)


def day_range(start_date: str, end_date: str, timezone: str, now: datetime) -> Range:
    """From the first moment of `start_date` to the last of `end_date`, as days of `timezone`.

    Args:
        start_date: `YYYY-MM-DD`, or `''` for 7 days before the end.
        end_date: `YYYY-MM-DD`, or `''` for today.
        timezone: IANA name, or `''` for UTC.
        now: what time it is.

    Raises:
        InvalidArgument: a date or the zone is none, or the start is after the end.
    """
    zone = _zone(timezone)
    end = _day("end_date", end_date) if end_date else now.astimezone(zone).date()
    start = _day("start_date", start_date) if start_date else end - timedelta(days=DEFAULT_DAYS)
    if start > end:
        text = f"{start} is after the end_date {end}; send an earlier start_date"
        raise InvalidArgument(Violation("start_date", text))
    return Range(_midnight(start, zone), _midnight(end + timedelta(days=1), zone))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day in UTC, also where clocks skip or repeat midnight.

    A skipped midnight is read with the offset before the change, which gives
    the moment of the change; of a repeated one the first counts (PEP 495).
    """
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    if name and name not in _zone_names():
        text = f"{shortened(name)!r} is not an IANA time zone; send a name such as Europe/Berlin"
        raise InvalidArgument(Violation("timezone", text))
    return ZoneInfo(name or "UTC")


_NO_ZONES = {"localtime", "Factory"}
"""Names that systems list beside the zones: what is set on this machine, and what is unset."""


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones() - _NO_ZONES)


def _day(field: str, text: str) -> date:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        message = f"{shortened(text)!r} is not a day of the calendar; send YYYY-MM-DD"
        raise InvalidArgument(Violation(field, message))
    if not FIRST_DAY <= day <= LAST_DAY:
        message = f"{text} is out of range; send a day from {FIRST_DAY} to {LAST_DAY}"
        raise InvalidArgument(Violation(field, message))
    return day

"""Which sessions a call is about: a website, days in a time zone, bots or not, and a predicate."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from sessions.domain.comparisons import parse_filter
from sessions.domain.dimensions import COLLECTIONS, fold
from sessions.domain.errors import InvalidArgument, Violation, shortened
from sessions.domain.predicates import All, Has, Journey, Not, OneOf, Predicate, canonical
from sessions.domain.steps import parse_steps

MAX_FILTER_VALUES = 100
"""How many values one filter can have."""

MAX_STEPS = 10
"""How many steps a journey can have."""

DEFAULT_DAYS = 7
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)


class Range(NamedTuple):
    """Moments from `since` on and before `until`, both UTC."""

    since: datetime
    until: datetime


class Days(NamedTuple):
    """Days of a time zone, both included."""

    start: date
    end: date
    zone: ZoneInfo

    @property
    def range(self) -> Range:
        """From the first moment of the first day to the last of the last one."""
        one = timedelta(days=1)
        return Range(midnight(self.start, self.zone), midnight(self.end + one, self.zone))


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionQuery:
    """Which sessions a call is about, as it was asked for; `''` stands for the defaults."""

    website_id: str
    start_date: str = ""
    end_date: str = ""
    timezone: str = ""
    include_bots: bool = False
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    filter: str = ""
    journey: Sequence[str] = ()
    not_journey: Sequence[str] = ()
    cell: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which sessions a call is about: those of a website that every reader agrees on.

    Args:
        range: when they started.
        include_bots: whether bot sessions are among them.
        predicate: what is true of them.
        identity: bytes that two queries share only when they ask for the same sessions in the
            same words; dates count as they were sent, so that `today` moves on.
    """

    range: Range
    include_bots: bool
    predicate: Predicate
    identity: bytes


def select(query: SelectionQuery, now: datetime) -> Selection:
    """The selection that a query asks for.

    Raises:
        InvalidArgument: a date, the zone, a filter or a step can't be used; names the field.
    """
    predicate = _predicate(query)
    return Selection(
        range=day_range(query.start_date, query.end_date, query.timezone, now),
        include_bots=query.include_bots,
        predicate=predicate,
        identity=_identity(query, predicate),
    )


def _identity(query: SelectionQuery, predicate: Predicate) -> bytes:
    # Dates as they were sent: a cursor of a query without dates stays valid after midnight.
    days = (query.start_date, query.end_date, query.timezone)
    return json.dumps([query.website_id, *days, query.include_bots, canonical(predicate)]).encode()


def _predicate(query: SelectionQuery) -> Predicate:
    """All conditions of a query."""
    found = filter_predicate(query.filters).operands
    if query.filter or query.journey or query.not_journey:
        journeys = tuple(query.journey), tuple(query.not_journey)
        found += _parsed(query.filter, query.include_bots, *journeys)
    return All(found)


# Each page of a list asks for the same again. All texts have a limit of a few KiB.
@lru_cache(maxsize=256)
def _parsed(
    filter_: str, include_bots: bool, journey: tuple[str, ...], not_journey: tuple[str, ...]
) -> tuple[Predicate, ...]:
    found: tuple[Predicate, ...] = ()
    if filter_.strip():
        found += (parse_filter(filter_, include_bots=include_bots),)
    if journey:
        found += (_journey("journey", journey),)
    if not_journey:
        found += (Not(_journey("not_journey", not_journey)),)
    return found


def _journey(field: str, texts: Sequence[str]) -> Journey:
    if len(texts) > MAX_STEPS:
        text = f"{len(texts)} steps; send {MAX_STEPS} at the most"
        raise InvalidArgument(Violation(field, text, MAX_STEPS, len(texts)))
    return Journey(tuple(step.condition for step in parse_steps(texts, field)))


def filter_predicate(filters: Mapping[str, Sequence[str]]) -> All:
    """What the parameters `filter_<name>` ask for: different names are AND, values of one are OR.

    Raises:
        InvalidArgument: a filter has too many values, or one that no text can hold.
    """
    return All(tuple(_filter(name, values) for name, values in sorted(filters.items()) if values))


def _filter(name: str, values: Sequence[str]) -> Predicate:
    _check_values(f"filter_{name}", values)
    # In a normal form, so that order and repeats of values do not matter to a cursor.
    folded = tuple(sorted({fold(name, value) for value in values}))
    return Has(name, folded) if name in COLLECTIONS else OneOf(name, folded)


def _check_values(field: str, values: Sequence[str]) -> None:
    if len(values) > MAX_FILTER_VALUES:
        text = f"{len(values)} values; send {MAX_FILTER_VALUES} at the most"
        raise InvalidArgument(Violation(field, text, MAX_FILTER_VALUES, len(values)))
    if any("\0" in value for value in values):
        raise InvalidArgument(Violation(field, "holds a NUL character; leave it out"))


def day_range(start_date: str, end_date: str, timezone: str, now: datetime) -> Range:
    """From the first moment of `start_date` to the last of `end_date`; see `resolve_days`."""
    return resolve_days(start_date, end_date, timezone, now).range


def resolve_days(start_date: str, end_date: str, timezone: str, now: datetime) -> Days:
    """The days that the parameters of a query mean.

    Args:
        start_date: `YYYY-MM-DD`, or `''` for 7 days before the end.
        end_date: `YYYY-MM-DD`, or `''` for today.
        timezone: IANA name, or `''` for UTC.
        now: what time it is.

    Raises:
        InvalidArgument: a date or the zone is none, or the start is after the end.
    """
    zone = zone_of(timezone)
    # Today in the zone of the caller, not in that of the server.
    end = parse_day("end_date", end_date) if end_date else now.astimezone(zone).date()
    usual = end - timedelta(days=DEFAULT_DAYS)
    start = parse_day("start_date", start_date) if start_date else usual
    check_order(start, end)
    return Days(start, end, zone)


def check_order(start: date, end: date, prefix: str = "") -> None:
    """Refuse days of which the first is after the last; `prefix` is that of the parameters."""
    if start > end:
        text = f"{start} is after the {prefix}end_date {end}; send an earlier {prefix}start_date"
        raise InvalidArgument(Violation(f"{prefix}start_date", text))


@lru_cache(maxsize=1024)
def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day in UTC, also where clocks skip or repeat midnight.

    A skipped midnight is read with the offset before the change, which gives
    the moment of the change; of a repeated one the first counts (PEP 495).
    """
    return datetime.combine(day, time(), zone).astimezone(UTC)


def zone_of(name: str) -> ZoneInfo:
    """The zone with an IANA name, `''` for UTC.

    Raises:
        InvalidArgument: there is none; names the field `timezone`.
    """
    if name and name not in _zone_names():
        text = f"{shortened(name)!r} is not an IANA time zone; send a name such as Europe/Berlin"
        raise InvalidArgument(Violation("timezone", text))
    return ZoneInfo(name or "UTC")


# Names that systems list beside the zones: what is set on this machine, and what is unset.
_NO_ZONES = {"localtime", "Factory"}


# Listing the zones reads hundreds of files.
@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones() - _NO_ZONES)


def parse_day(field: str, text: str) -> date:
    """The day that a parameter names.

    Raises:
        InvalidArgument: it is not `YYYY-MM-DD`, or out of range; names the field.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    # fromisoformat also reads 20260303 and weeks.
    if day is None or day.isoformat() != text:
        message = f"{shortened(text)!r} is not a day of the calendar; send YYYY-MM-DD"
        raise InvalidArgument(Violation(field, message))
    if not FIRST_DAY <= day <= LAST_DAY:
        message = f"{text} is out of range; send a day from {FIRST_DAY} to {LAST_DAY}"
        raise InvalidArgument(Violation(field, message))
    return day

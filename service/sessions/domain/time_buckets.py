"""Buckets of a time series: hours, days, weeks or months of a time zone."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sessions.domain.errors import InvalidArgument, Violation, shortened
from sessions.domain.selection import Days, midnight

MAX_BUCKETS = 1_000
"""Buckets of one series; more are refused."""

_DAY, _HOUR, _MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


class Bucket(NamedTuple):
    """From `start` on and before `end`, both UTC; `is_cut` where the range has a part of it."""

    start: datetime
    end: datetime
    is_cut: bool


def resolve_granularity(text: str, days: Days) -> str:
    """The granularity that a caller asks for, `''` for the one that goes with the days.

    Raises:
        InvalidArgument: there is no such granularity.
    """
    if text and text not in _GRANULARITIES:
        message = f"{shortened(text)!r} is none; send one of {', '.join(_GRANULARITIES)}"
        raise InvalidArgument(Violation("granularity", message))
    length = (days.end - days.start).days + 1
    return text or next(name for name, most in _DEFAULTS.items() if length <= most)


def time_buckets(days: Days, granularity: str) -> list[Bucket]:
    """The buckets of some days, in order and without a gap.

    Raises:
        InvalidArgument: there are too many.
    """
    found = list(islice(_GRANULARITIES[granularity](days), MAX_BUCKETS + 1))
    if len(found) > MAX_BUCKETS:
        text = (
            f"these days have more than {MAX_BUCKETS:,} buckets; send a longer one, or fewer days"
        )
        raise InvalidArgument(Violation("granularity", text, MAX_BUCKETS))
    return found


def _calendar(following: Callable[[date], date], days: Days) -> Iterator[Bucket]:
    """The buckets that begin on some days of the calendar, of which each is followed by another.

    Args:
        following: of the bucket that has a day, the first day after it.
        days: of the series.
    """
    start, last = days.start, days.end + _DAY
    while start < last:
        whole_end = following(start)
        end = min(whole_end, last)
        moments = midnight(start, days.zone), midnight(end, days.zone)
        # The whole bucket begins where the one before ends.
        is_cut = following(start - _DAY) != start or end != whole_end
        # A zone can skip a whole day, which then has no moment.
        if moments[0] < moments[1]:
            yield Bucket(*moments, is_cut)
        start = end


def _next_day(day: date) -> date:
    return day + _DAY


def _next_monday(day: date) -> date:
    return day + timedelta(days=7 - day.weekday())


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _hours(days: Days) -> Iterator[Bucket]:
    """Hours of the clock: a change of the offset begins a new one, which may be shorter."""
    start, last = days.range
    while start < last:
        end = min(_next_hour(start, days.zone), last)
        yield Bucket(start, end, is_cut=False)
        start = end


def _next_hour(moment: datetime, zone: ZoneInfo) -> datetime:
    """When the clocks of a zone next show a full hour or change."""
    local = moment.astimezone(zone)
    end = moment + _HOUR - timedelta(minutes=local.minute, seconds=local.second)
    minutes = (moment + _MINUTE * count for count in range((end - moment) // _MINUTE + 1))
    if end.astimezone(zone).utcoffset() == local.utcoffset():
        return end
    return next(
        after
        for before, after in pairwise(minutes)
        if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset()
    )


_GRANULARITIES: Mapping[str, Callable[[Days], Iterator[Bucket]]] = {
    "hour": _hours,
    "day": lambda days: _calendar(_next_day, days),
    "week": lambda days: _calendar(_next_monday, days),
    "month": lambda days: _calendar(_next_month, days),
}
_DEFAULTS = {"hour": 2, "day": 92, "week": 366, "month": 200_000}
"""The finest granularity that is taken by itself, and for how many days at the most."""


def started_within(bucket: Bucket) -> str:
    """The condition on sessions that they started in a bucket, as `filter` has it."""
    since, until = (
        moment.astimezone(UTC).isoformat().replace("+00:00", "Z") for moment in bucket[:2]
    )
    return f'started_at >= "{since}" AND started_at < "{until}"'

"""Hours of UTC by number: the unit in which blocks and rows take turns."""

from datetime import UTC, datetime, timedelta

HOUR = 3_600_000_000
"""Microseconds of an hour."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(count: int) -> datetime:
    """The moment that is so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=count)


def hour_number(moment: datetime) -> int:
    """The hour (UTC) in which a moment lies, counted from 1970."""
    return microseconds(moment) // HOUR


def hour_start(hour: int) -> datetime:
    """The first moment of an hour."""
    return _EPOCH + timedelta(hours=hour)


def month_of(hour: int) -> tuple[int, int]:
    """The year and month (UTC) in which an hour lies."""
    start = hour_start(hour)
    return start.year, start.month


def hours_of(since: datetime, until: datetime) -> range:
    """The hours that some time touches, from `since` on and before `until`."""
    return range(hour_number(since), hour_number(until - _MICROSECOND) + 1)

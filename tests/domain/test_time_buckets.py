"""Buckets in zones with unusual changes, against a walk over UTC minute by minute."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, groupby, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sessions.domain.errors import InvalidArgument
from sessions.domain.selection import Days
from sessions.domain.time_buckets import MAX_BUCKETS, Bucket, resolve_granularity, time_buckets

from tests.support.zones import MINUTE

CHANGES = [
    ("UTC", date(2024, 2, 28)),
    ("Asia/Kolkata", date(2026, 3, 1)),
    ("Asia/Kathmandu", date(2026, 3, 1)),
    ("Europe/Berlin", date(2026, 3, 28)),
    ("Europe/Berlin", date(2026, 10, 24)),
    ("America/Havana", date(2026, 3, 7)),
    ("America/Havana", date(2026, 10, 31)),
    ("Asia/Beirut", date(2026, 3, 28)),
    ("Africa/Cairo", date(2026, 4, 23)),
    ("America/St_Johns", date(2010, 11, 6)),
    ("Australia/Lord_Howe", date(2026, 4, 4)),
    ("Australia/Lord_Howe", date(2026, 10, 3)),
    ("Antarctica/Troll", date(2026, 3, 28)),
    ("Pacific/Apia", date(2011, 12, 29)),
]
KEYS: dict[str, Callable[[datetime], Any]] = {
    "hour": lambda local: (local.date(), local.hour, local.utcoffset()),
    "day": lambda local: local.date(),
    "week": lambda local: local.isocalendar()[:2],
    "month": lambda local: (local.year, local.month),
}


def days(zone: str, start: date, count: int) -> Days:
    return Days(start, start + timedelta(days=count - 1), ZoneInfo(zone))


def walked(within: Days, granularity: str) -> list[datetime]:
    """Where buckets begin: at the minutes at which the local clock shows another one."""
    since, until = within.range
    minutes = (since + MINUTE * count for count in range((until - since) // MINUTE))
    shown: Iterable[tuple[Any, datetime]] = (
        (KEYS[granularity](moment.astimezone(within.zone)), moment) for moment in minutes
    )
    if granularity != "hour":
        # Clocks can go back over midnight: the day before, met again, stays in the later one.
        shown = accumulate(shown, lambda before, this: (max(before[0], this[0]), this[1]))
    return [next(run)[1] for _, run in groupby(shown, lambda each: each[0])]


@pytest.mark.parametrize("granularity", KEYS)
@pytest.mark.parametrize(("zone", "start"), CHANGES)
def test_buckets_begin_where_the_clock_shows_another_one(
    zone: str, start: date, granularity: str
) -> None:
    within = days(zone, start, 4)
    found = time_buckets(within, granularity)
    assert [bucket.start for bucket in found] == walked(within, granularity)
    assert found[-1].end == within.range.until
    assert all(one.end == other.start for one, other in pairwise(found))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Asia/Kolkata", date(2026, 3, 29), 24),
        ("Australia/Lord_Howe", date(2026, 10, 4), 24),
    ],
)
def test_a_day_has_as_many_hours_as_its_clock(zone: str, day: date, hours: int) -> None:
    assert len(time_buckets(days(zone, day, 1), "hour")) == hours


def test_the_half_hour_of_a_change_is_a_bucket() -> None:
    [short] = [
        bucket
        for bucket in time_buckets(days("Australia/Lord_Howe", date(2026, 4, 5), 1), "hour")
        if bucket.end - bucket.start < timedelta(hours=1)
    ]
    assert short.end - short.start == timedelta(minutes=30)


def test_a_skipped_day_has_no_bucket() -> None:
    within = days("Pacific/Apia", date(2011, 12, 29), 3)
    lengths = [bucket.end - bucket.start for bucket in time_buckets(within, "day")]
    assert lengths == [timedelta(days=1)] * 2


def cuts(start: date, count: int, granularity: str) -> list[bool]:
    return [bucket.is_cut for bucket in time_buckets(days("UTC", start, count), granularity)]


def test_the_first_and_the_last_week_and_month_are_cut() -> None:
    monday, leap_day = date(2026, 3, 2), date(2024, 2, 29)
    assert cuts(monday, 14, "week") == [False, False]
    assert cuts(monday + timedelta(days=1), 14, "week") == [True, False, True]
    assert cuts(date(2026, 3, 1), 31 + 30, "month") == [False, False]
    assert cuts(date(2026, 3, 1), 31 + 29, "month") == [False, True]
    assert cuts(leap_day, 2, "month") == [True, True]
    assert cuts(date(2024, 2, 1), 29, "month") == [False]
    assert cuts(monday, 3, "day") == [False] * 3


def test_the_default_goes_with_the_number_of_days() -> None:
    found = {
        count: resolve_granularity("", days("UTC", date(2024, 1, 1), count))
        for count in (1, 2, 3, 92, 93, 366, 367, 36_000)
    }
    assert [*found.values()] == ["hour"] * 2 + ["day"] * 2 + ["week"] * 2 + ["month"] * 2
    with pytest.raises(InvalidArgument, match="granularity: 'minute' is none"):
        resolve_granularity("minute", days("UTC", date(2024, 1, 1), 1))


def test_too_many_buckets_are_refused_and_not_coarsened() -> None:
    assert len(time_buckets(days("UTC", date(2024, 1, 1), MAX_BUCKETS), "day")) == MAX_BUCKETS
    with pytest.raises(InvalidArgument, match=r"more than 1,000 buckets"):
        time_buckets(days("UTC", date(2024, 1, 1), MAX_BUCKETS + 1), "day")
    with pytest.raises(InvalidArgument, match=r"more than 1,000 buckets"):
        time_buckets(days("UTC", date(2000, 1, 1), 36_000), "hour")
    assert time_buckets(days("UTC", date(2026, 1, 1), 1), "month") == [
        Bucket(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), is_cut=True)
    ]

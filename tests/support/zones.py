"""Zones with unusual changes, and when their days begin, found without converting local time."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)

ZONES = {
    "Africa/Cairo": "starts at 00:00 on a Friday, again since 2023",
    "Africa/Casablanca": "goes back for Ramadan",
    "America/Havana": "falls back from 01:00 to 00:00: midnight comes twice",
    "America/New_York": "changes at 02:00",
    "America/Nuuk": "changes with Europe, on Saturday evening; another offset since 2023",
    "America/Sao_Paulo": "skipped midnight until 2018",
    "America/Scoresbysund": "changes around midnight; another offset since 2024",
    "America/St_Johns": "changed at 00:01 until 2011: the day before comes again",
    "Antarctica/Troll": "two hours of summer time",
    "Asia/Beirut": "skips midnight",
    "Asia/Gaza": "skips midnight, 00:01 or 02:00, by the year",
    "Asia/Kathmandu": "UTC+05:45",
    "Asia/Kolkata": "UTC+05:30",
    "Asia/Tehran": "skipped midnight until 2022, UTC+03:30",
    "Australia/Lord_Howe": "half an hour of summer time",
    "Europe/London": "changes at 01:00",
    "Pacific/Apia": "left out 2011-12-30",
    "Pacific/Kiritimati": "UTC+14",
    "Pacific/Pago_Pago": "UTC-11",
    "UTC": "no change at all",
}


def first_instants(zone: tzinfo, since: datetime, until: datetime) -> dict[date, datetime]:
    """When each local date between two moments is met first, by walking UTC minute by minute."""
    found: dict[date, datetime] = {}
    moment = since
    while moment < until:
        found.setdefault(moment.astimezone(zone).date(), moment)
        moment += MINUTE
    # Of the first date only the rest was seen.
    return dict(sorted(found.items())[1:])


def changes(zone: tzinfo, since: datetime, until: datetime, step: timedelta) -> Iterator[datetime]:
    """The moments, to the second, at which the offset of a zone changes."""
    for before, after in pairwise(_steps(since, until, step)):
        low, high = before, after
        if low.astimezone(zone).utcoffset() == high.astimezone(zone).utcoffset():
            continue
        while high - low > SECOND:
            middle = low + (high - low) // 2
            middle = middle.replace(microsecond=0)
            same = middle.astimezone(zone).utcoffset() == low.astimezone(zone).utcoffset()
            low, high = (middle, high) if same else (low, middle)
        yield high


def _steps(since: datetime, until: datetime, step: timedelta) -> Iterator[datetime]:
    while since < until:
        yield since
        since += step

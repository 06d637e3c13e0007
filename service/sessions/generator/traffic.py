"""When visits happen: how many in each hour, by day and night, weekday and a little growth."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, pairwise

_HOUR = 3_600_000
# No visit starts in the last minute: all its hits have to come before the end.
_LAST_MINUTE = 60_000

# By hour of the day in UTC: mornings and evenings of Europe and America, a dip at night.
DAY = (
    *(30, 25, 22, 20, 21, 26, 36, 52, 70, 84, 92, 96),
    *(95, 99, 104, 106, 103, 98, 94, 92, 86, 74, 56, 41),
)
# Monday to Sunday.
WEEK = (1.04, 1.08, 1.07, 1.05, 0.98, 0.72, 0.76)
# How much busier the last hour is than the first one, all else being equal.
_GROWTH = 0.35


@dataclass(frozen=True, slots=True)
class Hour:
    """One of the hours, counted from the first; visits start within `milliseconds` of its start."""

    number: int
    starts_at: datetime
    milliseconds: int
    visits: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Hours [first, last] whose visits are made in one transaction."""

    first: int
    last: int
    visits: int


def plan(sessions: int, days: int, until: datetime) -> list[Hour]:
    """Spread visits over the hours of the days before a moment; they add up to `sessions`."""
    count = days * 24
    starts = [until - timedelta(hours=count - number) for number in range(count)]
    weights = [
        DAY[start.hour] * WEEK[start.weekday()] * (1 + _GROWTH * number / count)
        for number, start in enumerate(starts)
    ]
    total = sum(weights)
    # Rounded as a running total, so that the hours add up to exactly `sessions`.
    bounds = [round(sessions * weight / total) for weight in accumulate(weights, initial=0.0)]
    hours = [
        Hour(number, starts[number], _HOUR, end - start)
        for number, (start, end) in enumerate(pairwise(bounds))
    ]
    last = hours[-1]
    # Visits of the last hour start early enough to end in time.
    hours[-1] = Hour(last.number, last.starts_at, _HOUR - _LAST_MINUTE, last.visits)
    return hours


def chunks(hours: Sequence[Hour], size: int) -> list[Chunk]:
    """Cut hours, in order, into chunks of some `size` visits; an hour is never divided."""
    found: list[Chunk] = []
    first = visits = 0
    for hour in hours:
        visits += hour.visits
        if visits >= size or (visits and hour is hours[-1]):
            found.append(Chunk(first, hour.number, visits))
            first, visits = hour.number + 1, 0
    return found

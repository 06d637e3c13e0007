"""Cohorts: in which periods the visitors whose first session is selected returned."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from sessions.domain.conversions import rate
from sessions.domain.errors import InvalidArgument, Violation
from sessions.domain.selection import SelectionQuery
from sessions.domain.time_buckets import Bucket, resolve_granularity, time_buckets
from sessions.usecases.analysis_reader import AnalysisReader, Scope
from sessions.usecases.cell_rows import read_cohorts
from sessions.usecases.threads import in_thread

MAX_PERIODS = 100
"""Periods of one answer, which has up to half of their square in cells."""


class CohortPeriod(NamedTuple):
    """A period, and how many visitors of a cohort returned in it; `is_partial` while it runs."""

    start: datetime
    end: datetime
    is_partial: bool
    returned: int
    rate: float | None
    cell: str


class Cohort(NamedTuple):
    """The visitors whose first session lies in a period.

    `periods` are this one, in which all of them count, and those after it that have begun. `is_cut`
    says that the range has only a part of the period.
    """

    start: datetime
    end: datetime
    is_cut: bool
    visitors: int
    periods: list[CohortPeriod]


class Cohorts(NamedTuple):
    """The cohorts of all periods of the range that have begun."""

    scope: Scope
    granularity: str
    cohorts: list[Cohort]


class CountCohorts:
    """Counts the cohorts of a selection."""

    def __init__(self, reader: AnalysisReader) -> None:
        self._reader = reader

    async def __call__(self, query: SelectionQuery, granularity: str) -> Cohorts:
        """The cohorts of a selection.

        Raises:
            InvalidArgument: a parameter is wrong; names the field.
            NotFound, QueueFull, Unavailable: see `AnalysisReader.open`.
        """
        days = self._reader.days(query)
        name = resolve_granularity(granularity, days)
        if name == "hour" and not granularity:
            name = "day"
        if name == "hour":
            text = "'hour' is too short for cohorts; send one of day, week, month"
            raise InvalidArgument(Violation("granularity", text))
        buckets = time_buckets(days, name)
        if len(buckets) > MAX_PERIODS:
            text = f"{len(buckets)} periods are more than {MAX_PERIODS}; send longer ones"
            raise InvalidArgument(Violation("granularity", text, MAX_PERIODS, len(buckets)))
        async with self._reader.open(query, days) as reading:
            accumulator = await read_cohorts(reading.snapshot, reading.selection, buckets)
            table = await in_thread(accumulator.result)
        cell = reading.cells("cohorts", {"granularity": name})
        return Cohorts(reading.scope, name, _cohorts(buckets, table, reading.scope.as_of, cell))


def _cohorts(
    buckets: Sequence[Bucket],
    table: Sequence[Sequence[int]],
    as_of: datetime,
    cell: Callable[..., str],
) -> list[Cohort]:
    begun = [bucket for bucket in buckets if bucket.start <= as_of]
    return [
        Cohort(
            *bucket,
            visitors=returned[0],
            periods=[
                CohortPeriod(
                    start=later.start,
                    end=later.end,
                    is_partial=later.end > as_of,
                    returned=count,
                    rate=rate(count, returned[0]),
                    cell=cell(cohort=number, period=period),
                )
                for period, (later, count) in enumerate(
                    zip(begun[number:], returned, strict=False), start=number
                )
            ],
        )
        for number, (bucket, returned) in enumerate(zip(begun, table, strict=False))
    ]

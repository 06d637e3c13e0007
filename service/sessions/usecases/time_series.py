"""TimeSeries: the metrics of the sessions of a selection by when they started."""

from typing import NamedTuple

from sessions.analysis.time_series import SeriesAccumulator
from sessions.domain.drill_down import narrowed
from sessions.domain.hours import microseconds
from sessions.domain.metrics import Summary, Totals, summary
from sessions.domain.selection import SelectionQuery
from sessions.domain.steps import parse_goal
from sessions.domain.time_buckets import (
    Bucket,
    resolve_granularity,
    started_within,
    time_buckets,
)
from sessions.usecases.analysis_reader import AnalysisReader, Scope
from sessions.usecases.threads import in_thread


class SummarizedBucket(NamedTuple):
    """The sessions that started in a bucket; `filter` lists them where one can, or else `cell`."""

    bucket: Bucket
    is_partial: bool
    summary: Summary
    filter: str | None
    cell: str | None


class Series(NamedTuple):
    """The buckets of a selection that have begun."""

    scope: Scope
    granularity: str
    buckets: list[SummarizedBucket]


class TimeSeries:
    """Summarizes the sessions of a website over time."""

    def __init__(self, reader: AnalysisReader) -> None:
        self._reader = reader

    async def __call__(
        self, query: SelectionQuery, granularity: str = "", goal: str = ""
    ) -> Series:
        """The summary of each bucket.

        Raises:
            InvalidArgument: a parameter is wrong, or there are too many buckets; names the field.
            NotFound, QueueFull, Unavailable: see `AnalysisReader.open`.
        """
        days, step = self._reader.days(query), parse_goal(goal)
        granularity = resolve_granularity(granularity, days)
        buckets = time_buckets(days, granularity)
        accumulator = SeriesAccumulator([microseconds(each.start) for each in buckets], step)
        async with self._reader.open(query, days) as reading:
            await reading.accumulate(accumulator)
            totals = await in_thread(accumulator.result)
        as_of, cell = reading.scope.as_of, reading.cells("timeseries", {})

        def summarized(bucket: Bucket, totals: Totals) -> SummarizedBucket:
            condition = started_within(bucket)
            filter_ = narrowed(query, condition)
            own_cell = cell(filter=condition) if filter_ is None else None
            is_partial = bucket.end > as_of
            return SummarizedBucket(bucket, is_partial, summary(totals), filter_, own_cell)

        found = [
            summarized(bucket, each)
            for bucket, each in zip(buckets, totals, strict=True)
            # An event can be ahead of the clock: its bucket counts before it begins.
            if bucket.start <= as_of or each["sessions"]
        ]
        return Series(reading.scope, granularity, found)

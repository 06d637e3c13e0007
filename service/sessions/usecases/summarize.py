"""Summarize: the metrics of the sessions of a selection, and of those of other days."""

from typing import NamedTuple

from sessions.analysis.summary import TotalAccumulator
from sessions.domain.metrics import Summary, summary
from sessions.domain.period_comparison import ComparedDays, ComparisonQuery, compared_days
from sessions.domain.selection import Range, SelectionQuery
from sessions.domain.steps import Step, parse_goal
from sessions.usecases.analysis_reader import AnalysisReader, Scope, SelectionReading
from sessions.usecases.threads import in_thread


class Comparison(NamedTuple):
    """The summary of other days, and when their sessions started."""

    compared: ComparedDays
    range: Range
    summary: Summary


class Summarized(NamedTuple):
    """The summary of a selection."""

    scope: Scope
    summary: Summary
    comparison: Comparison | None


class Summarize:
    """Summarizes the sessions of a website."""

    def __init__(self, reader: AnalysisReader) -> None:
        self._reader = reader

    async def __call__(
        self, query: SelectionQuery, comparison: ComparisonQuery, goal: str = ""
    ) -> Summarized:
        """The summary of a selection, and of another one in the same snapshot if that is asked for.

        Raises:
            InvalidArgument: a parameter is wrong; names the field.
            NotFound, QueueFull, Unavailable: see `AnalysisReader.open`.
        """
        days = self._reader.days(query)
        step = parse_goal(goal)
        compared = compared_days(comparison, days)
        async with self._reader.open(query, days) as reading:
            found = await _summary(reading, step, None)
            other = None
            if compared:
                range_ = compared.range(days, reading.scope.as_of)
                other = Comparison(compared, range_, await _summary(reading, step, range_))
        return Summarized(reading.scope, found, other)


async def _summary(reading: SelectionReading, goal: Step | None, range_: Range | None) -> Summary:
    accumulator = TotalAccumulator(goal)
    await reading.accumulate(accumulator, range_)
    return summary(await in_thread(accumulator.result))

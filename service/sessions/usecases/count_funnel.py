"""Funnel: how many sessions, or visitors, of a selection reach one step after the other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import NamedTuple

from sessions.analysis.funnel import FunnelResult, SessionFunnel, StepResult
from sessions.domain.behaviour_queries import FunnelQuery, FunnelRules, funnel_rules
from sessions.domain.cells import DrillDown
from sessions.domain.conversions import rate, wilson_interval
from sessions.domain.hours import moment
from sessions.domain.selection import SelectionQuery
from sessions.usecases.analysis_reader import AnalysisReader, Scope, SelectionReading
from sessions.usecases.cell_rows import read_visitor_funnel
from sessions.usecases.threads import in_thread

_SECOND = 1_000_000


class FunnelStep(NamedTuple):
    """A step: how many reached it, and how that compares. Times are in seconds.

    `dropped` reached the step before and not this one; nobody does so at the first step. The bounds
    are those of `conversion_from_start`.
    """

    step: str
    reached: int
    dropped: int
    conversion_from_start: float | None
    conversion_from_previous: float | None
    conversion_low: float | None
    conversion_high: float | None
    median_seconds_from_previous: float | None
    p90_seconds_from_previous: float | None
    reached_sessions: DrillDown
    dropped_sessions: DrillDown | None


class FunnelValue(NamedTuple):
    """The funnel of one value of the dimension."""

    value: str
    steps: list[FunnelStep]


class Funnel(NamedTuple):
    """A funnel; `other` is that of all values beyond `rows`, and empty without any.

    `is_complete` says of visitors whether the window of each has passed; None of sessions.
    """

    scope: Scope
    steps: list[FunnelStep]
    rows: list[FunnelValue]
    other: list[FunnelStep]
    is_complete: bool | None


class CountFunnel:
    """Counts the funnel of a selection."""

    def __init__(self, reader: AnalysisReader) -> None:
        self._reader = reader

    async def __call__(self, query: SelectionQuery, funnel: FunnelQuery) -> Funnel:
        """The funnel of a selection.

        Raises:
            InvalidArgument: a parameter is wrong; names the field.
            NotFound, QueueFull, Unavailable: see `AnalysisReader.open`.
        """
        days, rules = self._reader.days(query), funnel_rules(funnel)
        async with self._reader.open(query, days) as reading:
            result, is_complete = await _read(reading, rules)
        steps = _Steps(rules, query, reading.cells("funnel", asdict(funnel)))
        return Funnel(
            scope=reading.scope,
            steps=steps.of(result.steps),
            rows=[
                FunnelValue(row.value, steps.of(row.steps, value=row.value)) for row in result.rows
            ],
            other=steps.of(result.other, other=True) if result.other else [],
            is_complete=is_complete,
        )


async def _read(reading: SelectionReading, rules: FunnelRules) -> tuple[FunnelResult, bool | None]:
    """The funnel, and of visitors whether no window can still elapse."""
    if rules.by_visitor:
        visitors = await read_visitor_funnel(reading.snapshot, reading.selection, rules)
        # A session of the last day may take its first step after midnight.
        last_start = max(reading.selection.range.until, moment(visitors.last_start()))
        ends_at = last_start + timedelta(microseconds=rules.window or 0)
        return await in_thread(visitors.result), ends_at <= reading.scope.as_of
    sessions = SessionFunnel(rules)
    await reading.accumulate(sessions)
    return await in_thread(sessions.result), None


class _Steps:
    """Makes steps of what was counted."""

    def __init__(self, rules: FunnelRules, query: SelectionQuery, cell: Callable[..., str]) -> None:
        self._texts = tuple(step.text for step in rules.steps)
        # A journey can say as much, and a list has one.
        is_plain = not (rules.by_visitor or rules.is_strict or rules.window or rules.dimension)
        # Nor does a cell go with other conditions than those that it was made with.
        self._is_journey = is_plain and not (query.journey or query.not_journey or query.cell)
        self._cell = cell

    def of(self, results: Sequence[StepResult], **row: object) -> list[FunnelStep]:
        """The steps of everybody, or of those that `row` names."""
        counts = [result.reached for result in results]
        return [
            self._step(number, own, counts[0], counts[max(number - 1, 0)], row)
            for number, own in enumerate(results)
        ]

    def _step(
        self, number: int, own: StepResult, start: int, before: int, row: Mapping[str, object]
    ) -> FunnelStep:
        interval = wilson_interval(own.reached, start)
        reached, dropped = self._sessions(number, row)
        return FunnelStep(
            step=self._texts[number],
            reached=own.reached,
            dropped=before - own.reached,
            conversion_from_start=rate(own.reached, start),
            conversion_from_previous=rate(own.reached, before) if number else None,
            conversion_low=interval and interval.low,
            conversion_high=interval and interval.high,
            median_seconds_from_previous=_seconds(own.median),
            p90_seconds_from_previous=_seconds(own.p90),
            reached_sessions=reached,
            dropped_sessions=dropped if number else None,
        )

    def _sessions(self, number: int, row: Mapping[str, object]) -> tuple[DrillDown, DrillDown]:
        if self._is_journey:
            before, whole = self._texts[:number], self._texts[: number + 1]
            return DrillDown(journey=whole), DrillDown(journey=before, not_journey=whole)
        cell = self._cell(step=number + 1, **row)
        return DrillDown(cell=cell), DrillDown(cell=f"{cell}.dropped")


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / _SECOND

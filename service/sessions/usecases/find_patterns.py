"""Patterns: runs of pages and events that many sessions of a selection have."""

from collections.abc import Callable
from dataclasses import asdict
from typing import NamedTuple

from sessions.analysis import runs
from sessions.analysis.runs import PatternAccumulator, PatternResult, Support
from sessions.analysis.sequences import Item, item_of
from sessions.domain.behaviour_queries import PatternQuery, pattern_rules
from sessions.domain.conversions import rate
from sessions.domain.selection import SelectionQuery
from sessions.usecases.analysis_reader import AnalysisReader, Scope
from sessions.usecases.threads import in_thread


class PatternFigures(NamedTuple):
    """How many of some sessions hold a pattern, and how that compares with its items by chance."""

    sessions: int
    share: float | None
    lift: float | None


class Pattern(NamedTuple):
    """A run of items; with a goal also among sessions that reached it, and among the others."""

    items: list[Item]
    figures: PatternFigures
    with_goal: PatternFigures | None
    without_goal: PatternFigures | None
    cell: str


class Patterns(NamedTuple):
    """The patterns of `sessions` sessions, of which `goal_sessions` reached the goal.

    See `sessions.analysis.runs.PatternResult` for `is_exact`.
    """

    scope: Scope
    sessions: int
    goal_sessions: int | None
    is_exact: bool
    patterns: list[Pattern]


class FindPatterns:
    """Finds the patterns of a selection."""

    def __init__(self, reader: AnalysisReader) -> None:
        self._reader = reader

    async def __call__(self, query: SelectionQuery, patterns: PatternQuery) -> Patterns:
        """The patterns of a selection.

        Raises:
            InvalidArgument: a parameter is wrong; names the field.
            NotFound, QueueFull, Unavailable: see `AnalysisReader.open`.
        """
        days, rules = self._reader.days(query), pattern_rules(patterns)
        accumulator = PatternAccumulator(rules)
        async with self._reader.open(query, days) as reading:
            await reading.accumulate(accumulator)
            result = await in_thread(accumulator.result)
        cell, has_goal = reading.cells("patterns", asdict(patterns)), rules.goal is not None
        return Patterns(
            scope=reading.scope,
            sessions=result.total.sessions,
            goal_sessions=result.total.goal_sessions if has_goal else None,
            is_exact=result.is_exact,
            patterns=[_pattern(each, result, cell, has_goal) for each in result.patterns],
        )


def _pattern(
    pattern: runs.Pattern, result: PatternResult, cell: Callable[..., str], has_goal: bool
) -> Pattern:
    def figures(of: Callable[[Support], int]) -> PatternFigures:
        sessions, total = of(pattern.support), of(result.total)
        lift = runs.lift(sessions, total, [of(support) for support in pattern.of_items])
        return PatternFigures(sessions, rate(sessions, total), lift)

    return Pattern(
        items=[item_of(word) for word in pattern.items],
        figures=figures(lambda support: support.sessions),
        with_goal=figures(lambda support: support.goal_sessions) if has_goal else None,
        without_goal=figures(lambda support: support.others) if has_goal else None,
        cell=cell(items=pattern.items),
    )

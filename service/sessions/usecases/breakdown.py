"""Breakdown: the metrics of the sessions of a selection by the values that they have."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import NamedTuple

from sessions.analysis.breakdown import BreakdownAccumulator, Row, Rows
from sessions.analysis.page_views import PageTotals
from sessions.domain.breakdown_query import BreakdownQuery, breakdown_rules
from sessions.domain.dimensions import COLLECTIONS
from sessions.domain.drill_down import all_of, equals, narrowed, none_of
from sessions.domain.metrics import Summary, summary
from sessions.domain.selection import SelectionQuery
from sessions.usecases.analysis_reader import AnalysisReader, Scope
from sessions.usecases.threads import in_thread


class SummarizedRow(NamedTuple):
    """The sessions with some values; `filter` lists them where one can say it, or else `cell`."""

    values: Sequence[str]
    share: float
    summary: Summary
    pages: PageTotals | None
    filter: str | None
    cell: str | None


class BrokenDown(NamedTuple):
    """A breakdown of a selection; see BreakdownResponse."""

    scope: Scope
    rows: list[SummarizedRow]
    other: SummarizedRow | None
    total: Summary
    distinct_values: int
    is_additive: bool


class Breakdown:
    """Breaks the sessions of a website down by dimensions."""

    def __init__(self, reader: AnalysisReader) -> None:
        self._reader = reader

    async def __call__(self, query: SelectionQuery, by: BreakdownQuery) -> BrokenDown:
        """The first rows, and what all others come to.

        Raises:
            InvalidArgument: a parameter is wrong; names the field.
            NotFound, QueueFull, Unavailable: see `AnalysisReader.open`.
        """
        days, accumulator = self._reader.days(query), BreakdownAccumulator(breakdown_rules(by))
        async with self._reader.open(query, days) as reading:
            await reading.accumulate(accumulator)
            found = await in_thread(accumulator.result)
        cell = reading.cells("breakdown", asdict(by) | {"dimensions": list(by.dimensions)})
        return _broken_down(reading.scope, found, query, by.dimensions, cell)


def _broken_down(
    scope: Scope,
    found: Rows,
    query: SelectionQuery,
    dimensions: Sequence[str],
    cell: Callable[..., str],
) -> BrokenDown:
    is_additive = set(COLLECTIONS).isdisjoint(dimensions)
    conditions = [
        [equals(name, value) for name, value in zip(dimensions, row.values, strict=True)]
        for row in found.rows
    ]
    sessions = found.total["sessions"]
    rows = [
        _row(row, sessions, narrowed(query, all_of(own)), partial(cell, values=row.values))
        for row, own in zip(found.rows, conditions, strict=True)
    ]
    # Not having any of the listed pages is something else than having one that is not listed.
    rest = narrowed(query, none_of(conditions)) if is_additive and rows else None
    other = found.other and _row(found.other, sessions, rest, partial(cell, other=True))
    return BrokenDown(scope, rows, other, summary(found.total), found.distinct_values, is_additive)


def _row(row: Row, sessions: int, filter_: str | None, cell: Callable[[], str]) -> SummarizedRow:
    share = row.totals["sessions"] / sessions
    own_cell = cell() if filter_ is None else None
    return SummarizedRow(row.values, share, summary(row.totals), row.pages, filter_, own_cell)

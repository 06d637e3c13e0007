"""Breakdown: the metrics of the sessions of a selection by the values that they have."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sessions.analysis.breakdown import BreakdownAccumulator, Row, Rows
from sessions.analysis.page_views import PageTotals
from sessions.domain.dimensions import COLLECTIONS, TEXTS
from sessions.domain.drill_down import all_of, equals, narrowed, none_of
from sessions.domain.errors import InvalidArgument, Violation, shortened
from sessions.domain.metrics import METRICS, Summary, summary
from sessions.domain.paging import page_size
from sessions.domain.selection import SelectionQuery
from sessions.usecases.analysis_reader import AnalysisReader, Scope, parse_goal

DEFAULT_LIMIT, MAX_LIMIT, MAX_DIMENSIONS = 10, 1_000, 2
DEFAULT_ORDER = "sessions"

_DIMENSIONS = (*TEXTS, *COLLECTIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakdownQuery:
    """By what sessions are broken down, as it was asked for; `''` and 0 stand for the defaults."""

    dimensions: Sequence[str]
    order_by: str = ""
    limit: int = 0
    goal: str = ""
    page_times: bool = False


class SummarizedRow(NamedTuple):
    """The sessions with some values; `filter` lists them where one can say it."""

    values: Sequence[str]
    share: float
    summary: Summary
    pages: PageTotals | None
    filter: str | None


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
        days, accumulator = self._reader.days(query), _accumulator(by)
        async with self._reader.open(query, days) as reading:
            await reading.accumulate(accumulator)
            found = await asyncio.to_thread(accumulator.result)
        return _broken_down(reading.scope, found, query.filter, by.dimensions)


def _accumulator(by: BreakdownQuery) -> BreakdownAccumulator:
    _check_dimensions(by.dimensions)
    if by.page_times and "page" not in by.dimensions:
        text = "goes with the dimension page; add it, or leave this out"
        raise InvalidArgument(Violation("page_times", text))
    return BreakdownAccumulator(
        by.dimensions,
        order_by=_order(by),
        limit=page_size(by.limit, DEFAULT_LIMIT, MAX_LIMIT, "limit"),
        goal=parse_goal(by.goal),
        page_times=by.page_times,
    )


def _check_dimensions(dimensions: Sequence[str]) -> None:
    if not dimensions:
        text = f"is missing; send one or two of {', '.join(_DIMENSIONS)}"
        raise InvalidArgument(Violation("dimension", text))
    if len(dimensions) > MAX_DIMENSIONS:
        text = f"{len(dimensions)} values; send {MAX_DIMENSIONS} at the most"
        raise InvalidArgument(Violation("dimension", text, MAX_DIMENSIONS, len(dimensions)))
    for index, name in enumerate(dimensions):
        if name not in _DIMENSIONS:
            text = f"{shortened(name)!r} is none; send one of {', '.join(_DIMENSIONS)}"
            raise InvalidArgument(Violation(f"dimension[{index}]", text))
    if len(set(dimensions)) < len(dimensions):
        raise InvalidArgument(Violation("dimension", f"{dimensions[0]} is given twice"))
    if set(COLLECTIONS) <= set(dimensions):
        text = f"{' and '.join(COLLECTIONS)} do not go together; send one of them"
        raise InvalidArgument(Violation("dimension", text))


def _order(by: BreakdownQuery) -> str:
    order_by = by.order_by or DEFAULT_ORDER
    names = [metric.name for metric in METRICS]
    if order_by not in names:
        text = f"{shortened(order_by)!r} is no metric; send one of {', '.join(names)}"
        raise InvalidArgument(Violation("order_by", text))
    if order_by.startswith("goal_") and not by.goal:
        raise InvalidArgument(Violation("order_by", f"{order_by} needs a goal; send one"))
    return order_by


def _broken_down(scope: Scope, found: Rows, filter_: str, dimensions: Sequence[str]) -> BrokenDown:
    is_additive = set(COLLECTIONS).isdisjoint(dimensions)
    conditions = [
        [equals(name, value) for name, value in zip(dimensions, row.values, strict=True)]
        for row in found.rows
    ]
    sessions = found.total["sessions"]
    rows = [
        _row(row, sessions, narrowed(filter_, all_of(own)))
        for row, own in zip(found.rows, conditions, strict=True)
    ]
    # Not having any of the listed pages is something else than having one that is not listed.
    rest = narrowed(filter_, none_of(conditions)) if is_additive and rows else None
    other = found.other and _row(found.other, sessions, rest)
    return BrokenDown(scope, rows, other, summary(found.total), found.distinct_values, is_additive)


def _row(row: Row, sessions: int, filter_: str | None) -> SummarizedRow:
    share = row.totals["sessions"] / sessions
    return SummarizedRow(row.values, share, summary(row.totals), row.pages, filter_)

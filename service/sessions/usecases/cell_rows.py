"""The sessions of a row of an analysis, as a condition that other calls can add to theirs.

Where the row depends on totals, or is about visitors, the analysis runs once more for it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TypeAlias, TypeVar

from sessions.analysis.breakdown import BreakdownAccumulator, Values, value_columns, value_mask
from sessions.analysis.cohorts import CohortAccumulator
from sessions.analysis.flows import FlowAccumulator, children, way_mask
from sessions.analysis.funnel import FunnelResult, SessionFunnel, VisitorFunnel, session_mask
from sessions.analysis.runs import PatternAccumulator, holds_run
from sessions.analysis.transitions import TransitionAccumulator, view_mask
from sessions.domain.behaviour_queries import (
    FlowQuery,
    FunnelQuery,
    FunnelRules,
    PatternQuery,
    TransitionQuery,
    flow_rules,
    funnel_rules,
    pattern_rules,
    transition_rules,
)
from sessions.domain.breakdown_query import BreakdownQuery, breakdown_rules
from sessions.domain.cells import Cell, unknown_cell
from sessions.domain.comparisons import parse_filter
from sessions.domain.hours import moment
from sessions.domain.limits import EARLIEST
from sessions.domain.predicates import All, Computed, Has, Journey, Not, Predicate, VisitorKeys
from sessions.domain.selection import Days, Range, Selection, SelectionQuery, zone_of
from sessions.domain.time_buckets import Bucket, time_buckets
from sessions.usecases.read_columns import Reading
from sessions.usecases.threads import in_thread

T = TypeVar("T")
OpenReading: TypeAlias = Callable[[], AbstractAsyncContextManager[Reading]]
"""Opens a snapshot; it is not called where an analysis need not run once more."""

# How long after the last day a chain of events may begin, in a session of that day, without the
# sessions having to be read again.
_SLACK = timedelta(days=1)


async def add_cells(
    selection: Selection, query: SelectionQuery, cells: list[Cell], open_reading: OpenReading
) -> Selection:
    """The selection with the conditions of its cells, and with their days.

    Raises:
        InvalidArgument: a cell names a figure that its analysis does not have.
        QueueFull, Unavailable: see `ReadColumns.open` and `Reading.accumulate`.
    """
    for cell in cells:
        days = Days(cell.start, cell.end, zone_of(query.timezone))
        selection = replace(selection, range=days.range)
        predicate = await _ROWS[cell.analysis](cell, selection, days, open_reading)
        selection = replace(selection, predicate=All((selection.predicate, predicate)))
    return selection


async def read_visitor_funnel(
    reading: Reading, selection: Selection, rules: FunnelRules
) -> VisitorFunnel:
    """A funnel of visitors, with all of their sessions in which later steps can lie."""
    selection, slack = await reading.resolve(selection), _SLACK
    window = timedelta(microseconds=rules.window or 0)
    while True:
        funnel = VisitorFunnel(rules, selection)
        until = selection.range.until + window + slack
        everything = replace(selection, range=Range(selection.range.since, until), predicate=All())
        await reading.accumulate(everything, funnel)
        late = moment(funnel.last_start()) - selection.range.until
        if late <= slack:
            return funnel
        # A session went on for longer.
        slack = late


async def read_cohorts(
    reading: Reading, selection: Selection, buckets: list[Bucket]
) -> CohortAccumulator:
    """The cohorts of a selection, from all sessions that there are up to its end."""
    selection = await reading.resolve(selection)
    cohorts = CohortAccumulator(selection, [each.start for each in buckets])
    before = Range(EARLIEST, selection.range.until)
    await reading.accumulate(replace(selection, range=before, predicate=All()), cohorts)
    return cohorts


async def _funnel(
    cell: Cell, selection: Selection, _: Days, open_reading: OpenReading
) -> Predicate:
    rules = funnel_rules(FunnelQuery(**cell.query))
    step: int = cell.row["step"]
    figures: dict[str, Sequence[int]] = {"": range(step, len(rules.steps) + 1)}
    if step > 1:
        figures["dropped"] = [step - 1]
    levels = _one(cell, figures)
    if rules.by_visitor:
        async with open_reading() as reading:
            visitors = await read_visitor_funnel(reading, selection, rules)
            is_wanted = await in_thread(partial(_values, cell, visitors.result))
            return VisitorKeys(await in_thread(partial(visitors.visitors, levels, is_wanted)))
    sessions = SessionFunnel(rules)
    if "other" in cell.row:
        async with open_reading() as reading:
            await reading.accumulate(selection, sessions)
    is_wanted = _values(cell, sessions.result)
    return Computed(
        frozenset(sessions.columns), lambda part: session_mask(part, rules, levels, is_wanted)
    )


def _values(cell: Cell, result: Callable[[], FunnelResult]) -> Callable[[str], bool]:
    """Which values of the dimension the row is about; `result` is called where it takes that."""
    if "value" in cell.row:
        value: str = cell.row["value"]
        return lambda other: other == value
    listed = {row.value for row in result().rows} if "other" in cell.row else set()
    return lambda value: value not in listed


async def _flow(cell: Cell, selection: Selection, _: Days, open_reading: OpenReading) -> Predicate:
    rules = flow_rules(FlowQuery(**cell.query))
    path, listed = cell.row["path"], list[str]()
    figure = _one(cell, {name: name for name in ("", "ended", "truncated", "other")})
    if figure == "other":
        flows = FlowAccumulator(rules)
        async with open_reading() as reading:
            await reading.accumulate(selection, flows)
            listed = children(await in_thread(flows.result), path)
    columns = frozenset(FlowAccumulator.columns)
    return Computed(columns, lambda part: way_mask(part, rules, path, figure, listed))


async def _transition(
    cell: Cell, selection: Selection, _: Days, open_reading: OpenReading
) -> Predicate:
    rules = transition_rules(TransitionQuery(**cell.query))
    side, page = cell.row["side"], cell.row.get("page")
    _one(cell, {"": None})
    if side == "any":
        return Has("page", (rules.page,))
    pages = {page}
    if cell.row.get("other"):
        transitions = TransitionAccumulator(rules.page)
        async with open_reading() as reading:
            await reading.accumulate(selection, transitions)
        result = transitions.result()
        rows = result.previous if side == "previous" else result.following
        pages = {row.page for row in rows[rules.limit :]}
    columns = frozenset(TransitionAccumulator.columns)
    return Computed(columns, lambda part: view_mask(part, rules.page, side, pages.__contains__))


async def _cohort(
    cell: Cell, selection: Selection, days: Days, open_reading: OpenReading
) -> Predicate:
    _one(cell, {"": None})
    buckets = time_buckets(days, cell.query["granularity"])
    async with open_reading() as reading:
        cohorts = await read_cohorts(reading, selection, buckets)
        find = partial(cohorts.visitors, cell.row["cohort"], cell.row["period"])
        return VisitorKeys(await in_thread(find))


async def _pattern(cell: Cell, _: Selection, __: Days, ___: OpenReading) -> Predicate:
    rules, items = pattern_rules(PatternQuery(**cell.query)), cell.row["items"]
    columns = frozenset(PatternAccumulator.columns)
    holds = Computed(columns, lambda part: holds_run(part, rules, items))
    figures: dict[str, Predicate] = {"": holds}
    if rules.goal:
        reached = Journey((rules.goal.condition,))
        figures["with_goal"] = All((holds, reached))
        figures["without_goal"] = All((holds, Not(reached)))
    return _one(cell, figures)


async def _breakdown(
    cell: Cell, selection: Selection, _: Days, open_reading: OpenReading
) -> Predicate:
    _one(cell, {"": None})
    rules = breakdown_rules(BreakdownQuery(**cell.query))
    if "values" in cell.row:
        wanted = tuple(cell.row["values"])
        is_wanted: Callable[[Values], bool] = wanted.__eq__
    else:
        rows = BreakdownAccumulator(rules)
        async with open_reading() as reading:
            await reading.accumulate(selection, rows)
            found = await in_thread(rows.result)
        listed = {row.values for row in found.rows}
        is_wanted = lambda values: values not in listed  # noqa: E731
    return Computed(
        value_columns(rules.dimensions),
        lambda part: value_mask(part, rules.dimensions, is_wanted),
    )


async def _bucket(cell: Cell, _: Selection, __: Days, ___: OpenReading) -> Predicate:
    _one(cell, {"": None})
    return parse_filter(cell.row["filter"], include_bots=True)


def _one(cell: Cell, figures: Mapping[str, T]) -> T:
    """What stands for the figure of a cell."""
    if cell.figure not in figures:
        raise unknown_cell()
    return figures[cell.figure]


_Row: TypeAlias = Callable[[Cell, Selection, Days, OpenReading], Awaitable[Predicate]]
_ROWS: Mapping[str, _Row] = {
    "breakdown": _breakdown,
    "funnel": _funnel,
    "flows": _flow,
    "transitions": _transition,
    "cohorts": _cohort,
    "patterns": _pattern,
    "timeseries": _bucket,
}
"""How the rows of each analysis are found again."""

"""Breakdowns over random sessions, in parts, against sessions counted one by one."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sessions.analysis.breakdown import BreakdownAccumulator, Row, value_mask
from sessions.domain.breakdown_query import BreakdownRules
from sessions.domain.dimensions import COLLECTIONS, TEXTS
from sessions.domain.events import Event
from sessions.domain.metrics import METRICS, summary

from tests.support.strategies import events
from tests.support.visits import (
    Visit,
    columns_of,
    plain_breakdown,
    plain_summary,
    plain_views,
    visits_of,
)

dimensions = st.one_of(
    st.lists(st.sampled_from((*TEXTS, *COLLECTIONS)), min_size=1, max_size=1),
    st.permutations(["country", "entry_page"]),
    st.permutations(["page", "browser"]),
    st.permutations(["exit_page", "event"]),
)
orders = st.sampled_from([metric.name for metric in METRICS if "goal" not in metric.name])


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.lists(events(), min_size=1, max_size=20), min_size=1, max_size=4),
    dimensions,
    orders,
    st.integers(1, 5),
)
def test_a_breakdown_is_what_counting_one_by_one_gives(
    parts: list[list[Event]], dimensions: list[str], order_by: str, limit: int
) -> None:
    accumulator = BreakdownAccumulator(
        BreakdownRules(dimensions, order_by, limit, page_times="page" in dimensions)
    )
    visits = []
    for part in map(visits_of, parts):
        accumulator.add(columns_of(part))
        visits += part
    found = accumulator.result()
    groups = plain_breakdown(visits, dimensions)
    first = sorted(groups, key=lambda values: _key(values, groups[values], order_by))[:limit]
    assert [row.values for row in found.rows] == first
    assert (found.distinct_values, summary(found.total)) == (len(groups), plain_summary(visits))
    for row in found.rows:
        assert summary(row.totals) == plain_summary(groups[row.values])
        _check_views(row, visits, dimensions, [row.values])
    for wanted in (
        [first[0]] if first else [],
        [values for values in groups if values not in first],
    ):
        _check_mask(parts, dimensions, wanted)
    rest = [values for values in groups if values not in first]
    assert (found.other is None) == (not rest)
    if found.other:
        others = [visit for visit in visits if any(visit in groups[values] for values in rest)]
        assert summary(found.other.totals) == plain_summary(others)
        _check_views(found.other, visits, dimensions, rest)


def _check_mask(
    parts: list[list[Event]], dimensions: list[str], wanted: list[tuple[str, ...]]
) -> None:
    """The mask is of the sessions that have one of the values."""
    for part in map(visits_of, parts):
        groups = plain_breakdown(part, dimensions)
        expected = [any(visit in groups.get(values, ()) for values in wanted) for visit in part]
        mask = value_mask(columns_of(part), dimensions, wanted.__contains__)
        assert mask.tolist() == expected


def _key(values: tuple[str, ...], visits: list[Visit], order_by: str) -> Any:
    value = plain_summary(visits)[order_by]
    assert value is not None
    return -value, [each.encode() for each in values]


def _check_views(
    row: Row, visits: list[Visit], dimensions: list[str], rows: list[tuple[str, ...]]
) -> None:
    if "page" not in dimensions:
        assert row.pages is None
        return

    def is_counted(path: str, visit: Visit) -> bool:
        own = {"page": path}
        return tuple(own.get(name) or visit.text(name) for name in dimensions) in rows

    assert row.pages
    assert row.pages._asdict() == plain_views(visits, is_counted)


def test_no_sessions_have_no_rows() -> None:
    found = BreakdownAccumulator(BreakdownRules(["country"], "sessions", 10)).result()
    assert (found.rows, found.other, found.distinct_values) == ((), None, 0)
    assert summary(found.total) == plain_summary([])

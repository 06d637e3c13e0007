"""Summaries over random sessions, in parts, against sessions counted one by one."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions.analysis.grouping import distinct, in_order, one_group, renumber, stable_order
from sessions.analysis.summary import TotalAccumulator
from sessions.domain.events import Event
from sessions.domain.metrics import METRICS, summary
from sessions.domain.steps import parse_goal

from tests.support.strategies import events
from tests.support.visits import columns_of, plain_summary, visits_of

Goal = tuple[str, Callable[[Event], bool] | None]
GOALS: list[Goal] = [
    ("", None),
    ('page = "/a"', lambda event: event.is_pageview and event.path == "/a"),
    ('event = "click"', lambda event: event.event_name == "click"),
    ('NOT page = "/"', lambda event: not (event.is_pageview and event.path == "/")),
]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(events(), min_size=1, max_size=20), max_size=4),
    st.sampled_from(GOALS),
    st.data(),
)
def test_a_summary_is_what_counting_one_by_one_gives(
    parts: list[list[Event]], goal: Goal, data: st.DataObject
) -> None:
    text, is_reached = goal
    accumulator, counted = TotalAccumulator(parse_goal(text)), []
    for part in parts:
        visits = visits_of(part)
        flags = data.draw(st.lists(st.booleans(), min_size=len(visits), max_size=len(visits)))
        accumulator.add(replace(columns_of(visits), selected=np.array(flags)))
        counted += [visit for visit, is_selected in zip(visits, flags, strict=True) if is_selected]
    assert summary(accumulator.result()) == plain_summary(counted, is_reached)


def test_the_plain_summary_has_every_metric() -> None:
    assert list(plain_summary([])) == [metric.name for metric in METRICS]


_VALUES = st.sampled_from([-3, 0, 1, 2, 7, 2**40, 2**62])


@given(st.lists(st.tuples(st.integers(0, 3), _VALUES)), st.integers(4, 6))
def test_values_by_group(pairs: list[tuple[int, int]], count: int) -> None:
    groups = np.array([group for group, _ in pairs], np.uint8)
    values = np.array([value for _, value in pairs], np.int64)
    found = in_order(groups, values, count)
    expected = [sorted(value for of, value in pairs if of == group) for group in range(count)]
    assert found.values.tolist() == [value for own in expected for value in own]
    assert found.counts.tolist() == list(map(len, expected))
    assert found.count_distinct().tolist() == [len(set(own)) for own in expected]
    for percent in (50, 90):
        ranks = [own[-(-percent * len(own) // 100) - 1] for own in expected if own]
        assert found.nearest_ranks(percent).tolist() == ranks


@given(st.lists(st.integers(0, 2**40)))
def test_one_group_is_like_any_other(values: list[int]) -> None:
    own = np.array(values, np.int64)
    one, first = one_group(own), in_order(np.zeros(len(own), np.uint8), own, 2)
    assert one.values.tolist() == first.values.tolist()
    assert [*one.ends.tolist(), len(own)] == first.ends.tolist()
    assert one.sums().tolist() == [sum(values)]
    assert distinct(own).tolist() == sorted(set(values))


@given(st.lists(_VALUES))
def test_a_stable_order_keeps_equal_values_as_they_were(values: list[int]) -> None:
    expected = sorted(range(len(values)), key=values.__getitem__)
    assert stable_order(np.array(values, np.int64)).tolist() == expected


def test_renumbered_keys_lead_back() -> None:
    for keys, size in (([3, 1, 3], 4), ([3, 2**40, 1], 2**40 + 1)):
        different, positions = renumber(np.array(keys), size)
        assert different.tolist() == sorted(set(keys))
        assert different[positions].tolist() == keys


@pytest.mark.parametrize(
    ("values", "median", "p90"),
    [([4], 4, 4), ([4, 1], 1, 4), (range(10, 0, -1), 5, 9), (range(11), 5, 9)],
)
def test_nearest_rank_takes_a_value_that_is_there(
    values: Sequence[int], median: int, p90: int
) -> None:
    found = one_group(np.array(values))
    assert [found.nearest_ranks(percent).tolist() for percent in (50, 90)] == [[median], [p90]]

"""Summaries over random sessions, in parts, against sessions counted one by one."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions.analysis.grouping import count_distinct, dense, nearest_ranks, renumber
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


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 2, 7, 2**40, 2**62]))))
def test_distinct_keys_of_groups(pairs: list[tuple[int, int]]) -> None:
    pairs.sort()
    groups = np.array([group for group, _ in pairs], np.uint8)
    keys = np.array([key for _, key in pairs], np.int64)
    ends = np.cumsum(np.bincount(groups, minlength=4))
    expected = [len({key for of, key in pairs if of == group}) for group in range(4)]
    assert count_distinct(keys, ends) == expected


def test_dense_keys_stay_apart_whatever_their_range() -> None:
    for keys in ([5, 7, 5, 6], [5, 2**40, 5, 6], [-3, 3]):
        found = dense(np.array(keys))
        assert len(set(zip(keys, found.tolist(), strict=True))) == len(set(keys))
        assert 0 <= found.min() <= found.max() < 10


def test_renumbered_keys_lead_back() -> None:
    for keys, size in (([3, 1, 3], 4), ([3, 2**40, 1], 2**40 + 1)):
        different, positions = renumber(np.array(keys), size)
        assert different.tolist() == sorted(set(keys))
        assert different[positions].tolist() == keys


def test_nearest_rank_takes_a_value_that_is_there() -> None:
    assert nearest_ranks(np.array([4]), (50, 90)) == [4, 4]
    assert nearest_ranks(np.array([4, 1]), (50, 90)) == [1, 4]
    assert nearest_ranks(np.arange(10, 0, -1), (50, 90)) == [5, 9]
    assert nearest_ranks(np.arange(11), (50, 90)) == [5, 9]

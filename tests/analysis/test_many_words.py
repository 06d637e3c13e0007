"""Analyses of what sessions do, with more pages than 16 bits hold, and very long sessions."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sessions.analysis import sequences
from sessions.analysis.columns import Columns
from sessions.analysis.flows import FlowAccumulator
from sessions.analysis.funnel import SessionFunnel
from sessions.analysis.runs import PatternAccumulator
from sessions.analysis.transitions import Neighbour, TransitionAccumulator
from sessions.domain.behaviour_queries import (
    FlowQuery,
    FunnelQuery,
    PatternQuery,
    flow_rules,
    funnel_rules,
    pattern_rules,
)
from sessions.domain.errors import InvalidArgument

from tests.support.rows import event
from tests.support.strategies import START
from tests.support.visits import columns_of, visits_of

COUNT = 70_000
"""Pages, of which each is viewed once, by a session that then looks at /last."""


@pytest.fixture(scope="module")
def columns() -> Columns:
    words = [f"p/{number:06}" for number in range(COUNT)] + ["p/last"]
    items = np.full(2 * COUNT, COUNT, np.uint32)
    items[::2] = np.arange(COUNT)
    arrays: dict[str, Any] = {
        "started_at": np.arange(COUNT) * 10,
        "visitor_key": np.arange(COUNT),
        "pageviews": np.full(COUNT, 2, np.uint8),
        "events": np.zeros(COUNT, np.uint8),
        "step_item": items,
        "step_gap": np.tile(np.array([0, 5], np.uint8), COUNT),
    }
    return Columns(arrays, {"step_item": words}, np.ones(COUNT, np.bool_))


def test_funnel(columns: Columns) -> None:
    steps = ['page = "/0*" OR page = "/065536"', 'page = "/last"']
    funnel = SessionFunnel(funnel_rules(FunnelQuery(steps=steps)))
    funnel.add(columns)
    assert [step.reached for step in funnel.result().steps] == [COUNT, COUNT]


def test_flows(columns: Columns) -> None:
    flows = FlowAccumulator(flow_rules(FlowQuery(depth=2, width=2)))
    flows.add(columns)
    root, first, _, last, _ = flows.result()
    assert (root.sessions, root.other) == (COUNT, COUNT - 2)
    assert (first.item, last.item, last.ended) == ("p/000000", "p/last", 1)


def test_transitions(columns: Columns) -> None:
    transitions = TransitionAccumulator("/last")
    transitions.add(columns)
    found = transitions.result()
    assert (found.views, found.exits, len(found.previous)) == (COUNT, COUNT, COUNT)
    assert found.previous[-1] == Neighbour(f"/{COUNT - 1:06}", 1, 1)


def test_patterns(columns: Columns) -> None:
    patterns = PatternAccumulator(pattern_rules(PatternQuery(min_sessions=1, limit=1_000)))
    patterns.add(columns)
    found = patterns.result()
    assert (len(found.patterns), found.is_exact) == (1_000, True)
    assert found.patterns[-1].items == ("p/000999", "p/last")


def test_too_many_items_are_refused(columns: Columns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "MAX_ITEMS", COUNT)
    with pytest.raises(InvalidArgument, match="end_date: has more than 70,000 different pages"):
        FlowAccumulator(flow_rules(FlowQuery())).add(columns)


def test_a_session_of_ten_thousand_events() -> None:
    moments = [START + timedelta(seconds=n) for n in range(10_000)]
    sent = [event("ann", at, path=f"/{n % 100}") for n, at in enumerate(moments)]
    part = columns_of(visits_of(sent))
    steps = [f'page = "/{n}"' for n in (99, 0, 99, 1)]
    for window, reached in ((0, [1] * 4), (101, [1, 1, 1, 0]), (102, [1] * 4)):
        rules = funnel_rules(FunnelQuery(steps=steps, window=window))
        funnel = SessionFunnel(rules)
        funnel.add(part)
        assert [step.reached for step in funnel.result().steps] == reached
    transitions = TransitionAccumulator("/0")
    transitions.add(part)
    found = transitions.result()
    assert (found.views, found.entries, found.previous) == (100, 1, [Neighbour("/99", 99, 1)])

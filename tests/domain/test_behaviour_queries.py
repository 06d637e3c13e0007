"""What a query of what sessions do may ask for, and which field an error names."""

from typing import Any

import pytest
from sessions.domain.behaviour_queries import (
    FlowQuery,
    FunnelQuery,
    PatternQuery,
    TransitionQuery,
    flow_rules,
    funnel_rules,
    pattern_rules,
    transition_rules,
)
from sessions.domain.errors import InvalidArgument

STEP = 'page = "/"'


def funnel(**query: Any) -> Any:
    return funnel_rules(FunnelQuery(**{"steps": [STEP, STEP]} | query))


def flows(**query: Any) -> Any:
    return flow_rules(FlowQuery(**query))


def patterns(**query: Any) -> Any:
    return pattern_rules(PatternQuery(**query))


def transitions(**query: Any) -> Any:
    return transition_rules(TransitionQuery(**query))


@pytest.mark.parametrize(
    ("rules", "query", "message"),
    [
        (funnel, {"steps": [STEP]}, "steps: 1 steps; send 2 to 10"),
        (funnel, {"steps": [STEP] * 11}, "steps: 11 steps; send 2 to 10"),
        (funnel, {"steps": [STEP, "page ="]}, r"steps\[1\]: "),
        (funnel, {"unit": "person"}, "unit: 'person' is none of its values; send session, visitor"),
        (funnel, {"unit": "visitor"}, "window: is required with unit=visitor"),
        (funnel, {"window": -1}, "window: -1 is out of range; send 1 to 7776000"),
        (funnel, {"window": 7_776_001}, "window: 7776001 is out of range"),
        (funnel, {"order": "any"}, "order: 'any' is none of its values"),
        (funnel, {"dimension": "page"}, "dimension: 'page' is none of its values"),
        (funnel, {"dimension": "os", "limit": 101}, "limit: 101 is out of range; send 1 to 100"),
        (funnel, {"limit": 5}, "limit: goes with a dimension"),
        (flows, {"depth": 11}, "depth: 11 is out of range; send 1 to 10"),
        (flows, {"width": 51}, "width: 51 is out of range; send 1 to 50"),
        (flows, {"direction": "previous"}, "direction: needs an anchor"),
        (flows, {"anchor": STEP, "direction": "back"}, "direction: 'back' is none of its values"),
        (flows, {"items": "page"}, "items: 'page' is none of its values"),
        (transitions, {"page": ""}, "page: is required"),
        (patterns, {"length": 6}, "length: 6 is out of range; send 2 to 5"),
        (patterns, {"length": 1}, "length: 1 is out of range"),
        (patterns, {"min_sessions": -1}, "min_sessions: -1 is out of range"),
        (patterns, {"goal": "x"}, "goal: "),
    ],
)
def test_what_is_wrong_is_named(rules: Any, query: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        rules(**query)


def test_defaults() -> None:
    assert (funnel().window, funnel().by_visitor, funnel().is_strict) == (None, False, False)
    assert (flows().depth, flows().width, flows().kinds, flows().collapse) == (
        4,
        10,
        ("page",),
        True,
    )
    assert (patterns().length, patterns().min_sessions, patterns().limit) == (3, 10, 100)
    assert funnel(window=7_776_000).window == 7_776_000_000_000

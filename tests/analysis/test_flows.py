"""Flows over random sessions, against a tree that is counted node by node."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions.analysis.columns import Columns
from sessions.analysis.flows import MAX_NODES, FlowAccumulator, Node
from sessions.domain.behaviour_queries import FlowRules
from sessions.domain.events import Event

from tests.support.behaviour import Way, step_of, way_of
from tests.support.strategies import events
from tests.support.visits import columns_of, visits_of

WORDS = ["p", "p/", "p/a", "p/b", "p/ü", "eclick"]


def plain_tree(ways: Sequence[Way], depth: int, width: int) -> list[tuple[Way, list[int]]]:
    """The nodes, each by the items down to it: sessions, ended, truncated, other."""
    found: list[tuple[Way, list[int]]] = []
    level: list[Way] = [()]
    while level:
        nodes, level = level, []
        for node in nodes:
            inside = [way for way in ways if way[: len(node)] == node]
            at = len(node)
            ended = sum(1 for way in inside if len(way) == at)
            truncated = len(inside) - ended if at == depth else 0
            following = Counter(way[: at + 1] for way in inside if len(way) > at and at < depth)
            ranked = sorted(following, key=lambda way: (-following[way], way))
            other = sum(following[way] for way in ranked[width:])
            found.append((node, [len(inside), ended, truncated, other]))
            level += ranked[:width]
    return found


def paths(nodes: Sequence[Node]) -> list[tuple[Way, list[int]]]:
    """The same from what is tested."""
    down: list[Way] = []
    for node in nodes:
        down.append(() if node.parent < 0 else (*down[node.parent], node.item))
        assert node.depth == len(down[-1])
    return [
        (way, [node.sessions, node.ended, node.truncated, node.other])
        for way, node in zip(down, nodes, strict=True)
    ]


def check_sums(nodes: Sequence[Node]) -> None:
    for number, node in enumerate(nodes):
        below = sum(child.sessions for child in nodes if child.parent == number)
        assert node.sessions == below + node.ended + node.truncated + node.other


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(events(), min_size=1, max_size=25), max_size=3),
    st.sampled_from([("page",), ("event",), ("page", "event")]),
    st.booleans(),
    st.none() | st.frozensets(st.sampled_from(WORDS), min_size=1, max_size=2),
    st.booleans(),
    st.integers(1, 4),
    st.integers(1, 3),
    st.data(),
)
def test_a_tree_is_what_counting_node_by_node_gives(
    parts: list[list[Event]],
    kinds: tuple[str, ...],
    collapse: bool,
    anchor: frozenset[str] | None,
    is_backward: bool,
    depth: int,
    width: int,
    data: st.DataObject,
) -> None:
    is_backward = is_backward and anchor is not None
    rules = FlowRules(
        kinds=kinds,
        collapse=collapse,
        depth=depth,
        width=width,
        anchor=None if anchor is None else step_of(anchor),
        is_backward=is_backward,
    )
    flows = FlowAccumulator(rules)
    found: list[Way] = []
    for part in parts:
        visits = visits_of(part)
        flags = data.draw(st.lists(st.booleans(), min_size=len(visits), max_size=len(visits)))
        flows.add(replace(columns_of(visits), selected=np.array(flags)))
        chosen = [visit for visit, is_selected in zip(visits, flags, strict=True) if is_selected]
        ways = [
            way_of(visit, kinds, anchor, collapse=collapse, back=is_backward) for visit in chosen
        ]
        found += [way for way in ways if way is not None]
    nodes = flows.result()
    check_sums(nodes)
    assert paths(nodes) == plain_tree(found, depth, width)


def test_the_smallest_nodes_beyond_the_limit_are_other() -> None:
    """11 + 121 + 1,331 + … nodes, the largest of which stay."""
    flows = FlowAccumulator(FlowRules(kinds=("page",), collapse=False, depth=4, width=20))
    columns, ways = many_ways()
    flows.add(columns)
    nodes = flows.result()
    assert len(nodes) == MAX_NODES
    check_sums(nodes)
    expected = plain_tree(ways, 4, 20)
    smallest = min(node.sessions for node in nodes)
    assert {way for way, (sessions, *_) in expected if sessions > smallest} <= dict(
        paths(nodes)
    ).keys()


def many_ways() -> tuple[Columns, list[Way]]:
    """Sessions of four pages out of eleven, some ways more often than others."""
    numbers = np.random.default_rng(1).geometric(0.25, (20_000, 4)) % 11
    texts = [f"p/{number:02}" for number in range(11)]
    arrays: dict[str, Any] = {
        "started_at": np.arange(len(numbers)),
        "visitor_key": np.arange(len(numbers)),
        "pageviews": np.full(len(numbers), 4, np.uint8),
        "events": np.zeros(len(numbers), np.uint8),
        "step_item": numbers.ravel(),
    }
    columns = Columns(arrays, {"step_item": texts}, np.ones(len(numbers), np.bool_))
    return columns, [tuple(texts[number] for number in row) for row in numbers.tolist()]

"""Patterns over random sessions, against runs that are counted one by one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions.analysis import runs
from sessions.analysis.runs import (
    Pattern,
    PatternAccumulator,
    PatternResult,
    Support,
    holds_run,
    lift,
)
from sessions.domain.behaviour_queries import PatternQuery, PatternRules, pattern_rules
from sessions.domain.events import Event

from tests.support.behaviour import Way, step_of, way_of, word
from tests.support.rows import event
from tests.support.strategies import START, events
from tests.support.visits import columns_of, visits_of


def plain_patterns(
    ways: Sequence[tuple[Way, bool]], length: int, min_sessions: int
) -> PatternResult:
    """The closed runs of sessions, each with its items and whether it reached the goal."""

    def support(run: Way) -> Support:
        holding = [
            reached
            for way, reached in ways
            if any(way[at : at + len(run)] == run for at in range(len(way) - len(run) + 1))
        ]
        return Support(len(holding), sum(holding))

    supports = {
        way[at : at + size]: support(way[at : at + size])
        for way, _ in ways
        for size in range(2, length + 1)
        for at in range(len(way) - size + 1)
    }
    found = [
        Pattern(run, own, [support((item,)) for item in run])
        for run, own in supports.items()
        if own.sessions >= min_sessions
        and not any(
            len(other) > len(run) and run in (other[:-1], other[1:]) and own[0] == longer[0]
            for other, longer in supports.items()
        )
    ]
    found.sort(key=lambda pattern: (-pattern.support.sessions, pattern.items))
    return PatternResult(Support(len(ways), sum(reached for _, reached in ways)), found, True)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(events(), min_size=1, max_size=25), max_size=3),
    st.sampled_from([("page",), ("event",), ("page", "event")]),
    st.booleans(),
    st.none() | st.just(frozenset(["p/a", "eclick"])),
    st.integers(2, 5),
    st.integers(1, 3),
    st.data(),
)
def test_patterns_are_what_counting_one_by_one_gives(
    parts: list[list[Event]],
    kinds: tuple[str, ...],
    collapse: bool,
    goal: frozenset[str] | None,
    length: int,
    min_sessions: int,
    data: st.DataObject,
) -> None:
    counted = PatternAccumulator(
        PatternRules(
            kinds=kinds,
            collapse=collapse,
            length=length,
            min_sessions=min_sessions,
            goal=None if goal is None else step_of(goal),
            limit=1_000,
        )
    )
    ways: list[tuple[Way, bool]] = []
    for part in parts:
        visits = visits_of(part)
        flags = data.draw(st.lists(st.booleans(), min_size=len(visits), max_size=len(visits)))
        if any(flags):
            counted.add(replace(columns_of(visits), selected=np.array(flags)))
        for visit in (
            visit for visit, is_selected in zip(visits, flags, strict=True) if is_selected
        ):
            way = way_of(visit, kinds, None, collapse=collapse, back=False)
            reached = not {word(event) for event in visit.events}.isdisjoint(goal or ())
            ways.append((way or (), reached))
    assert counted.result() == plain_patterns(ways, length, min_sessions)


@given(st.lists(events(), min_size=1, max_size=25), st.booleans(), st.data())
def test_the_sessions_that_hold_a_run(
    sent: list[Event], collapse: bool, data: st.DataObject
) -> None:
    visits = visits_of(sent)
    columns = columns_of(visits)
    words = columns.words["step_item"]
    run = tuple(data.draw(st.lists(st.sampled_from(words), min_size=2, max_size=3)))
    ways = [
        way_of(visit, ("page", "event"), None, collapse=collapse, back=False) or ()
        for visit in visits
    ]
    expected = [any(way[at : at + len(run)] == run for at in range(len(way))) for way in ways]
    rules = pattern_rules(PatternQuery(items="both", collapse_repeats=collapse))
    assert holds_run(columns, rules, run).tolist() == expected


def test_what_has_no_room_is_not_counted_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MAX_CANDIDATES", 2)
    found = PatternAccumulator(pattern_rules(PatternQuery(min_sessions=1)))
    sent = [event("ann", START + timedelta(minutes=n), path=f"/{n}") for n in range(5)]
    found.add(columns_of(visits_of(sent)))
    result = found.result()
    assert not result.is_exact
    assert [len(pattern.items) for pattern in result.patterns] == [2, 2]


def test_lift() -> None:
    assert lift(2, 8, [4, 4]) == 1
    assert lift(4, 8, [4, 4]) == 2
    assert lift(0, 8, [4, 0]) is None
    assert lift(0, 0, [0, 0]) is None

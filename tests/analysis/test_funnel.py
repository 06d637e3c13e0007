"""Funnels over random sessions, against chains that are looked for one by one."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from sessions.analysis.funnel import FunnelResult, SessionFunnel, StepResult, VisitorFunnel
from sessions.domain.behaviour_queries import FunnelRules
from sessions.domain.events import Event
from sessions.domain.predicates import OneOf
from sessions.domain.selection import Range, Selection

from tests.support.behaviour import random_parts, step_of, word
from tests.support.strategies import START, events
from tests.support.visits import Visit, columns_of, visits_of

Chain = tuple[Event, ...]
STEPS = ["p/", "p/a", "p/b", "eclick"]


def plain_chain(
    run: Sequence[tuple[Event, bool]],
    steps: Sequence[frozenset[str]],
    window: timedelta | None,
    *,
    is_strict: bool,
) -> Chain:
    """The best chain of some events, each with whether a chain may start there; () without."""
    found: list[tuple[int, ...]] = [()]

    def go_on(chain: tuple[int, ...]) -> None:
        found.append(chain)
        for at in range(chain[-1] + 1, len(run)) if len(chain) < len(steps) else ():
            in_time = not window or run[at][0].occurred_at - run[chain[0]][0].occurred_at <= window
            if word(run[at][0]) in steps[len(chain)] and in_time:
                go_on((*chain, at))
            if is_strict and word(run[at][0]) not in steps[len(chain) - 1]:
                break

    for at, (event, may_start) in enumerate(run):
        if may_start and word(event) in steps[0]:
            go_on((at,))
    best = min(found, key=lambda chain: (-len(chain), chain))
    return tuple(run[at][0] for at in best)


def counted(chains: Iterable[Chain], steps: int) -> list[StepResult]:
    """How many chains reach each step, with nearest ranks of the times between."""
    found = []
    for step in range(steps):
        reached = [chain for chain in chains if len(chain) > step]
        gaps = sorted(each[step].occurred_at - each[step - 1].occurred_at for each in reached)
        ranks = [-(-percent * len(gaps) // 100) - 1 for percent in (50, 90)]
        times = [gaps[rank] // timedelta(microseconds=1) for rank in ranks] if step and gaps else []
        found.append(StepResult(len(reached), *times))
    return found


def by_value(
    chains: Sequence[tuple[str, Chain]], steps: int, limit: int
) -> tuple[list[tuple[str, list[StepResult]]], list[StepResult] | None]:
    values = sorted({value for value, chain in chains if chain})
    values.sort(key=lambda value: -sum(1 for own, chain in chains if chain and own == value))

    def count(chosen: Sequence[str]) -> list[StepResult]:
        return counted([chain for value, chain in chains if value in chosen], steps)

    rows = [(value, count([value])) for value in values[:limit]]
    return rows, count(values[limit:]) if values[limit:] else None


def check(result: FunnelResult, chains: Sequence[tuple[str, Chain]], steps: int) -> None:
    assert result.steps == counted([chain for _, chain in chains], steps)
    assert (result.rows, result.other) == by_value(chains, steps, 1)
    counts = [step.reached for step in result.steps]
    assert counts == sorted(counts, reverse=True)
    parts = [steps for _, steps in result.rows] + ([result.other] if result.other else [])
    assert counts == [sum(part[n].reached for part in parts) for n in range(steps)]


def rules_of(
    steps: Sequence[frozenset[str]], window: timedelta | None, *, is_strict: bool
) -> FunnelRules:
    return FunnelRules(
        steps=tuple(map(step_of, steps)),
        window=window // timedelta(microseconds=1) if window else None,
        is_strict=is_strict,
        dimension="country",
        limit=1,
    )


def dense(event: Event) -> Event:
    """The same within an hour, so that sessions have several events and windows end at some."""
    elapsed = (event.occurred_at - START) % timedelta(hours=1)
    return structs.replace(event, occurred_at=START + elapsed)


steps_of_funnels = st.lists(
    st.frozensets(st.sampled_from(STEPS), min_size=1, max_size=3), min_size=2, max_size=3
)
windows = st.sampled_from([None, *(timedelta(minutes=m, microseconds=u) for m in (10, 20, 50)
    for u in (-1, 0, 1))])  # fmt: skip
visits_in_parts = st.lists(st.lists(events().map(dense), min_size=1, max_size=25), max_size=3)


@settings(max_examples=150, deadline=None)
@given(visits_in_parts, steps_of_funnels, windows, st.booleans(), st.data())
def test_sessions(
    parts: list[list[Event]],
    steps: list[frozenset[str]],
    window: timedelta | None,
    is_strict: bool,
    data: st.DataObject,
) -> None:
    rules = rules_of(steps, window, is_strict=is_strict)
    funnel, chains = SessionFunnel(rules), []
    for part in parts:
        visits = visits_of(part)
        flags = data.draw(st.lists(st.booleans(), min_size=len(visits), max_size=len(visits)))
        funnel.add(replace(columns_of(visits), selected=np.array(flags)))
        for visit, is_selected in zip(visits, flags, strict=True):
            run = [(event, is_selected) for event in visit.events]
            chain = plain_chain(run, steps, window, is_strict=is_strict)
            chains.append((visit.text("country"), chain))
    check(funnel.result(), chains, len(steps))


def selection(since: timedelta, until: timedelta, country: str) -> Selection:
    return Selection(
        range=Range(START + since, START + until),
        include_bots=False,
        predicate=OneOf("country", ("", country)),
        identity=b"",
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(events() | events().map(dense), min_size=1, max_size=30),
    steps_of_funnels,
    windows,
    st.booleans(),
    st.tuples(st.integers(-1, 36), st.integers(0, 37)).map(sorted),
    st.randoms(use_true_random=False),
)
def test_visitors(
    sent: list[Event],
    steps: list[frozenset[str]],
    window: timedelta | None,
    is_strict: bool,
    tens: list[int],
    chance: Random,
) -> None:
    window = window or timedelta(hours=3)
    since, until = (timedelta(minutes=10 * ten) for ten in tens)
    chosen = selection(since, until, "a")
    visits = [visit for visit in visits_of(sent) if not visit.session.is_bot]
    rules = rules_of(steps, window, is_strict=is_strict)
    funnel = VisitorFunnel(rules, chosen)
    for part in random_parts(visits, chance):
        funnel.add(columns_of(part))
    chains = [
        visitor_chain([visit for visit in visits if visit.session.visitor_id == visitor],
                      chosen, steps, window, is_strict=is_strict)
        for visitor in {visit.session.visitor_id for visit in visits}
    ]  # fmt: skip
    check(funnel.result(), chains, len(steps))


def visitor_chain(
    visits: list[Visit],
    chosen: Selection,
    steps: list[frozenset[str]],
    window: timedelta,
    *,
    is_strict: bool,
) -> tuple[str, Chain]:
    """The best chain of a visitor, and the country of the session in which it starts."""
    run: list[tuple[Event, bool]] = []
    countries: dict[int, str] = {}
    for visit in visits:
        since, until = chosen.range
        may_start = since <= visit.session.started_at < until and visit.text("country") in ("", "a")
        run += [(event, may_start) for event in visit.events]
        countries |= {id(event): visit.text("country") for event in visit.events}
    chain = plain_chain(run, steps, window, is_strict=is_strict)
    return (countries[id(chain[0])] if chain else "", chain)

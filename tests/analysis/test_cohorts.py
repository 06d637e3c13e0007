"""Cohorts over random sessions, against visitors that are looked at one by one."""

from datetime import datetime, timedelta
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions.analysis.cohorts import CohortAccumulator
from sessions.domain.events import Event
from sessions.domain.predicates import OneOf
from sessions.domain.selection import Range, Selection

from tests.support.behaviour import random_parts
from tests.support.strategies import START, events
from tests.support.visits import Visit, columns_of, hash_of, visits_of


def plain_cohorts(
    visits: list[Visit], chosen: list[Visit], edges: list[datetime]
) -> list[list[set[str]]]:
    """For each cohort and each period the visitors that returned."""

    def period(visit: Visit) -> int:
        return sum(edge <= visit.session.started_at for edge in edges) - 1

    table: list[list[set[str]]] = [[set() for _ in edges[1:]] for _ in edges[1:]]
    for visitor in {visit.session.visitor_id for visit in visits}:
        own = [visit for visit in visits if visit.session.visitor_id == visitor]
        people = [visit for visit in own if not visit.session.is_bot]
        if people and people[0] in chosen:
            for visit in own:
                if visit in chosen:
                    table[period(people[0])][period(visit)].add(visitor)
    return table


@settings(max_examples=150, deadline=None)
@given(
    st.lists(events(), min_size=1, max_size=40),
    st.lists(st.integers(0, 40), min_size=2, max_size=5, unique=True).map(sorted),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_cohorts_are_what_looking_at_each_visitor_gives(
    sent: list[Event], tens: list[int], include_bots: bool, chance: Random
) -> None:
    edges = [START + timedelta(minutes=10 * ten) for ten in tens]
    selection = Selection(
        range=Range(edges[0], edges[-1]),
        include_bots=include_bots,
        predicate=OneOf("country", ("", "a")),
        identity=b"",
    )
    before_end = [visit for visit in visits_of(sent) if visit.session.started_at < edges[-1]]
    visits = [visit for visit in before_end if include_bots or not visit.session.is_bot]
    chosen = [
        visit
        for visit in visits
        if visit.session.started_at >= edges[0] and visit.text("country") in ("", "a")
    ]
    cohorts = CohortAccumulator(selection, edges[:-1])
    for part in random_parts(visits, chance):
        cohorts.add(columns_of(part))
    expected = plain_cohorts(visits, chosen, edges)
    assert cohorts.result() == [
        [len(found) for found in row[cohort:]] for cohort, row in enumerate(expected)
    ]
    for cohort, row in enumerate(expected):
        for period, found in enumerate(row):
            keys = np.frombuffer(cohorts.visitors(cohort, period), ">i8").tolist()
            assert keys == (sorted(map(hash_of, found)) if period >= cohort else [])

"""Transitions over random sessions, against views that are looked at one by one."""

from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions.analysis.transitions import Neighbour, TransitionAccumulator
from sessions.domain.events import Event

from tests.support.strategies import events
from tests.support.visits import Visit, columns_of, visits_of


def neighbours(visits: list[Visit], page: str, step: int) -> tuple[int, list[Neighbour]]:
    """How many views have no pageview before (-1) or after (+1) them, and what the others have."""
    none, views, sessions = 0, Counter[str](), Counter[str]()
    for visit in visits:
        pages = [event.path for event in visit.events if event.is_pageview]
        next_to = [
            pages[at + step] if 0 <= at + step < len(pages) else None
            for at, each in enumerate(pages)
            if each == page
        ]
        none += next_to.count(None)
        views.update(filter(lambda each: each is not None, next_to))  # type: ignore[arg-type]
        sessions.update({each for each in next_to if each is not None})
    found = [Neighbour(each, views[each], sessions[each]) for each in views]
    return none, sorted(found, key=lambda row: (-row.views, row.page))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(events(), min_size=1, max_size=25), max_size=3),
    st.sampled_from(["", "/", "/a", "/nowhere"]),
    st.data(),
)
def test_transitions_are_what_looking_at_each_view_gives(
    parts: list[list[Event]], page: str, data: st.DataObject
) -> None:
    transitions, chosen = TransitionAccumulator(page), []
    for part in parts:
        visits = visits_of(part)
        flags = data.draw(st.lists(st.booleans(), min_size=len(visits), max_size=len(visits)))
        transitions.add(replace(columns_of(visits), selected=np.array(flags)))
        chosen += [visit for visit, is_selected in zip(visits, flags, strict=True) if is_selected]
    found = transitions.result()
    entries, previous = neighbours(chosen, page, -1)
    exits, following = neighbours(chosen, page, 1)
    assert (found.entries, found.exits) == (entries, exits)
    assert found.previous == [row for row in previous if row.page != page]
    assert found.following == [row for row in following if row.page != page]
    own = [(row.views, row.sessions) for row in previous if row.page == page]
    assert [(found.reloads, found.reload_sessions)] == (own or [(0, 0)])
    pages = [event.path for visit in chosen for event in visit.events if event.is_pageview]
    assert found.views == pages.count(page)
    assert found.views == found.entries + found.reloads + sum(row.views for row in found.previous)
    assert found.views == found.exits + found.reloads + sum(row.views for row in found.following)
    has_page = [any(e.is_pageview and e.path == page for e in visit.events) for visit in chosen]
    assert found.sessions == sum(has_page)

"""The timeline of a session: the same times on whatever pages its events come."""

from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessions.domain.session import Session, SessionEvent, SessionPage
from sessions.domain.timeline import Timeline, make_timeline

from tests.support.strategies import START


def session_event(seconds: float, *, is_pageview: bool = True, url: str = "/") -> SessionEvent:
    at = START + timedelta(seconds=seconds)
    return SessionEvent(at, 0, "", is_pageview, "" if is_pageview else "click", url, None, None)


def pages_of(events: list[SessionEvent], cuts: list[int]) -> list[Timeline]:
    """The timelines of the pages that these cuts make, one after the other."""
    times = events[0].occurred_at, events[-1].occurred_at
    session = Session(UUID(int=0), "ann", *times, 0, 0, False, ())
    timelines: list[Timeline] = []
    for start, end in pairwise([0, *cuts, len(events)]):
        page = SessionPage(session, events[start:end], end < len(events))
        timelines.append(make_timeline(page, timelines[-1].open_view if timelines else None))
    return timelines


def plain_times(events: list[SessionEvent]) -> list[float | None]:
    """The time on the page of each event, None where it is not measured."""
    found: list[float | None] = []
    for number, event in enumerate(events):
        later = events[number + 1 :]
        ends = [each.occurred_at for each in later if each.is_pageview]
        ends += [each.occurred_at for each in later[-1:]]
        is_measured = event.is_pageview and ends
        found.append((ends[0] - event.occurred_at).total_seconds() if is_measured else None)
    return found


@given(
    steps=st.lists(
        st.tuples(st.sampled_from([0.0, 0.000001, 1.5, 60.0]), st.booleans()),
        min_size=1,
        max_size=12,
    ),
    data=st.data(),
)
def test_times_do_not_depend_on_pages(steps: list[tuple[float, bool]], data: st.DataObject) -> None:
    moments, elapsed = [], 0.0
    for gap, is_pageview in steps:
        elapsed = round(elapsed + gap, 6)
        moments.append(session_event(elapsed, is_pageview=is_pageview))
    possible = st.integers(1, max(1, len(moments) - 1))
    cuts = sorted(data.draw(st.sets(possible))) if len(moments) > 1 else []
    found: list[float | None] = []
    open_view: int | None = None
    for timeline in pages_of(moments, cuts):
        if timeline.previous_view_time is not None:
            assert open_view is not None
            assert found[open_view] is None
            found[open_view], open_view = timeline.previous_view_time, None
        for timed in timeline.events:
            if timed.event.is_pageview:
                open_view = len(found)
            found.append(timed.time_on_page)
    assert found == pytest.approx(plain_times(moments))
    offsets = [timed.offset for each in pages_of(moments, cuts) for timed in each.events]
    assert offsets == [(m.occurred_at - moments[0].occurred_at).total_seconds() for m in moments]


def test_a_page_is_the_path_of_a_pageview() -> None:
    events = [
        session_event(0, url="https://shop.example/a%20b?c#d"),
        session_event(1, url="/a", is_pageview=False),
        session_event(2, url=""),
    ]
    [timeline] = pages_of(events, [])
    assert [timed.page for timed in timeline.events] == ["/a b", "", ""]


def test_an_event_at_the_moment_of_the_last_view_measures_it() -> None:
    [timeline] = pages_of([session_event(5), session_event(5, is_pageview=False)], [])
    assert [timed.time_on_page for timed in timeline.events] == [0, None]

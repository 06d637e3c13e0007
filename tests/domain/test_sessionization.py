"""The rules of sessions, one example each: where they end, what they count, what they tell.

`tests/usecases/test_write_events.py` shows for random events that the rules hold
through the database as well.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions.domain.dimensions import CLIENT, NAMES
from sessions.domain.events import Event
from sessions.domain.items import item_hash
from sessions.domain.session import Session
from sessions.domain.sessionization import (
    TIMEOUT,
    Change,
    SessionSummary,
    inside,
    sessionize,
    split_runs,
    summarize,
)

from tests.support.events import event_of
from tests.support.reference import Expected, reference_sessions
from tests.support.strategies import events

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
MINUTE, MICROSECOND = timedelta(minutes=1), timedelta(microseconds=1)
TOLD = (
    *("visitor_id", "started_at", "ended_at", "pageviews", "events", "is_bot"),
    *("entry_page", "exit_page", "acquisition"),
)


def event(at: datetime, name: str = "", /, **more: Any) -> Event:
    """A custom event if it has a name, otherwise a pageview of `/`."""
    known = {
        "occurred_at": at,
        "event_id": at.isoformat() + name,
        "is_pageview": not name,
        "event_name": name,
        "path": "" if name else "/",
    }
    attributes = {key: more.pop(key) for key in NAMES if key in more}
    return event_of(attributes, **known | more)


def summaries(happened: Iterable[Event]) -> list[SessionSummary]:
    """The summaries of new events."""
    return [summarize(run) for run in split_runs(happened)]


def sessions_of(*happened: Event) -> list[SessionSummary]:
    """The sessions of events that arrive together."""
    return [change.session for change in sessionize([], summaries(happened))]


def only_session_of(*happened: Event) -> SessionSummary:
    """The one session of events, the same in whatever order they arrive."""
    orders = [sessions_of(*order) for order in permutations(happened)]
    for [session] in orders:
        session.session_id = None
        assert session == orders[0][0]
    return orders[0][0]


def read(state: SessionSummary) -> Session:
    """What readers see of a session's length and counts."""
    return Session(
        session_id=UUID(int=0),
        visitor_id=state.visitor_id,
        started_at=state.started_at,
        ended_at=state.ended_at,
        pageviews=state.pageviews,
        events=state.events,
        is_bot=state.is_bot,
        texts=(),
    )


@pytest.mark.parametrize(
    ("gap", "sessions"),
    [
        (timedelta(0), 1),
        (30 * MINUTE - MICROSECOND, 1),
        (30 * MINUTE, 2),
        (30 * MINUTE + MICROSECOND, 2),
    ],
)
def test_a_gap_of_30_minutes_starts_a_new_session(gap: timedelta, sessions: int) -> None:
    assert len(sessions_of(event(NOON, "a"), event(NOON + gap, "b"))) == sessions


def test_midnight_does_not_split() -> None:
    """Nor does the end of a month or of a year."""
    before = datetime(2025, 12, 31, 23, 45, tzinfo=UTC)
    session = only_session_of(event(before), event(before + 29 * MINUTE))
    assert (session.started_at, session.ended_at) == (before, before + 29 * MINUTE)


def test_a_session_has_no_maximum_length() -> None:
    days = [event(NOON + 29 * MINUTE * step) for step in range(500)]
    [session] = sessions_of(*days)
    assert session.ended_at - session.started_at == 499 * 29 * MINUTE
    assert session.pageviews == 500


def test_visitors_have_sessions_of_their_own() -> None:
    found = sessions_of(event(NOON), event(NOON, visitor_id="Ann"), event(NOON, visitor_id="bob"))
    assert [session.visitor_id for session in found] == ["Ann", "ann", "bob"]


def _stored(*happened: Event) -> list[SessionSummary]:
    """Sessions as if they had been stored one after the other, in this order."""
    stored: list[SessionSummary] = []
    for number, each in enumerate(happened, 1):
        [change] = sessionize([], summaries([each]))
        change.session.session_id = UUID(int=number)
        stored.append(change.session)
    return stored


def test_a_late_event_joins_two_sessions_and_the_id_made_first_stays() -> None:
    # The later of the two was seen first.
    late, early = event(NOON + 50 * MINUTE), event(NOON)
    stored = _stored(late, early)
    [change] = sessionize(stored, summaries([event(NOON + 25 * MINUTE, "late")]))
    assert change.session.session_id == UUID(int=1)
    assert change.replaces == (
        (UUID(int=1), late.occurred_at),
        (UUID(int=2), early.occurred_at),
    )
    assert (change.session.started_at, change.session.ended_at) == (NOON, NOON + 50 * MINUTE)
    assert (change.session.pageviews, change.session.events) == (2, 1)


def test_a_late_event_exactly_between_joins_nothing() -> None:
    stored = _stored(event(NOON), event(NOON + 60 * MINUTE))
    [change] = sessionize(stored, summaries([event(NOON + 30 * MINUTE)]))
    assert change.replaces == ()
    assert change.session.session_id not in (None, UUID(int=1), UUID(int=2))


def test_what_no_new_event_touches_is_left_alone() -> None:
    stored = _stored(event(NOON), event(NOON + 300 * MINUTE))
    changes = sessionize(stored, summaries([event(NOON + MINUTE)]))
    assert [change.session.session_id for change in changes] == [UUID(int=1)]


def test_acquisition_is_that_of_the_entry_event_only() -> None:
    entry = event(NOON + MINUTE, utm_source="news")
    later = event(NOON + 2 * MINUTE, utm_source="ads", utm_medium="cpc", referrer="x.example")
    assert only_session_of(entry, later).acquisition == ("", "news", "", "")


def test_the_entry_event_is_the_first_pageview_even_after_custom_events() -> None:
    click = event(NOON, "click", utm_source="click")
    view = event(NOON + MINUTE, utm_source="view")
    assert only_session_of(click, view).acquisition[1] == "view"
    # Where there is none, it is the first event.
    second = event(NOON + MINUTE, "click", utm_source="second")
    assert only_session_of(click, second).acquisition[1] == "click"


def test_an_attribute_is_that_of_the_first_event_with_a_value() -> None:
    session = only_session_of(
        event(NOON, "click", city="Oslo"),
        event(NOON + MINUTE, country="NO", city="Bergen"),
        event(NOON + 2 * MINUTE, country="SE", browser="Firefox"),
    )
    found = {name: value for name, (_, value) in session.attributes.items()}
    assert found == {"city": "Oslo", "country": "NO", "browser": "Firefox"}


def test_entry_and_exit_pages_are_those_of_the_first_and_last_pageview() -> None:
    session = only_session_of(
        event(NOON, "click"),
        event(NOON + MINUTE, path="/a"),
        event(NOON + 2 * MINUTE, path="/b"),
        event(NOON + 3 * MINUTE, "leave", path="/c"),
    )
    assert (session.entry_page, session.exit_page) == ("/a", "/b")
    pages = {item_hash("page", "/a"), item_hash("page", "/b")}
    assert pages < set(session.items)


def test_only_short_paths_are_remembered() -> None:
    long = "/" * 1_000
    assert item_hash("page", long) == item_hash("page", long)
    assert item_hash("page", long) is not item_hash("page", long)
    assert item_hash("page", "/a") is item_hash("page", "/a")


def test_equal_times_are_ordered_by_sequence_then_by_event_id() -> None:
    session = only_session_of(
        event(NOON, event_id="b", sequence=1, path="/last"),
        event(NOON, event_id="c", sequence=-1, path="/first"),
        event(NOON, event_id="a", sequence=1, path="/middle"),
    )
    assert (session.entry_page, session.exit_page) == ("/first", "/last")


def test_one_event_of_a_bot_makes_a_bot_session() -> None:
    assert only_session_of(event(NOON), event(NOON + MINUTE, is_bot=True)).is_bot
    assert not only_session_of(event(NOON), event(NOON + MINUTE)).is_bot


@pytest.mark.parametrize(
    ("views", "clicks", "is_bounce"),
    [(1, 0, True), (2, 0, False), (1, 1, False), (0, 1, False), (0, 0, True)],
)
def test_a_bounce_is_one_pageview_and_nothing_else(
    views: int, clicks: int, is_bounce: bool
) -> None:
    session = only_session_of(event(NOON))
    session.pageviews, session.events = views, clicks
    assert read(session).is_bounce is is_bounce


def test_duration_is_whole_seconds_rounded_down() -> None:
    def duration(length: timedelta) -> int:
        session = only_session_of(event(NOON))
        session.ended_at = NOON + length
        return read(session).duration

    assert duration(timedelta(0)) == 0
    assert duration(timedelta(seconds=1) - MICROSECOND) == 0
    assert duration(timedelta(seconds=1)) == 1
    assert duration(timedelta(days=3, seconds=2, microseconds=999_999)) == 3 * 86_400 + 2


def test_a_run_is_one_visitor_s_events_in_order_without_a_gap() -> None:
    first, second, third = (event(NOON + minutes * MINUTE) for minutes in (0, 29, 59))
    other = event(NOON + MINUTE, visitor_id="bob")
    assert split_runs([third, other, second, first]) == [[first, second], [third], [other]]


def _identity(each: Event) -> tuple[str, datetime, str]:
    return each.visitor_id, each.occurred_at, each.event_id


@settings(deadline=None)
@given(st.lists(events(), min_size=1, max_size=12, unique_by=_identity))
def test_sessions_made_one_event_at_a_time_equal_the_definition(happened: list[Event]) -> None:
    stored: list[SessionSummary] = []
    for each in happened:
        [change] = sessionize([state for state in stored if _near(state, each)], summaries([each]))
        gone = {id_ for id_, _ in change.replaces}
        stored = [state for state in stored if state.session_id not in gone] + [change.session]
    found = sorted(stored, key=lambda state: (state.visitor_id, state.started_at))
    assert [_told(state) for state in found] == [_told(one) for one in reference_sessions(happened)]


def _near(state: SessionSummary, each: Event) -> bool:
    at = each.occurred_at
    return state.visitor_id == each.visitor_id and (
        state.started_at - TIMEOUT < at < state.ended_at + TIMEOUT
    )


def _told(session: SessionSummary | Expected) -> list[Any]:
    """What the definition says of a session, of one made by either."""
    attributes: Any = session.attributes
    if isinstance(session, SessionSummary):
        attributes = tuple(attributes.get(name, ("", ""))[1] for name in CLIENT)
    return [attributes, *(getattr(session, name) for name in TOLD)]


def test_a_change_names_all_sessions_that_it_replaces() -> None:
    """The one whose id stays among them: its place on the timeline may have moved."""
    stored = _stored(event(NOON))
    [change] = sessionize(stored, summaries([event(NOON - MINUTE)]))
    assert change == Change(change.session, ((UUID(int=1), NOON),))
    assert change.session.started_at == NOON - MINUTE


@given(
    st.lists(st.integers(0, 400), max_size=20),
    st.lists(st.integers(-10, 410), min_size=1, max_size=20),
    st.booleans(),
)
def test_events_inside_of_stored_sessions_are_found(
    before: list[int], then: list[int], is_known: bool
) -> None:
    """Whichever session of the visitor it is, from its first event to its last one."""

    def runs(minutes: list[int], visitor: str = "v") -> list[list[Event]]:
        return split_runs([event(NOON + at * MINUTE, visitor_id=visitor) for at in minutes])

    stored = [change.session for change in sessionize([], map(summarize, runs(before)))]
    asked = runs(then, "v" if is_known else "w")
    expected = [
        each
        for run in asked
        for each in run
        if is_known and any(of.started_at <= each.occurred_at <= of.ended_at for of in stored)
    ]
    assert inside(reversed(stored), asked) == expected

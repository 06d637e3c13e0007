"""Random events that meet the edges: equal times, gaps of exactly 30 minutes, missing values."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from sessions.domain.dimensions import NAMES, TEXTS
from sessions.domain.events import Event
from sessions.domain.hours import microseconds
from sessions.domain.predicates import (
    All,
    Between,
    Either,
    Flag,
    Has,
    HasLike,
    Journey,
    Like,
    Not,
    OneOf,
    Pattern,
    Predicate,
)

START = datetime(2026, 1, 31, 22, tzinfo=UTC)
"""Two hours before a month ends, so that sessions cross partitions."""

_texts = st.sampled_from(["", "", "a", "b"])

# Multiples of ten minutes meet the limit of 30 exactly; the odd microsecond misses it.
_times = st.builds(
    lambda steps, micros: START + timedelta(minutes=10 * steps, microseconds=micros),
    st.integers(0, 36),
    st.sampled_from([0, 0, 0, 1, -1]),
)

moments = st.builds(
    lambda steps, micros: START + timedelta(minutes=10 * steps, microseconds=micros),
    st.integers(-1, 37),
    st.sampled_from([0, 0, 1]),
)
"""Edges of ranges: among the times of events, and beside them."""


@st.composite
def events(draw: st.DrawFn) -> Event:
    """One stored event of one of three visitors."""
    is_pageview = draw(st.booleans())
    return Event(
        visitor_id=draw(st.sampled_from(["ann", "bob", "Bob"])),
        occurred_at=draw(_times),
        sequence=draw(st.sampled_from([0, 0, 1, -1])),
        event_id=draw(st.sampled_from(["a", "b", "B", "c"])),
        is_pageview=is_pageview,
        is_bot=draw(st.sampled_from([False, False, False, True])),
        event_name="" if is_pageview else "click",
        event_data=draw(st.sampled_from([None, {}, {"plan": "pro"}])),
        url="/",
        referrer="",
        path=draw(st.sampled_from(["", "/", "/a", "/b", "/ü"])),
        attributes={name: draw(_texts) for name in NAMES},
    )


@st.composite
def arrivals(draw: st.DrawFn) -> list[list[Event]]:
    """A set of events as it comes in: in any order, cut into batches, with repeats."""
    sent = draw(st.lists(events(), min_size=1, max_size=30))
    repeated = draw(st.lists(st.sampled_from(sent), max_size=5))
    # The first of two events with one identity counts, so repeats come after the originals.
    shuffled = draw(st.permutations(sent)) + repeated
    cuts = sorted(draw(st.sets(st.integers(1, len(shuffled)), max_size=6)))
    bounds = zip([0, *cuts], [*cuts, len(shuffled)], strict=True)
    return [shuffled[start:end] for start, end in bounds if start < end]


def _some(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(tuple)


def _combinations(leaves: st.SearchStrategy[Predicate]) -> st.SearchStrategy[Predicate]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(All, st.lists(inner, max_size=3).map(tuple)),
            st.builds(Either, st.lists(inner, max_size=3).map(tuple)),
        ),
        max_leaves=6,
    )


_PATHS = ["", "/", "/a", "/b", "/ü", "/nowhere"]
_NAMES = ["", "click", "none"]

_patterns = st.just(Pattern("", True, True)) | st.builds(
    Pattern,
    st.sampled_from(["a", "b", "/", "/a", "ü", "n", "li", "%", "_", "\\", "none", "click"]),
    st.booleans(),
    st.booleans(),
)

_step_conditions = _combinations(
    st.one_of(
        st.builds(OneOf, st.just("page"), _some(_PATHS)),
        st.builds(OneOf, st.just("event"), _some(_NAMES)),
        st.builds(Like, st.sampled_from(["page", "event"]), _patterns),
    )
)


def _between(field: str, numbers: st.SearchStrategy[int]) -> st.SearchStrategy[Predicate]:
    bounds = st.none() | numbers
    return st.builds(Between, st.just(field), bounds, bounds)


_ranges = st.one_of(
    _between("started_at", _times.map(microseconds)),
    _between("duration", st.integers(-1, 12).map(lambda steps: 300 * steps)),
    _between("pageviews", st.sampled_from([-(2**62), -1, 0, 1, 2, 3, 5, 300, 2**62])),
    _between("events", st.sampled_from([0, 1, 2, 70_000])),
)

_in_rows = st.one_of(
    st.builds(OneOf, st.sampled_from(TEXTS), _some(["", "a", "b", "/a", "/b", "/ü", "none"])),
    st.builds(Has, st.just("page"), _some(_PATHS)),
    st.builds(Has, st.just("event"), _some(_NAMES)),
    st.builds(Like, st.sampled_from(TEXTS), _patterns),
    st.builds(Flag, st.sampled_from(["is_bounce", "is_bot"])),
    _ranges,
)
_visitors = st.one_of(
    st.builds(OneOf, st.just("visitor_id"), _some(["ann", "bob", "Bob", "eve", ""])),
    st.builds(Like, st.just("visitor_id"), _patterns),
)
_in_columns = st.one_of(
    st.builds(HasLike, st.sampled_from(["page", "event"]), _patterns),
    st.builds(Journey, st.lists(_step_conditions, max_size=3).map(tuple)),
)


def row_predicates() -> st.SearchStrategy[Predicate]:
    """A predicate that rows can answer, on what `events` has and on what it has not."""
    return _combinations(_in_rows | _visitors)


def predicates() -> st.SearchStrategy[Predicate]:
    """Any predicate, on what `events` has and on what it has not."""
    return _combinations(_in_rows | _visitors | _in_columns)


def steps() -> st.SearchStrategy[Predicate]:
    """Any condition on one event, on what `events` has and on what it has not."""
    return _step_conditions

"""Random events that meet the edges: equal times, gaps of exactly 30 minutes, missing values."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from sessions.domain.dimensions import NAMES, TEXTS
from sessions.domain.events import Event
from sessions.domain.predicates import All, Either, Has, Not, OneOf, Predicate

START = datetime(2026, 1, 31, 22, tzinfo=UTC)
"""Two hours before a month ends, so that sessions cross partitions."""

_texts = st.sampled_from(["", "", "a", "b"])

# Multiples of ten minutes meet the limit of 30 exactly; the odd microsecond misses it.
_times = st.builds(
    lambda steps, micros: START + timedelta(minutes=10 * steps, microseconds=micros),
    st.integers(0, 36),
    st.sampled_from([0, 0, 0, 1, -1]),
)


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


def predicates() -> st.SearchStrategy[Predicate]:
    """A predicate on what `events` has, and on what it has not."""
    paths = ["", "/", "/a", "/b", "/ü", "/nowhere"]
    leaves = st.one_of(
        st.builds(OneOf, st.sampled_from(TEXTS), _some(["", "a", "b", "/a", "/b", "/ü", "none"])),
        st.builds(Has, st.just("page"), _some(paths)),
        st.builds(Has, st.just("event"), _some(["", "click", "none"])),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(All, st.lists(inner, max_size=3).map(tuple)),
            st.builds(Either, st.lists(inner, max_size=3).map(tuple)),
        ),
        max_leaves=6,
    )

"""Random events that meet the edges: equal times, gaps of exactly 30 minutes, missing values."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from sessions.domain.events import Event

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
        referrer_host=draw(_texts),
        utm_source=draw(_texts),
        utm_medium=draw(_texts),
        utm_campaign=draw(_texts),
        country=draw(_texts),
        region=draw(_texts),
        city=draw(_texts),
        browser=draw(_texts),
        os=draw(_texts),
        device=draw(_texts),
        language=draw(_texts),
        hostname=draw(_texts),
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

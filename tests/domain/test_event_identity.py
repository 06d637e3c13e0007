"""Which event is which."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sessions.domain.event_identity import Ordinals, event_key
from sessions.domain.events import EventInput

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)

contents = st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]))


@given(contents)
def test_ordinals_count_equal_contents(lines: list[bytes]) -> None:
    ordinals, seen = Ordinals(), Counter[bytes]()
    for line in lines:
        assert ordinals.next(line) == seen[line]
        seen[line] += 1


@given(contents, contents, st.integers(1, 6))
def test_ordinals_of_a_grown_file_are_those_of_the_file(
    before: list[bytes], added: list[bytes], remembered: int
) -> None:
    once, again = Ordinals(remembered), Ordinals(remembered)
    first = [once.next(line) for line in before]
    assert [again.next(line) for line in before + added][: len(before)] == first


def test_ordinals_forget_what_was_long_ago_and_stay_small() -> None:
    ordinals = Ordinals(remembered=4)
    for number in range(1_000):
        ordinals.next(b"%d" % number)
        assert len(ordinals._recent) + len(ordinals._older) <= 2 * 4 + 1
    assert ordinals.next(b"996") == 1  # three others since
    assert ordinals.next(b"0") == 0


def test_ordinals_remember_what_keeps_coming() -> None:
    ordinals = Ordinals(remembered=4)
    for number in range(1_000):
        assert ordinals.next(b"heartbeat") == number
        ordinals.next(b"%d" % number)


def id_of(sent: EventInput, *, line: bytes = b"", ordinals: Ordinals | None = None) -> str:
    """The id that an event gets, at noon unless it says when."""
    sent = replace(sent, timestamp=sent.timestamp or NOON)
    return event_key(sent, NOON, ordinals or Ordinals(), line=line)[2]


def test_the_id_of_a_line_tells_equal_ones_apart() -> None:
    ordinals = Ordinals()
    assert id_of(EventInput(), line=b"line", ordinals=ordinals) == "36093ea6e992cef0"
    assert id_of(EventInput(), line=b"line", ordinals=ordinals) == "36093ea6e992cef0.1"
    assert id_of(EventInput(), line=b"other", ordinals=ordinals) == id_of(
        EventInput(), line=b"other"
    )


def test_an_id_that_was_sent_is_kept() -> None:
    assert id_of(EventInput(event_id="mine"), line=b"line") == "mine"


def test_content_is_what_was_sent_in_any_order_of_keys() -> None:
    one = EventInput(event_type="event", event_data={"a": 1, "b": {"c": 2, "d": 3}})
    other = EventInput(event_type="event", event_data={"b": {"d": 3, "c": 2}, "a": 1})
    assert id_of(one) == id_of(other)


@pytest.mark.parametrize(
    "other",
    [
        EventInput(event_type="event", visitor_id="v", url="/b"),
        EventInput(event_type="event", visitor_id="v", referrer="/a"),
        EventInput(event_type="event", visitor_id="v", url="/a", sequence=1),
        EventInput(event_type="event", visitor_id="v", url="/a", event_data={}),
        EventInput(event_type="event", visitor_id="", client_ip="v", url="/a"),
    ],
)
def test_different_events_have_different_content(other: EventInput) -> None:
    sent = EventInput(event_type="event", visitor_id="v", url="/a")
    assert id_of(sent) != id_of(other)


def test_events_without_a_timestamp_are_stamped_and_differ() -> None:
    keys = [event_key(EventInput(), NOON, Ordinals()) for _ in range(100)]
    assert {occurred_at for occurred_at, _, _ in keys} == {NOON}
    assert len({id_ for _, _, id_ in keys}) == 100

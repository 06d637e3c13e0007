"""Who a visitor is, and which event is which."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessions.domain.events import SentEvent
from sessions.domain.identity import (
    Ordinals,
    canonical_ip,
    content_id,
    random_id,
    sent_content,
    visitor_id,
)

SECRET = bytes(range(32))
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


def test_a_visitor_is_16_hex_digits_and_stays_the_same_visitor() -> None:
    # A changed value would split every visitor in two
    assert visitor_id(SECRET, "site_abc", "192.0.2.1", "Firefox") == "57cf3f1531e3b39b"


def test_a_visitor_depends_on_each_part() -> None:
    known = visitor_id(SECRET, "site_abc", "192.0.2.1", "Firefox")
    assert known != visitor_id(b"other", "site_abc", "192.0.2.1", "Firefox")
    assert known != visitor_id(SECRET, "site_abd", "192.0.2.1", "Firefox")
    assert known != visitor_id(SECRET, "site_abc", "192.0.2.2", "Firefox")
    assert known != visitor_id(SECRET, "site_abc", "192.0.2.1", "Firefo")


storable = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.tuples(storable, storable, storable), st.tuples(storable, storable, storable))
def test_parts_of_a_visitor_cannot_be_shifted(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert (visitor_id(SECRET, *one) == visitor_id(SECRET, *other)) == (one == other)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.256", ""),
        ("192.0.2.1:80", "192.0.2.1"),
        ("[2001:DB8::1]:443", "2001:db8::1"),
        ("[2001:DB8::1]", "2001:db8::1"),
        (" 192.0.2.1\n", "192.0.2.1"),
        ("192.0.2.1:", ""),
        ("192.0.2.1:http", ""),
        ("192.0.2.1, 10.0.0.1", ""),
        ("[2001:db8::1", ""),
        ("010.0.0.1", ""),  # octal or decimal? nobody knows
        ("localhost", ""),
        ("\ud800", ""),
    ],
)
def test_canonical_ip(text: str, canonical: str) -> None:
    assert canonical_ip(text) == canonical


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


def test_the_id_of_a_content_tells_equal_ones_apart() -> None:
    ordinals = Ordinals()
    assert content_id(b"line", ordinals) == "36093ea6e992cef0"
    assert content_id(b"line", ordinals) == "36093ea6e992cef0.1"
    assert content_id(b"other", ordinals) == content_id(b"other", Ordinals())


def test_content_is_what_was_sent_in_any_order_of_keys() -> None:
    one = SentEvent(event_type="event", event_data={"a": 1, "b": {"c": 2, "d": 3}})
    other = SentEvent(event_type="event", event_data={"b": {"d": 3, "c": 2}, "a": 1})
    assert sent_content(one, NOON) == sent_content(other, NOON)


@pytest.mark.parametrize(
    "other",
    [
        SentEvent(event_type="event", visitor_id="v", url="/b"),
        SentEvent(event_type="event", visitor_id="v", referrer="/a"),
        SentEvent(event_type="event", visitor_id="v", url="/a", sequence=1),
        SentEvent(event_type="event", visitor_id="v", url="/a", event_data={}),
        SentEvent(event_type="event", visitor_id="", client_ip="v", url="/a"),
    ],
)
def test_different_events_have_different_content(other: SentEvent) -> None:
    sent = SentEvent(event_type="event", visitor_id="v", url="/a")
    assert sent_content(sent, NOON) != sent_content(other, NOON)


def test_random_ids_differ() -> None:
    assert len({random_id() for _ in range(100)}) == 100

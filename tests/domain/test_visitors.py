"""Who a visitor is."""

from hypothesis import given
from hypothesis import strategies as st
from sessions.domain.visitors import Visitors

client_id = Visitors(bytes(range(32))).client_id


def test_a_visitor_is_16_hex_digits_and_stays_the_same_visitor() -> None:
    # A changed value would split every visitor in two
    assert client_id("site_abc", "192.0.2.1", "Firefox") == "57cf3f1531e3b39b"


def test_a_visitor_depends_on_each_part() -> None:
    known = client_id("site_abc", "192.0.2.1", "Firefox")
    assert known != Visitors(b"other").client_id("site_abc", "192.0.2.1", "Firefox")
    assert known != client_id("site_abd", "192.0.2.1", "Firefox")
    assert known != client_id("site_abc", "192.0.2.2", "Firefox")
    assert known != client_id("site_abc", "192.0.2.1", "Firefo")


storable = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.tuples(storable, storable, storable), st.tuples(storable, storable, storable))
def test_parts_of_a_visitor_cannot_be_shifted(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert (client_id(*one) == client_id(*other)) == (one == other)

"""Rates and their confidence intervals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessions.domain.conversions import rate, wilson_interval


def test_known_intervals() -> None:
    """Worked out by hand from Wilson's formula, with the exact quantile."""
    for part, whole, low, high in (
        (0, 10, 0.0, 0.2775328),
        (5, 10, 0.2365931, 0.7634069),
        (10, 10, 0.7224672, 1.0),
        (81, 263, 0.2552885, 0.3662096),
    ):
        assert wilson_interval(part, whole) == pytest.approx((low, high), abs=1e-6)


@given(st.integers(1, 10**6), st.data())
def test_a_rate_lies_in_its_interval(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    interval = wilson_interval(part, whole)
    assert interval
    assert 0 <= interval.low <= rate(part, whole) + 1e-12  # type: ignore[operator]
    assert rate(part, whole) - 1e-12 <= interval.high <= 1  # type: ignore[operator]


def test_nothing_of_nothing_has_no_rate() -> None:
    assert (rate(0, 0), wilson_interval(0, 0)) == (None, None)

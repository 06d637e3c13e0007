"""A bucket never lets through more than its rate allows, and never less to those who wait."""

from hypothesis import given
from hypothesis import strategies as st
from sessions.domain.key_limits import share_of_places, share_of_rate
from sessions.domain.token_bucket import TokenBucket

_RATES = st.floats(0.01, 10_000)
_COSTS = st.integers(1, 2_000)
_CALLS = st.lists(st.tuples(st.floats(0, 10), _COSTS), min_size=1, max_size=60)
_ROUNDING = 1e-6


@given(_RATES, _CALLS)
def test_in_any_time_no_more_than_the_rate_and_two_bursts(
    rate: float, calls: list[tuple[float, int]]
) -> None:
    bucket, now = TokenBucket(0.0), 0.0
    passed: list[tuple[float, int]] = []
    for pause, cost in calls:
        now += pause
        if not bucket.take(cost, rate, now):
            passed.append((now, cost))
    for first, (begin, _) in enumerate(passed):
        for last in range(first, len(passed)):
            window = passed[first : last + 1]
            debt = max(0, max(cost for _, cost in window) - bucket.burst(rate))
            allowed = 2 * bucket.burst(rate) + debt + rate * (window[-1][0] - begin)
            assert sum(cost for _, cost in window) <= allowed * (1 + _ROUNDING) + _ROUNDING


@given(_RATES, _CALLS)
def test_whoever_waits_as_long_as_told_passes(rate: float, calls: list[tuple[float, int]]) -> None:
    bucket, now = TokenBucket(0.0), 0.0
    for pause, cost in calls:
        now += pause
        if wait := bucket.take(cost, rate, now):
            now += wait * (1 + _ROUNDING) + _ROUNDING
            assert not bucket.take(cost, rate, now)


@given(st.integers(1, 1_000), _CALLS)
def test_whoever_keeps_to_the_rate_is_never_refused(
    rate: int, calls: list[tuple[float, int]]
) -> None:
    bucket, now = TokenBucket(0.0), 0.0
    for pause, cost in calls:
        assert not bucket.take(cost, rate, now)
        now += (pause + cost / rate) * (1 + _ROUNDING) + _ROUNDING


@given(st.integers(1, 100_000), st.integers(1, 64), st.data())
def test_workers_together_keep_to_the_limit(most: int, workers: int, data: st.DataObject) -> None:
    places = [share_of_places(most, workers, rank) for rank in range(workers)]
    assert sum(places) == max(most, workers)
    assert max(places) - min(places) <= 1
    assert abs(share_of_rate(most, workers) * workers - most) < _ROUNDING


@given(st.lists(st.integers(1, 8), min_size=1, max_size=40), st.integers(1, 1_000))
def test_a_number_of_workers_that_changes_changes_the_rate_from_then_on(
    workers: list[int], most: int
) -> None:
    """One worker that is asked all the time, while others come and go for a second each."""
    bucket, passed, allowed = TokenBucket(0.0), 0, 0.0
    for second, count in enumerate(workers):
        rate = share_of_rate(most, count)
        for tick in range(100):
            while not bucket.take(1, rate, second + tick / 100):
                passed += 1
        allowed += rate
    at_once = 2 * max(bucket.burst(share_of_rate(most, count)) for count in workers)
    assert passed <= allowed + at_once + 1

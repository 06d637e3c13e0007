"""With which days a range is compared, and up to which moment."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from sessions.domain.errors import InvalidArgument
from sessions.domain.period_comparison import ComparedDays, ComparisonQuery, compared_days
from sessions.domain.selection import Days

BERLIN = ZoneInfo("Europe/Berlin")


def days(start: str, end: str, zone: ZoneInfo = BERLIN) -> Days:
    return Days(date.fromisoformat(start), date.fromisoformat(end), zone)


def compared(compare: str, within: Days, start: str = "", end: str = "") -> ComparedDays:
    query = ComparisonQuery(compare=compare, start_date=start, end_date=end)
    found = compared_days(query, within)
    assert found
    return found


def test_the_previous_period_is_as_long_and_ends_the_day_before() -> None:
    assert compared("previous_period", days("2026-03-03", "2026-03-03")).days == days(
        "2026-03-02", "2026-03-02"
    )
    assert compared("previous_period", days("2024-03-01", "2024-03-31")).days == days(
        "2024-01-30", "2024-02-29"
    )


@pytest.mark.parametrize(
    ("start", "end", "expected", "adjusted"),
    [
        ("2026-03-01", "2026-03-31", ("2025-03-01", "2025-03-31"), False),
        ("2024-02-29", "2024-03-01", ("2023-02-28", "2023-03-01"), True),
        ("2024-02-01", "2024-02-29", ("2023-02-01", "2023-02-28"), True),
        ("2025-02-01", "2025-02-28", ("2024-02-01", "2024-02-28"), False),
    ],
)
def test_the_previous_year_has_the_same_dates(
    start: str, end: str, expected: tuple[str, str], adjusted: bool
) -> None:
    found = compared("previous_year", days(start, end))
    assert (found.days, found.adjusted) == (days(*expected), adjusted)


def test_days_of_ones_own() -> None:
    found = compared("custom", days("2026-03-01", "2026-03-31"), "2020-01-01", "2020-01-02")
    assert found.days == days("2020-01-01", "2020-01-02")


def test_no_comparison() -> None:
    assert compared_days(ComparisonQuery(), days("2026-03-01", "2026-03-31")) is None


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (ComparisonQuery(compare="last_week"), "compare: 'last_week' is no comparison"),
        (ComparisonQuery(compare="custom"), "compare_start_date: is missing"),
        (
            ComparisonQuery(compare="custom", start_date="2026-01-01"),
            "compare_end_date: is missing",
        ),
        (
            ComparisonQuery(compare="custom", start_date="2026-01-02", end_date="2026-01-01"),
            "compare_start_date: 2026-01-02 is after the compare_end_date",
        ),
        (
            ComparisonQuery(compare="custom", start_date="soon", end_date="2026-01-01"),
            "compare_start_date: 'soon' is not a day",
        ),
        (ComparisonQuery(end_date="2026-01-01"), "compare_end_date: goes with compare=custom"),
        (
            ComparisonQuery(compare="previous_year", start_date="2026-01-01"),
            "compare_start_date: goes with compare=custom",
        ),
    ],
)
def test_what_is_wrong_is_named(query: ComparisonQuery, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        compared_days(query, days("2026-03-01", "2026-03-31"))


def test_a_range_that_ends_today_is_compared_up_to_the_same_local_time() -> None:
    """Clocks went forward in between: the same local time is another time of UTC."""
    within = days("2026-03-29", "2026-03-30")
    other = compared("previous_period", within)
    as_of = datetime(2026, 3, 30, 13, 30, tzinfo=UTC)  # 15:30 in Berlin
    range_ = other.range(within, as_of)
    assert range_.since == other.days.range.since
    assert range_.until == datetime(2026, 3, 28, 14, 30, tzinfo=UTC)
    for whole in (datetime(2026, 3, 31, 13, tzinfo=UTC), datetime(2026, 3, 29, 13, tzinfo=UTC)):
        assert other.range(within, whole) == other.days.range


def test_a_local_time_that_the_other_day_skips() -> None:
    within = days("2026-03-30", "2026-03-30")
    other = compared("previous_period", within)  # 02:00 to 03:00 is skipped on that day
    as_of = datetime(2026, 3, 30, 0, 30, tzinfo=UTC)  # 02:30 in Berlin
    assert other.range(within, as_of).until == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)

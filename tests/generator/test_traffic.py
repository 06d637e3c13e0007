"""Visits are spread over the hours, and hours over chunks, without losing any."""

from datetime import UTC, datetime, timedelta

import pytest
from sessions.generator.traffic import chunks, plan

UNTIL = datetime(2026, 3, 10, 14, 20, tzinfo=UTC)


@pytest.mark.parametrize("sessions", [1, 10, 999, 1_000_000])
@pytest.mark.parametrize("days", [1, 90])
def test_all_visits_have_an_hour(sessions: int, days: int) -> None:
    hours = plan(sessions, days, UNTIL)
    assert sum(hour.visits for hour in hours) == sessions
    assert hours[0].starts_at == UNTIL - timedelta(days=days)
    end = hours[-1].starts_at + timedelta(milliseconds=hours[-1].milliseconds)
    assert end == UNTIL - timedelta(minutes=1)


def test_days_are_busier_than_nights_and_weekends() -> None:
    hours = plan(1_000_000, 28, datetime(2026, 3, 9, tzinfo=UTC))
    by_day = [sum(hour.visits for hour in hours[day * 24 :][:24]) for day in range(28)]
    saturday, monday = by_day[26], by_day[21]
    assert saturday < 0.8 * monday
    assert hours[24 * 21 + 3].visits < 0.3 * hours[24 * 21 + 15].visits


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_chunks_cover_each_hour_once(size: int) -> None:
    hours = plan(500, 3, UNTIL)
    found = chunks(hours, size)
    covered = [number for chunk in found for number in range(chunk.first, chunk.last + 1)]
    assert set(covered) >= {hour.number for hour in hours if hour.visits}
    assert len(covered) == len(set(covered))
    assert sum(chunk.visits for chunk in found) == 500
    assert all(chunk.visits for chunk in found)

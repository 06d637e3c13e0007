"""Timestamps as text."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessions.domain.timestamps import rfc3339, rfc3339_or_utc


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-03T10:15:00Z", datetime(2026, 3, 3, 10, 15, tzinfo=UTC)),
        ("2026-03-03t10:15:00z", datetime(2026, 3, 3, 10, 15, tzinfo=UTC)),
        ("2026-03-03T10:15:00-00:00", datetime(2026, 3, 3, 10, 15, tzinfo=UTC)),
        ("2026-03-03T10:15:00+05:45", datetime(2026, 3, 3, 4, 30, tzinfo=UTC)),
        ("2026-03-03T10:15:00.5Z", datetime(2026, 3, 3, 10, 15, 0, 500_000, tzinfo=UTC)),
        ("2026-03-03T10:15:00.1234569Z", datetime(2026, 3, 3, 10, 15, 0, 123_456, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2016-12-31T23:59:60.5Z", datetime(2017, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2017-01-01T05:44:60+05:45", datetime(2017, 1, 1, tzinfo=UTC)),
    ],
)
def test_rfc_3339(text: str, moment: datetime) -> None:
    assert rfc3339(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2026-03-03", "2026-03-03T10:15Z", "2026-03-03T10:15:00"),
        *("2026-03-03 10:15:00Z", "20260303T101500Z", "2026-W10-2T10:15:00Z"),
        *("2026-02-29T10:15:00Z", "2026-03-03T24:00:00Z", "2016-12-31T23:59:61Z"),
        *("9999-12-31T23:59:60Z", "2016-02-30T23:59:60Z"),
        *("0000-01-01T00:00:00Z", "2026-03-03T10:15:00+24:00", "2026-03-03T10:15:00+0100"),
        *("2026-03-03T10:15:00,5Z", "2026-03-03T10:15:00.Z", " 2026-03-03T10:15:00Z"),
        *("2026-03-03T10:15:00Z\n", "٢٠٢٦-03-03T10:15:00Z", "+2026-03-03T10:15:00Z"),
    ],
)
def test_nothing_else_is_accepted(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        rfc3339(text)


offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(timezones=offsets))
def test_what_python_writes_is_read(moment: datetime) -> None:
    assert rfc3339(moment.isoformat()) == moment


def test_a_table_may_leave_out_the_offset() -> None:
    noon = datetime(2026, 3, 3, 12, tzinfo=UTC)
    for text in ("2026-03-03 12:00:00", "2026-03-03T12:00:00.0", "2026-03-03 13:00:00+01:00"):
        assert rfc3339_or_utc(text) == noon


def test_a_table_may_have_the_hours_of_the_offset_only() -> None:
    noon = datetime(2026, 3, 3, 12, tzinfo=UTC)
    for text in ("2026-03-03 12:00:00+00", "2026-03-03 12:00:00.0+00", "2026-03-03 07:00:00-05"):
        assert rfc3339_or_utc(text) == noon


@pytest.mark.parametrize(
    "text",
    [
        *("2026-03-03 12:00:00 UTC", "2026-03-03 12:00:00UTC", "2026-03-03T12:00:00 GMT"),
        *("2026-03-03 13:00:00+0100", "2026-03-03 13:00:00 +0100", "2026-03-03 06:30:00 -05:30"),
        *("2026-03-03 12:00:00 Z", "2026-03-03 12:00:00z", "2026-03-03 11:59:60 UTC"),
    ],
)
def test_a_table_may_name_the_zone_in_other_ways(text: str) -> None:
    assert rfc3339_or_utc(text) == datetime(2026, 3, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-03-03 12:00:00 CET", "2026-03-03 12:00:00+1", "2026-03-03 12:00:00 UTC+1"]
)
def test_other_zones_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        rfc3339_or_utc(text)


@pytest.mark.parametrize("text", ["2026-03-03", "2026-03-03 12:00+00", "2026-03-03 12:00:00+0"])
def test_a_table_needs_seconds(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        rfc3339_or_utc(text)

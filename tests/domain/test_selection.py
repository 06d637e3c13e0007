"""What a call selects: days in a zone against an independent calculation, and filters.

The independent calculation never converts local time to UTC. It walks along UTC, asks at every
step what the local date is, and takes the first instant of each date: that is where a day of a
list begins, also where clocks skip midnight or show it twice.
"""

from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions.domain.errors import InvalidArgument, Reason
from sessions.domain.predicates import All, Has, OneOf
from sessions.domain.selection import (
    MAX_FILTER_VALUES,
    Range,
    day_range,
    filter_predicate,
)

from tests.support.zones import ZONES, changes, first_instants

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)

NAMES = sorted(available_timezones() - {"localtime", "Factory"})
"""All zones; the other two stand for what is set on a machine, and for nothing set."""

YEARS = (2006, 2009, 2011, 2018, 2024, 2026)


def one_day(day: date, zone: str) -> Range:
    """What a list of one day asks the database for."""
    return day_range(day.isoformat(), day.isoformat(), zone, NOW)


@pytest.mark.parametrize("name", ZONES)
def test_days_around_changes_are_those_of_a_walk_along_utc(name: str) -> None:
    zone = ZoneInfo(name)
    for year in YEARS:
        start = datetime(year, 1, 1, tzinfo=UTC)
        around = [*changes(zone, start, start + 365 * DAY, DAY / 4), start]
        for change in around:
            begins = first_instants(zone, change - 2 * DAY, change + 2 * DAY)
            for day, next_day in pairwise(begins):
                expected = Range(begins[day], begins[next_day])
                if next_day == day + DAY:
                    assert one_day(day, name) == expected, (name, day)
                # Only Apia left out a day: what is asked of it is empty, not an error.
                else:
                    assert one_day(day + DAY, name) == (begins[next_day], begins[next_day])


def test_days_around_every_change_of_every_zone() -> None:
    """All zones from 2000 to 2037: a day begins at the first instant that has its date."""
    seen = 0
    for name in NAMES:
        zone = ZoneInfo(name)
        start, end = datetime(2000, 1, 4, tzinfo=UTC), datetime(2037, 12, 1, tzinfo=UTC)
        for change in changes(zone, start, end, 5 * DAY):
            seen += 1
            local = change.astimezone(zone).date()
            for day in (local - DAY, local, local + DAY):
                assert one_day(day, name).since == _first_instant(zone, day, change), (name, day)
    assert seen > 10_000


def _first_instant(zone: tzinfo, day: date, change: datetime) -> datetime:
    """The first instant of a date near a change, from the offsets on its two sides alone."""
    offsets = [(change - SECOND).astimezone(zone), change.astimezone(zone)]
    before, after = (timezone(moment.utcoffset() or timedelta()) for moment in offsets)
    midnight = datetime.combine(day, time())
    if midnight.replace(tzinfo=before) < change:
        return midnight.replace(tzinfo=before).astimezone(UTC)
    return max(change, midnight.replace(tzinfo=after).astimezone(UTC))


@pytest.mark.parametrize(
    ("zone", "day", "since", "until"),
    [
        # 23 and 25 hours
        ("America/New_York", "2026-03-08", "2026-03-08T05:00Z", "2026-03-09T04:00Z"),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00Z", "2026-11-02T05:00Z"),
        # The day begins at 01:00, for there is no 00:00
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00Z", "2018-11-05T02:00Z"),
        ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00Z", "2026-03-29T21:00Z"),
        # 23:00 to 24:00 comes twice, midnight once
        ("America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00Z", "2018-02-18T03:00Z"),
        # 00:00 to 01:00 comes twice; the first midnight counts
        ("America/Havana", "2026-11-01", "2026-11-01T04:00Z", "2026-11-02T05:00Z"),
        # At 00:01 back to 23:01: that hour belongs to the day whose midnight was already seen
        ("America/St_Johns", "2009-10-31", "2009-10-31T02:30Z", "2009-11-01T02:30Z"),
        ("America/St_Johns", "2009-11-01", "2009-11-01T02:30Z", "2009-11-02T03:30Z"),
        # The date line moved: no 2011-12-30
        ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00Z", "2011-12-30T10:00Z"),
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00Z", "2011-12-30T10:00Z"),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00Z", "2011-12-31T10:00Z"),
        ("Pacific/Kiritimati", "2026-01-01", "2025-12-31T10:00Z", "2026-01-01T10:00Z"),
        ("Pacific/Pago_Pago", "2026-01-01", "2026-01-01T11:00Z", "2026-01-02T11:00Z"),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00Z", "2026-04-05T13:30Z"),
        ("Asia/Kathmandu", "2026-01-01", "2025-12-31T18:15Z", "2026-01-01T18:15Z"),
        ("", "2024-02-29", "2024-02-29T00:00Z", "2024-03-01T00:00Z"),
    ],
)
def test_days_worked_out_by_hand(zone: str, day: str, since: str, until: str) -> None:
    expected = Range(datetime.fromisoformat(since), datetime.fromisoformat(until))
    assert day_range(day, day, zone, NOW) == expected


@settings(deadline=None)
@given(
    zone=st.sampled_from(NAMES),
    start=st.dates(date(2000, 1, 1), date(2100, 12, 30)),
    days=st.integers(0, 400),
)
def test_days_fit_together(zone: str, start: date, days: int) -> None:
    """A range is its days side by side: nothing between them, nothing in two of them."""
    end = min(start + days * DAY, date(2100, 12, 30))
    whole = day_range(start.isoformat(), end.isoformat(), zone, NOW)
    assert whole.since == one_day(start, zone).since
    assert whole.until == one_day(end, zone).until == one_day(end + DAY, zone).since
    assert whole.since <= whole.until
    assert (whole.since.tzinfo, whole.until.tzinfo) == (UTC, UTC)


@pytest.mark.parametrize(
    ("zone", "now", "today"),
    [
        ("", "2026-03-10T23:59:59.999999Z", "2026-03-10"),
        ("", "2026-03-11T00:00:00Z", "2026-03-11"),
        ("Pacific/Kiritimati", "2026-03-10T10:00:00Z", "2026-03-11"),
        ("Pacific/Pago_Pago", "2026-03-10T10:59:59Z", "2026-03-09"),
        ("America/New_York", "2026-03-08T04:59:59Z", "2026-03-07"),
        ("America/New_York", "2026-03-08T05:00:00Z", "2026-03-08"),
    ],
)
def test_without_dates_the_last_day_is_today_in_the_zone(zone: str, now: str, today: str) -> None:
    end = date.fromisoformat(today)
    week_before = (end - 7 * DAY).isoformat()
    moment = datetime.fromisoformat(now)
    assert day_range("", "", zone, moment) == day_range(week_before, today, zone, moment)


def test_without_a_start_it_is_7_days_before_the_end() -> None:
    assert day_range("", "2024-03-05", "", NOW) == day_range("2024-02-27", "2024-03-05", "", NOW)
    # Whatever today is, also before the first day that one may write
    assert day_range("", "2000-01-01", "", NOW).since == datetime(1999, 12, 25, tzinfo=UTC)


def test_without_an_end_it_is_today() -> None:
    assert day_range("2026-01-01", "", "", NOW).until == datetime(2026, 3, 11, tzinfo=UTC)


def test_the_first_and_the_last_day_that_one_may_write() -> None:
    everything = day_range("2000-01-01", "2100-12-31", "", NOW)
    assert everything == (datetime(2000, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    [
        *("1999-12-31", "2101-01-01", "0000-01-01", "0001-01-01", "9999-12-31", "10000-01-01"),
        *("2026-02-29", "2100-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "2026-01-00"),
        *("2026-1-01", "2026-01-1", "26-01-01", "20260101", "2026-W01-1", "2026-001"),
        *(" 2026-01-01", "2026-01-01 ", "2026-01-01\n", "2026-01-01T00:00:00Z", "+2026-01-01"),
        *(
            "today",
            "yesterday",
            "-1",
            "0",
            "2026/01/01",
            "01-01-2026",
            "2026-01-0\N{ARABIC-INDIC DIGIT ONE}",
        ),
    ],
)
@pytest.mark.parametrize("field", ["start_date", "end_date"])
def test_what_is_no_day_is_refused_by_name(field: str, text: str) -> None:
    dates = {"start_date": "2026-01-01", "end_date": "2026-01-01"} | {field: text}
    with pytest.raises(InvalidArgument) as caught:
        day_range(**dates, timezone="", now=NOW)
    assert [violation.field for violation in caught.value.violations] == [field]
    assert caught.value.reason == Reason.INVALID_FIELD


def test_a_start_after_the_end_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"start_date: 2026-01-02 is after .* 2026-01-01"):
        day_range("2026-01-02", "2026-01-01", "", NOW)
    with pytest.raises(InvalidArgument, match="start_date"):
        day_range("2026-03-11", "", "", NOW)
    # There it is tomorrow already
    assert day_range("2026-03-11", "", "Pacific/Kiritimati", NOW)


@pytest.mark.parametrize(
    "name",
    [
        *("Mars/Olympus", "utc ", "+01:00", "UTC+1", "europe/berlin", "Europe", "Europe/", " "),
        *("../../etc/passwd", "/etc/localtime", "Europe/../UTC", "Europe\\Berlin", "a" * 4096, "ü"),
        *(
            "localtime",
            "Factory",
            "posixrules",
            "right/UTC",
            "posix/UTC",
            "tzdata.zi",
            "zone.tab",
            "\0",
        ),
    ],
)
def test_what_is_no_zone_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        day_range("", "", name, NOW)
    assert [violation.field for violation in caught.value.violations] == ["timezone"]


def test_filters_are_compared_as_values_are_stored() -> None:
    sent = {
        "country": ["us", "De"],
        "hostname": ["Shop.Example", "https://Shop.Example./a", "MÜNCHEN.example", "no host", ""],
        "referrer": ["WWW.Example", "www.example"],
        "utm_source": ["News", "news"],
        "page": ["/A", ""],
        "city": [],
    }
    assert filter_predicate(sent) == All(
        (
            OneOf("country", ("DE", "US")),
            OneOf("hostname", ("", "no host", "shop.example", "xn--mnchen-3ya.example")),
            Has("page", ("", "/A")),
            OneOf("referrer", ("www.example",)),
            OneOf("utm_source", ("News", "news")),
        )
    )


def test_filters_that_no_text_can_equal_are_refused() -> None:
    most = [str(number) for number in range(MAX_FILTER_VALUES)]
    assert filter_predicate({"city": most}) == All((OneOf("city", tuple(sorted(most))),))
    with pytest.raises(InvalidArgument, match="filter_city"):
        filter_predicate({"city": [*most, "another"]})
    with pytest.raises(InvalidArgument, match="filter_city"):
        filter_predicate({"city": ["a", "\0"]})

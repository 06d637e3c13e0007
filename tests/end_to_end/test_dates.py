"""Days of a list through Envoy: in twenty zones around changes of the clock, and across midnight.

What is expected comes from a walk along UTC that asks at every minute what the local date is: a
day begins at the first instant that has its date. `tests/domain/test_selection.py` compares the
same calculation for all zones without a database.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import combinations_with_replacement
from zoneinfo import ZoneInfo

import pytest
from sessions.composition import Application, open_application
from sessions.domain.cursors import CursorSigner
from sessions.domain.events import EventInput
from sessions.domain.selection import SelectionQuery
from sessions.domain.websites import Website
from sessions.settings import Settings
from sessions.storage.rows import SESSIONS
from sessions.usecases.list_sessions import ListSessions
from sessions.usecases.search_columns import SearchColumns

from tests.support.clients import Rest, Way
from tests.support.stack import Stack
from tests.support.zones import ZONES, changes, first_instants

DAY, HOUR, MICROSECOND = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)

YEARS = {
    "America/Sao_Paulo": 2018,
    "America/St_Johns": 2009,
    "Asia/Tehran": 2018,
    "Pacific/Apia": 2011,
}
"""Where the clocks of a zone do not change any more: a year in which they did."""


@dataclass(frozen=True)
class World:
    """A website with visits around changes, and when the local days there begin."""

    website_id: str
    moments: Sequence[datetime]
    days: Mapping[str, Sequence[Mapping[date, datetime]]]


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    """Visits on both sides of every local midnight near a change, and each hour between."""
    days = {name: list(_days(name)) for name in ZONES}
    begins = {at for parts in days.values() for part in parts for at in part.values()}
    edges = {at + shift * MICROSECOND for at in begins for shift in (-1, 0, 1)}
    hours = {at + number * HOUR for at in begins for number in range(1, 24, 5)}
    moments = sorted(edges | hours)

    async def record() -> str:
        async with open_application(stack.database_url, Settings()) as application:
            website = await application.websites.get(await application.websites.create("test"))
            await _record(application, website, moments)
            return website.website_id

    return World(asyncio.run(record()), moments, days)


def _days(name: str) -> Iterable[Mapping[date, datetime]]:
    """For each change of a zone in its year the days around it, with their first instants."""
    zone = ZoneInfo(name)
    start = datetime(YEARS.get(name, 2025), 1, 1, tzinfo=UTC)
    for change in [*changes(zone, start, start + 364 * DAY, DAY / 4), start + 180 * DAY][:3]:
        yield first_instants(zone, change - 2 * DAY, change + 2 * DAY)


async def _record(application: Application, website: Website, moments: Sequence[datetime]) -> None:
    """One visit at each moment, each of a visitor of its own."""
    sent = [
        EventInput(event_type="pageview", visitor_id=f"{number}", timestamp=at, url="/")
        for number, at in enumerate(moments)
    ]
    events = application.enricher.enrich_all(
        sent, website_id=website.website_id, received_at=datetime.now(UTC)
    )
    await application.write_events(website, events)


def listed(way: Way, website_id: str, query: Mapping[str, str | int], key: str) -> list[datetime]:
    """When the sessions of a list began, over all of its pages."""
    pages = way.walk(website_id, {"limit": 100, **query}, key)
    return [datetime.fromisoformat(row["started_at"]) for page in pages for row in page]


@pytest.mark.parametrize("name", ZONES)
def test_days_around_changes(rest: Rest, key: str, world: World, name: str) -> None:
    for begins in world.days[name]:
        days = sorted(begins)[:-1]
        missing = {day + DAY for day in days if day + DAY not in begins}
        left_out = name == "Pacific/Apia" and days[0].month == 12
        assert missing == ({date(2011, 12, 30)} if left_out else set())
        begins = {day: begins[day + DAY] for day in missing} | {**begins}
        for first, last in combinations_with_replacement(sorted({*days, *missing}), 2):
            query = {"start_date": str(first), "end_date": str(last), "timezone": name}
            since, until = begins[first], begins[last + DAY]
            expected = [at for at in reversed(world.moments) if since <= at < until]
            assert expected or first in missing, query
            assert listed(rest, world.website_id, query, key) == expected, query


async def test_without_dates_the_last_days_of_the_zone_are_meant(
    way: Way, key: str, application: Application, website: Website
) -> None:
    zones = ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York"]
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    begins = {name: first_instants(ZoneInfo(name), now - 12 * DAY, now + 3 * DAY) for name in zones}
    edges = {at + shift for part in begins.values() for at in part.values() for shift in EDGES}
    moments = sorted(at for at in edges if at <= now)
    await _record(application, website, moments)
    for name in zones:
        today, found = date.min, list[datetime]()
        # Once more, should it be midnight just now
        while today != datetime.now(ZoneInfo(name)).date():
            today = datetime.now(ZoneInfo(name)).date()
            found = listed(way, website.website_id, {"timezone": name}, key)
        since, until = begins[name][today - 7 * DAY], begins[name][today + DAY]
        assert found == [at for at in reversed(moments) if since <= at < until]
        earlier = {"timezone": name, "end_date": str(today - DAY)}
        since, until = begins[name][today - 8 * DAY], begins[name][today]
        found = listed(way, website.website_id, earlier, key)
        assert found == [at for at in reversed(moments) if since <= at < until]


EDGES = (-MICROSECOND, timedelta(0))


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("", datetime(2026, 3, 10, tzinfo=UTC)),
        ("Pacific/Kiritimati", datetime(2026, 3, 9, 10, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 9, 4, tzinfo=UTC)),  # the day after a change
    ],
)
async def test_page_2_after_midnight_continues_the_days_of_page_1(
    application: Application, website: Website, zone: str, midnight: datetime
) -> None:
    clock = [midnight - timedelta(seconds=1)]
    list_sessions = ListSessions(
        application.pools.requests,
        application.websites,
        CursorSigner({1: b"k" * 32}),
        lambda: clock[0],
        SearchColumns(application.pools.requests),
        application.read_columns,
        SESSIONS,
    )

    async def page(cursor: str, limit: int) -> tuple[list[datetime], str | None]:
        query = SelectionQuery(website_id=website.website_id, timezone=zone)
        found = await list_sessions(query, limit=limit, cursor=cursor)
        return [session.started_at for session in found.sessions], found.next_cursor

    oldest = midnight.astimezone(ZoneInfo(zone or "UTC")).date() - 8 * DAY
    begins = first_instants(ZoneInfo(zone or "UTC"), midnight - 12 * DAY, midnight + DAY)
    since = begins[oldest]
    inside = [since, since + HOUR, midnight - 3 * DAY, midnight - HOUR, midnight - MICROSECOND]
    outside = [since - MICROSECOND, midnight, midnight + HOUR]
    await _record(application, website, inside + outside)

    first, cursor = await page("", 2)
    clock[0] = midnight + timedelta(seconds=1)
    assert cursor
    second, cursor = await page(cursor, 2)
    clock[0] = midnight + 3 * DAY
    assert cursor
    third, cursor = await page(cursor, 100)
    assert first + second + third == sorted(inside, reverse=True)
    assert cursor is None
    # Who begins anew after midnight means other days.
    clock[0] = midnight + timedelta(seconds=1)
    anew, cursor = await page("", 100)
    assert anew == sorted([*inside[2:], *outside[1:]], reverse=True)
    assert cursor is None

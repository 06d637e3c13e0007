"""Generated rows are what recording the same events would have made, and always the same."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, LiteralString

import pytest
import pytest_asyncio
from msgspec.structs import replace
from sessions.composition import Application, open_application
from sessions.domain.errors import InvalidArgument
from sessions.domain.events import Event
from sessions.domain.websites import Website
from sessions.generator import generate
from sessions.generator.websites import empty_website, new_websites
from sessions.settings import Settings
from sessions.storage.database import Database

from tests.generator.rows import UNTIL, session_rows, stored_events, summaries
from tests.support.reference import reference_sessions

SESSIONS, DAYS = 2_000, 12


@pytest_asyncio.fixture
async def app(database_url: str) -> AsyncIterator[Application]:
    async with open_application(database_url, Settings()) as app:
        yield app


async def generated(url: str, *, websites: int = 1, seed: int = 7, **how: Any) -> list[Website]:
    made = await new_websites(url, [f"Site {number}" for number in range(websites)])
    given: dict[str, Any] = {"sessions": SESSIONS, "days": DAYS, "until": UNTIL} | how
    await generate(url, made, seed=seed, **given)
    return made


async def test_sessions_are_those_of_the_events(database_url: str, database: Database) -> None:
    (website,) = await generated(database_url)
    events = await stored_events(database, website)
    found = await summaries(database, website, events)
    assert len(found) == SESSIONS
    assert found == reference_sessions(events)


async def test_rows_are_those_that_recording_makes(
    database_url: str, database: Database, app: Application
) -> None:
    (website,) = await generated(database_url, sessions=600)
    events = await stored_events(database, website)
    (recorded,) = await new_websites(database_url, ["Recorded"])
    for start in range(0, len(events), 1_000):
        await app.write_events(recorded, events[start : start + 1_000])
    assert await session_rows(database, website) == await session_rows(database, recorded)
    assert await event_rows(database, website) == await event_rows(database, recorded)


async def event_rows(database: Database, website: Website) -> list[Any]:
    query = """
    SELECT v.visitor_id, (to_jsonb(e) - 'website_key' - 'visitor_key')::text
      FROM events e
      JOIN visitors v USING (website_key, visitor_key)
     WHERE e.website_key = %(key)s
     ORDER BY 1, e.occurred_at, e.event_id
    """
    return await database.fetch(query, {"key": website.key})


async def test_late_events_find_their_sessions(
    database_url: str, database: Database, app: Application
) -> None:
    (website,) = await generated(database_url)
    events = await stored_events(database, website)
    late = [late_event(number, event) for number, event in enumerate(events[::7])]
    assert await app.write_events(website, late) == (len(late), 0)
    events += late
    assert await summaries(database, website, events) == reference_sessions(events)


def late_event(number: int, event: Event) -> Event:
    """Shortly before or after another, within and at both ends of sessions."""
    return replace(
        event,
        occurred_at=event.occurred_at + timedelta(minutes=number % 40 - 20, microseconds=1),
        event_id=f"late-{number}",
        path="/late",
        attributes=event.attributes
        | {
            "referrer": "late.example",
            "utm_source": "late",
            "city": "" if number % 3 else "Late",
        },
    )


async def test_ids_are_unique_and_in_order_of_time(database_url: str, database: Database) -> None:
    await generated(database_url, websites=3)
    agree = """
    SELECT count(*), count(DISTINCT s.session_id), count(DISTINCT v.visitor_key),
           count(*) FILTER (WHERE i.merged OR v.visitor_id <> s.visitor_id),
           count(*) FILTER (WHERE left(replace(s.session_id::text, '-', ''), 12) <> lpad(to_hex(
               floor(extract(epoch FROM s.started_at) * 1000)::bigint), 12, '0'))
      FROM sessions s
      JOIN session_ids i USING (website_key, session_id, visitor_key, started_at)
      JOIN visitors v USING (website_key, visitor_key)
    """
    ((joined, ids, visitors, wrong, not_of_its_time),) = await database.fetch(agree, {})
    assert (joined, ids, wrong, not_of_its_time) == (SESSIONS, SESSIONS, 0, 0)
    assert [(visitors,)] == await database.fetch("SELECT count(*) FROM visitors", {})


async def test_the_seed_decides(database_url: str, database: Database) -> None:
    (first,) = await generated(database_url, sessions=600)
    (again,) = await generated(database_url, sessions=600, chunk_size=150, connections=3)
    (other,) = await generated(database_url, sessions=600, seed=8)
    assert await session_rows(database, first) == await session_rows(database, again)
    assert await event_rows(database, first) == await event_rows(database, again)
    assert await session_rows(database, first) != await session_rows(database, other)


async def test_visits_look_real(database_url: str, database: Database) -> None:
    first, *others = await generated(database_url, websites=4, sessions=6_000, days=21)
    rows = [row for site in (first, *others) for row in await session_rows(database, site)]
    hits = [row["pageviews"] + row["events"] for row in rows]
    share = {name: Counter(row[name] for row in rows) for name in ("city", "browser", "entry_page")}
    visits = Counter(row["visitor_id"] for row in rows)
    assert 0.56 < hits.count(1) / len(rows) < 0.62
    assert 4 < sum(hits) / len(rows) < 5
    assert 100 < max(hits) <= 300
    assert 0.46 < len(await session_rows(database, first)) / len(rows) < 0.54
    assert 0.07 < sum(row["is_bot"] for row in rows) / len(rows) < 0.13
    assert all(row["ended_at"] < UNTIL for row in rows)
    assert any(row["pageviews"] == 0 for row in rows)
    assert any("entry" in row["order_keys"] for row in rows)
    assert max(visits.values()) > 5
    assert all(len(values) > 10 for values in share.values())
    assert share["entry_page"].most_common(1)[0][0] == "/"


async def test_gaps_are_short_within_sessions_and_long_between(
    database_url: str, database: Database
) -> None:
    await generated(database_url, sessions=4_000, days=2)
    within: LiteralString = """
    SELECT max(gap), count(*) FILTER (WHERE gap <= '0'::interval)
      FROM (SELECT e.occurred_at - lag(e.occurred_at) OVER (
                       PARTITION BY s.visitor_key, s.started_at ORDER BY e.occurred_at) AS gap
              FROM sessions s
              JOIN events e USING (website_key, visitor_key)
             WHERE e.occurred_at BETWEEN s.started_at AND s.ended_at) AS gaps
    """
    between: LiteralString = """
    SELECT min(gap)
      FROM (SELECT started_at - lag(ended_at) OVER (
                       PARTITION BY visitor_key ORDER BY started_at) AS gap
              FROM sessions) AS gaps
    """
    assert await database.fetch(within, {}) < [(timedelta(minutes=20), 0)]
    ((shortest,),) = await database.fetch(between, {})
    assert shortest > timedelta(minutes=30)


async def test_one_session(database_url: str, database: Database) -> None:
    (website,) = await generated(database_url, sessions=1, days=1)
    assert len(await session_rows(database, website)) == 1


async def test_a_website_with_visitors_is_refused(database_url: str) -> None:
    (website,) = await generated(database_url, sessions=1, days=1)
    with pytest.raises(InvalidArgument, match=r"^website: site_\w+ has visitors already"):
        await empty_website(database_url, website.website_id)

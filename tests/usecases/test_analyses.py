"""Analyses against sessions counted one by one, and each row against the list of its sessions."""

import asyncio
import csv
import gzip
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from sessions.composition import Application, open_application
from sessions.domain.behaviour_queries import FunnelQuery, TransitionQuery
from sessions.domain.breakdown_query import BreakdownQuery
from sessions.domain.dimensions import COLLECTIONS, TEXTS
from sessions.domain.dimensions import fold as dimension_fold
from sessions.domain.errors import InvalidArgument, NotFound, QueueFull
from sessions.domain.events import Event
from sessions.domain.period_comparison import ComparisonQuery
from sessions.domain.selection import SelectionQuery, day_range
from sessions.domain.websites import Website
from sessions.settings import Settings
from sessions.usecases import session_snapshot

from tests.support.columns import fold
from tests.support.events import event_of
from tests.support.real_data import real_file
from tests.support.strategies import START, arrivals
from tests.support.visits import Visit, plain_breakdown, plain_summary, visits_of

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
NO_COMPARISON = ComparisonQuery()


@pytest_asyncio.fixture
async def app(database_url: str) -> AsyncIterator[Application]:
    async with open_application(database_url, Settings()) as application:
        yield application


@pytest_asyncio.fixture
async def website(app: Application) -> Website:
    return await app.websites.get(await app.websites.create("test"))


def as_ingested(event: Event) -> Event:
    """The event with its URL, and texts in the form in which they are stored."""
    attributes = {name: dimension_fold(name, value) for name, value in event.attributes.items()}
    return structs.replace(event, url=event.path, attributes=attributes)


async def listed(
    app: Application, query: SelectionQuery, filter_: str | None, cell: str | None = None
) -> int:
    """How many sessions the list has that a row leads to."""
    assert (filter_ is None) != (cell is None)
    own = {"cell": cell} if filter_ is None else {"filter": filter_}
    found, cursor = 0, ""
    while True:
        page = await app.list_sessions(replace(query, **own), limit=2, cursor=cursor)
        found += len(page.sessions)
        if page.next_cursor is None:
            return found
        cursor = page.next_cursor


def selected(visits: Sequence[Visit], query: SelectionQuery) -> list[Visit]:
    """The sessions that a query means."""
    since, until = day_range(query.start_date, query.end_date, query.timezone, NOW)
    return [
        visit
        for visit in visits
        if since <= visit.session.started_at < until
        and (query.include_bots or not visit.session.is_bot)
        and all(visit.text(name) in values for name, values in query.filters.items())
        and (not query.filter or visit.session.pageviews >= 1)
    ]


queries: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "start_date": st.sampled_from(["2026-01-31", "2026-02-01"]),
        "end_date": st.sampled_from(["2026-02-01", "2026-02-02"]),
        "timezone": st.sampled_from(["UTC", "Asia/Kolkata", "America/St_Johns", "Pacific/Apia"]),
        "include_bots": st.booleans(),
        "filters": st.sampled_from([{}, {"country": ("", "A")}]),
        "filter": st.sampled_from(["", 'pageviews >= 1 OR page:"/nowhere"']),
    }
)
granularities = st.sampled_from(["hour", "day", "week", "month"])
dimensions = st.one_of(
    st.lists(st.sampled_from((*TEXTS, *COLLECTIONS)), min_size=1, max_size=1),
    st.permutations(["page", "browser"]),
    st.permutations(["device", "entry_page"]),
)


@settings(
    max_examples=30,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(arrivals(), queries, granularities, dimensions, st.integers(1, 4), st.integers(0, 9))
async def test_each_number_is_that_of_the_list(
    app: Application,
    batches: list[list[Event]],
    asked: Mapping[str, Any],
    granularity: str,
    dimensions: list[str],
    limit: int,
    hours: int,
) -> None:
    website = await app.websites.get(await app.websites.create("test"))
    sent = [[as_ingested(each) for each in batch] for batch in batches]
    for batch in sent:
        await app.write_events(website, batch)
        await fold(app.pools.jobs, website, START + timedelta(hours=hours), 3)
    query = SelectionQuery(website_id=website.website_id, **asked)
    visits = selected(visits_of([*chain(*sent)]), query)

    summarized = await app.analyses.summarize(query, NO_COMPARISON)
    assert summarized.summary == plain_summary(visits)

    series = await app.analyses.time_series(query, granularity)
    for bucket, is_partial, found, filter_, cell in series.buckets:
        assert cell is None
        within = [each for each in visits if bucket.start <= each.session.started_at < bucket.end]
        assert (found, is_partial) == (plain_summary(within), False)
        assert await listed(app, query, filter_) == found["sessions"]
    assert sum(each.summary["sessions"] or 0 for each in series.buckets) == len(visits)

    by = BreakdownQuery(dimensions=dimensions, limit=limit)
    breakdown = await app.analyses.breakdown(query, by)
    groups = plain_breakdown(visits, dimensions)
    assert breakdown.distinct_values == len(groups)
    assert len(breakdown.rows) == min(limit, len(groups))
    for row in breakdown.rows:
        assert row.summary == plain_summary(groups[tuple(row.values)])
        assert row.share == len(groups[tuple(row.values)]) / len(visits)
        assert await listed(app, query, row.filter) == row.summary["sessions"]
    if other := breakdown.other:
        assert await listed(app, query, other.filter, other.cell) == other.summary["sessions"]


def at(moment: datetime, visitor_id: str = "ann", number: int = 0) -> Event:
    return event_of(visitor_id=visitor_id, occurred_at=moment, event_id=f"{number}")


async def test_a_range_that_ends_today_is_partial_and_compared_up_to_now(
    app: Application, website: Website
) -> None:
    [(now,)] = await app.pools.requests.fetch("SELECT statement_timestamp()", {})
    yesterday = now - timedelta(days=1)
    since = yesterday.replace(hour=0, minute=0, second=0, microsecond=0)
    sent = [
        at(now - timedelta(seconds=1), "today"),
        at(max(since, yesterday - timedelta(minutes=1)), "before"),
        at(yesterday + timedelta(minutes=5), "after"),
    ]
    await app.write_events(website, sent)
    query = SelectionQuery(website_id=website.website_id, start_date=f"{now:%Y-%m-%d}")
    found = await app.analyses.summarize(query, ComparisonQuery(compare="previous_period"))
    assert found.comparison
    assert found.comparison.range.until == found.scope.as_of - timedelta(days=1)
    # What comes five minutes later may belong to the next day.
    assert found.summary["sessions"] in (1, 2)
    assert found.comparison.summary["sessions"] == 1
    series = await app.analyses.time_series(query)
    assert (series.granularity, series.buckets[-1].is_partial) == ("hour", True)
    assert all(each.bucket.start <= series.scope.as_of for each in series.buckets)


async def test_a_session_counts_whole_on_the_day_on_which_it_started(
    app: Application, website: Website
) -> None:
    start = datetime(2024, 2, 29, 23, 50, tzinfo=UTC)
    events = [at(start + timedelta(minutes=20 * number), number=number) for number in range(4)]
    await app.write_events(website, events)
    for day, sessions, pageviews in (("2024-02-29", 1, 4), ("2024-03-01", 0, 0)):
        query = SelectionQuery(website_id=website.website_id, start_date=day, end_date=day)
        found = (await app.analyses.summarize(query, NO_COMPARISON)).summary
        assert (found["sessions"], found["pageviews"]) == (sessions, pageviews)
    year = SelectionQuery(
        website_id=website.website_id, start_date="2025-02-28", end_date="2025-02-28"
    )
    compared = await app.analyses.summarize(year, ComparisonQuery(compare="previous_year"))
    assert compared.comparison
    assert compared.comparison.summary["sessions"] == 0


async def test_a_session_of_10_000_events(app: Application, website: Website) -> None:
    start = datetime(2026, 3, 3, 8, tzinfo=UTC)
    events = [
        event_of(
            visitor_id="ann",
            occurred_at=start + timedelta(seconds=number),
            event_id=f"{number}",
            url=f"/{number % 7}",
            path=f"/{number % 7}",
        )
        for number in range(10_000)
    ]
    for first in range(0, 10_000, 1_000):
        await app.write_events(website, events[first : first + 1_000])
    day = "2026-03-03"
    query = SelectionQuery(website_id=website.website_id, start_date=day, end_date=day)
    for _ in range(2):
        by = BreakdownQuery(dimensions=["page"], limit=3, page_times=True)
        found = await app.analyses.breakdown(query, by)
        [total] = {row.summary["total_duration"] for row in found.rows}
        assert (total, found.distinct_values, len(found.rows)) == (9_999, 7, 3)
        pages = [row.pages for row in found.rows]
        assert [each.views for each in pages if each] == [1_429] * 3
        assert [each.median_time for each in pages if each] == [1_000_000] * 3
        assert found.other
        assert found.other.pages
        assert (found.other.pages.views, found.other.pages.measured_views) == (5_713, 5_712)
        await fold(app.pools.jobs, website, NOW, 3)


@pytest.mark.parametrize(
    ("by", "message"),
    [
        (BreakdownQuery(dimensions=[]), "dimension: is missing"),
        (BreakdownQuery(dimensions=["colour"]), r"dimension\[0\]: 'colour' is none"),
        (BreakdownQuery(dimensions=["os", "os"]), "dimension: os is given twice"),
        (BreakdownQuery(dimensions=["page", "event"]), "dimension: page and event do not go"),
        (BreakdownQuery(dimensions=["os", "city", "page"]), "dimension: 3 values; send 2"),
        (BreakdownQuery(dimensions=["os"], order_by="views"), "order_by: 'views' is no metric"),
        (BreakdownQuery(dimensions=["os"], order_by="goal_rate"), "order_by: goal_rate needs"),
        (BreakdownQuery(dimensions=["os"], page_times=True), "page_times: goes with the"),
        (BreakdownQuery(dimensions=["os"], limit=-1), "limit: -1 is out of range; send 1 to 1000"),
        (BreakdownQuery(dimensions=["os"], goal="page"), "goal: "),
    ],
)
async def test_a_wrong_breakdown_is_refused(
    app: Application, by: BreakdownQuery, message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        await app.analyses.breakdown(SelectionQuery(website_id="site_0000000000"), by)


async def test_there_is_no_such_website(app: Application) -> None:
    with pytest.raises(NotFound):
        await app.analyses.time_series(SelectionQuery(website_id="site_0000000000"))


async def test_a_row_that_no_filter_can_say_has_a_cell(app: Application, website: Website) -> None:
    page = "/" + "x" * 5_000
    event = event_of(visitor_id="a", occurred_at=NOW, event_id="1", url=page, path=page)
    await app.write_events(website, [event])
    day = f"{date(2026, 3, 10)}"
    query = SelectionQuery(website_id=website.website_id, start_date=day, end_date=day)
    [row] = (await app.analyses.breakdown(query, BreakdownQuery(dimensions=["page"]))).rows
    assert row.filter is None
    assert await listed(app, query, None, row.cell) == row.summary["sessions"] == 1


async def test_the_figures_of_a_shop(app: Application, website: Website) -> None:
    """A clickstream of 600 visitors: each click is a pageview, ties stay in the order of the file.

    The figures are those of the file, counted without this service.
    """
    with gzip.open(real_file("ecom_sessions.csv.gz"), "rt") as file:
        clicks = [
            _click(number, row["user_id"], row["timestamp"], row["event"])
            for number, row in enumerate(csv.DictReader(file))
        ]
    for first in range(0, len(clicks), 5_000):
        await app.write_events(website, clicks[first : first + 5_000])
    await app.fold_blocks.completely(website.key)
    days = [min(clicks, key=_day), max(clicks, key=_day)]
    start, end = (f"{each.occurred_at:%Y-%m-%d}" for each in days)
    query = SelectionQuery(website_id=website.website_id, start_date=start, end_date=end)

    found = (await app.analyses.summarize(query, NO_COMPARISON)).summary
    named = ("sessions", "visitors", "pageviews", "bounces", "total_duration")
    assert [found[name] for name in named] == [3_605, 600, 31_106, 231, 3_747_594]
    assert (found["median_duration"], found["p90_duration"]) == (869, 2_226)

    entries = await app.analyses.breakdown(
        query, BreakdownQuery(dimensions=["entry_page"], limit=3)
    )
    assert {row.values[0]: row.summary["sessions"] for row in entries.rows} == {
        "/home": 1_148,
        "/catalog": 910,
        "/search": 689,
    }
    steps = [f'page = "/{name}"' for name in ("catalog", "add_to_cart", "cart", "purchase")]
    funnel = await app.analyses.funnel(query, FunnelQuery(steps=steps))
    assert [step.reached for step in funnel.steps] == [2_837, 819, 410, 104]
    cart = await app.analyses.transitions(query, TransitionQuery(page="/cart"))
    assert (cart.views, cart.reloads) == (1_204, 32)
    assert (cart.entries, cart.from_other) == (23, 1_149)
    assert (cart.exits, cart.to_other) == (124, 1_048)
    pages = BreakdownQuery(dimensions=["page"], page_times=True, limit=1_000)
    rows = (await app.analyses.breakdown(query, pages)).rows
    [times] = [row.pages for row in rows if list(row.values) == ["/cart"]]
    assert times
    assert (times.measured_views, times.median_time) == (1_080, 102_000_000)
    assert round((times.total_time or 0) / 1_080 / 1_000_000, 2) == 160.87
    months = await app.analyses.time_series(query, "month")
    visitors = [each.summary["visitors"] or 0 for each in months.buckets]
    assert (visitors, sum(visitors)) == ([63, 169, 309, 453, 468, 462], 1_924)


def _click(number: int, visitor_id: str, timestamp: str, name: str) -> Event:
    return event_of(
        visitor_id=visitor_id,
        occurred_at=datetime.fromisoformat(timestamp).replace(tzinfo=UTC),
        sequence=number,
        event_id=f"{number}",
        url=f"/{name}",
        path=f"/{name}",
    )


def _day(event: Event) -> datetime:
    return event.occurred_at


async def test_ten_at_once_are_answered_and_more_than_the_queue_are_told(
    app: Application, website: Website
) -> None:
    events = [at(NOW + timedelta(hours=number), f"{number}") for number in range(200)]
    await app.write_events(website, events)
    query = SelectionQuery(
        website_id=website.website_id, start_date="2026-03-01", end_date="2026-03-31"
    )

    async def ask(count: int) -> list[Any]:
        calls = (app.analyses.summarize(query, NO_COMPARISON) for _ in range(count))
        return await asyncio.gather(*calls, return_exceptions=True)

    assert [each.summary["sessions"] for each in await ask(10)] == [200] * 10
    outcomes = await ask(100)
    full = [each for each in outcomes if isinstance(each, QueueFull)]
    assert {str(each) for each in full} == {"32 analyses are waiting already, try again"}
    answered = [each for each in outcomes if not isinstance(each, Exception)]
    assert (len(answered) + len(full), len(answered) >= 33) == (100, True)


async def test_whoever_cancels_lets_the_next_one_in(
    app: Application, website: Website, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled between two parts: the rows of each hour are a part of their own."""
    monkeypatch.setattr(session_snapshot, "_SESSIONS_AT_ONCE", 1)
    await app.write_events(website, [at(NOW + timedelta(hours=n), f"{n}") for n in range(300)])
    query = SelectionQuery(
        website_id=website.website_id, start_date="2026-03-01", end_date="2026-03-31"
    )
    slow = asyncio.create_task(app.analyses.summarize(query, NO_COMPARISON))
    await asyncio.sleep(0.05)
    assert not slow.done()
    began = time.monotonic()
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert time.monotonic() - began < 1
    monkeypatch.undo()
    found = await app.analyses.summarize(query, NO_COMPARISON)
    assert found.summary["sessions"] == 300

"""What leads from each figure of an analysis gives exactly the sessions that it counts."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from random import Random
from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest
import pytest_asyncio
from analytics_sessions.v1.session_pb2 import Session
from sessions.analysis import funnel, interruption
from sessions.composition import Application, open_application
from sessions.domain.behaviour_queries import FlowQuery, FunnelQuery, PatternQuery, TransitionQuery
from sessions.domain.breakdown_query import BreakdownQuery
from sessions.domain.cells import DrillDown
from sessions.domain.errors import InvalidArgument
from sessions.domain.period_comparison import ComparisonQuery
from sessions.domain.selection import SelectionQuery
from sessions.domain.websites import Website
from sessions.settings import Settings
from sessions.usecases.fold_blocks import FoldBlocks

from tests.support.rows import event

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
STEPS = ('page = "/a"', 'page = "/b"', 'event = "click"')


@dataclass(frozen=True)
class World:
    """A website with random sessions, of which one half is in blocks."""

    app: Application
    website: Website

    def query(self, **more: object) -> SelectionQuery:
        days: dict[str, Any] = {
            "start_date": "2026-03-02",
            "end_date": "2026-03-08",
            "timezone": "Europe/Berlin",
        }
        return SelectionQuery(website_id=self.website.website_id, **days | more)

    async def listed(self, query: SelectionQuery) -> list[str]:
        """The visitors of all sessions of a list."""
        found: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = await self.app.list_sessions(query, limit=100, cursor=cursor)
            found += [Session.FromString(message).visitor_id for message in page.sessions]
            cursor = page.next_cursor
        return found

    async def count(self, query: SelectionQuery, to: DrillDown) -> tuple[int, int]:
        """How many sessions and visitors there are, by the list and by the summary."""
        sent = {name: value for name, value in to._asdict().items() if value}
        assert sent
        asked = replace(query, **sent)
        visitors = await self.listed(asked)
        found = await self.app.analyses.summarize(asked, ComparisonQuery())
        counts = len(visitors), len(set(visitors))
        parts = [part async for part in self.app.export_sessions(asked)]
        assert parts[-1].sessions == counts[0]
        assert (found.summary["sessions"], found.summary["visitors"]) == counts
        return counts

    async def sessions(self, query: SelectionQuery, cell: str) -> int:
        return (await self.count(query, DrillDown(cell=cell)))[0]

    async def visitors(self, query: SelectionQuery, cell: str) -> int:
        return (await self.count(query, DrillDown(cell=cell)))[1]


@pytest_asyncio.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    chance = Random(7)  # noqa: S311
    async with open_application(database_url, Settings(database_url=database_url)) as app:
        website = await app.websites.get(await app.websites.create("test"))
        sent = []
        for _ in range(150):
            visitor = f"visitor {chance.randrange(40)}"
            moment = START + timedelta(hours=chance.randrange(200), seconds=chance.randrange(900))
            countries = {"country": chance.choice(["DE", "US", "FR", ""])}
            is_bot = chance.random() < 0.05
            for _ in range(chance.choice([1, 2, 3, 5, 8])):
                page = chance.choice(["/a", "/a", "/b", "/c", "/d", ""])
                what: dict[str, Any] = {"path": page, "url": page}
                if chance.random() < 0.25:
                    what = {"event_name": chance.choice(["click", "buy"]), "is_pageview": False}
                sent.append(event(visitor, moment, attributes=countries, is_bot=is_bot, **what))
                moment += timedelta(seconds=chance.choice([0, 1, 60, 600]))
        await app.write_events(website, sent)
        half = START + timedelta(hours=100)
        await FoldBlocks(app.pools.jobs, lambda: half, max_sessions=20).completely(website.key)
        yield World(app, website)


FUNNELS = [
    FunnelQuery(steps=STEPS),
    FunnelQuery(steps=STEPS, window=60),
    FunnelQuery(steps=STEPS[:2], order="strict"),
    FunnelQuery(steps=STEPS[:2], dimension="country", limit=2),
    FunnelQuery(steps=STEPS, unit="visitor", window=2 * 86_400),
    FunnelQuery(steps=STEPS[:2], unit="visitor", window=86_400, dimension="entry_page", limit=1),
]
SELECTIONS = [
    {},
    {"filter": 'country = "DE" OR pageviews > 1', "include_bots": True},
    {"journey": ('page = "/a"',), "filters": {"page": ["/b", "/c"]}},
]


@pytest.mark.parametrize("more", SELECTIONS, ids=["all", "filter", "journey"])
async def test_funnels(world: World, more: dict[str, object]) -> None:
    query = world.query(**more)
    for asked in FUNNELS:
        found = await world.app.analyses.funnel(query, asked)
        assert found.steps[1].reached, asked
        for steps in (found.steps, found.other, *(row.steps for row in found.rows)):
            for step in steps:
                figures = [(step.reached, step.reached_sessions)]
                if step.dropped_sessions:
                    figures.append((step.dropped, step.dropped_sessions))
                for figure, to in figures:
                    counts = await world.count(query, to)
                    assert counts[asked.unit == "visitor"] == figure, (asked, step)


@pytest.mark.parametrize("more", SELECTIONS, ids=["all", "filter", "journey"])
async def test_flows(world: World, more: dict[str, object]) -> None:
    query = world.query(**more)
    for asked in (
        FlowQuery(depth=2, width=2),
        FlowQuery(depth=2, width=1, items="both", anchor='page = "/b"', collapse_repeats=False),
        FlowQuery(depth=2, width=1, anchor='event = "click"', direction="previous"),
    ):
        found = await world.app.analyses.flows(query, asked)
        assert len(found.nodes) > 2
        for node in found.nodes:
            assert await world.sessions(query, node.cell) == node.sessions
            for name in ("ended", "truncated", "other"):
                assert await world.sessions(query, f"{node.cell}.{name}") == getattr(node, name)


@pytest.mark.parametrize("more", SELECTIONS, ids=["all", "filter", "journey"])
async def test_transitions(world: World, more: dict[str, object]) -> None:
    query = world.query(**more)
    found = await world.app.analyses.transitions(query, TransitionQuery(page="/a", limit=2))
    assert (await world.count(query, found.view_sessions))[0] == found.sessions
    assert (await world.count(query, found.entry_sessions))[0] == found.entries
    assert (await world.count(query, found.exit_sessions))[0] == found.exits
    assert 0 < (await world.count(query, found.reload_sessions))[0] <= found.reloads
    for rows in (found.previous, found.next):
        for row in rows[:-1]:
            assert await world.sessions(query, row.cell) == row.sessions
        assert rows[-1].page is None
        assert 0 < await world.sessions(query, rows[-1].cell) <= rows[-1].views


@pytest.mark.parametrize("more", SELECTIONS, ids=["all", "filter", "journey"])
async def test_cohorts(world: World, more: dict[str, object]) -> None:
    query = world.query(start_date="2026-03-04", **more)
    found = await world.app.analyses.cohorts(query, "day")
    assert [len(cohort.periods) for cohort in found.cohorts] == [5, 4, 3, 2, 1]
    for cohort in found.cohorts:
        assert cohort.periods[0].returned == cohort.visitors
        for period in cohort.periods:
            assert await world.visitors(query, period.cell) == period.returned
    assert sum(cohort.visitors for cohort in found.cohorts) > 0


@pytest.mark.parametrize("more", SELECTIONS, ids=["all", "filter", "journey"])
async def test_patterns(world: World, more: dict[str, object]) -> None:
    query = world.query(**more)
    asked = PatternQuery(goal='event = "buy"', items="both", min_sessions=3, limit=5)
    found = await world.app.analyses.patterns(query, asked)
    assert len(found.patterns) == 5
    for row in found.patterns:
        assert row.with_goal
        assert row.without_goal
        assert await world.sessions(query, row.cell) == row.figures.sessions
        assert await world.sessions(query, f"{row.cell}.with_goal") == row.with_goal.sessions
        assert await world.sessions(query, f"{row.cell}.without_goal") == row.without_goal.sessions


async def test_an_analysis_of_a_cell(world: World) -> None:
    query = world.query()
    flows = await world.app.analyses.flows(query, FlowQuery(width=2))
    within = replace(query, cell=flows.nodes[1].cell)
    again = await world.app.analyses.flows(within, FlowQuery(width=2))
    assert again.nodes[0].sessions == flows.nodes[1].sessions
    assert again.nodes[1].item == flows.nodes[1].item
    for node in again.nodes:
        assert await world.sessions(within, node.cell) == node.sessions
    for step in (await world.app.analyses.funnel(within, FunnelQuery(steps=STEPS))).steps:
        assert (await world.count(within, step.reached_sessions))[0] == step.reached
    found = await world.app.analyses.transitions(within, TransitionQuery(page="/b"))
    assert (await world.count(within, found.view_sessions))[0] == found.sessions > 0
    assert (await world.count(within, found.entry_sessions))[0] == found.entries
    for bucket in (await world.app.analyses.time_series(within, "day")).buckets:
        counts = await world.count(within, DrillDown(cell=bucket.cell or ""))
        assert counts[0] == bucket.summary["sessions"]
    by = BreakdownQuery(dimensions=("page",), limit=2)
    rows = await world.app.analyses.breakdown(within, by)
    assert rows.other
    for row in (*rows.rows, rows.other):
        counts = await world.count(within, DrillDown(cell=row.cell or ""))
        assert counts[0] == row.summary["sessions"]


async def test_whether_a_funnel_of_visitors_is_complete(world: World) -> None:
    """A session that starts on the last day may take its first step after midnight."""
    now = datetime.now(UTC)
    midnight = datetime.combine(now.date() - timedelta(days=1), time(), UTC)
    sent = [
        event("late", midnight + timedelta(minutes=minutes), path=path, url=path)
        for minutes, path in ((-10, "/c"), (15, "/a"))
    ]
    await world.app.write_events(world.website, sent)
    day = str((midnight - timedelta(days=1)).date())
    query = world.query(start_date=day, end_date=day, timezone="")
    for minutes, is_complete in ((5, False), (20, True)):
        window = int((now - midnight).total_seconds()) - 60 * minutes
        asked = FunnelQuery(steps=STEPS[:2], unit="visitor", window=window)
        found = await world.app.analyses.funnel(query, asked)
        assert (found.steps[0].reached, found.is_complete) == (1, is_complete)


async def test_cohorts_of_one_day_are_by_day(world: World) -> None:
    found = await world.app.analyses.cohorts(world.query(end_date="2026-03-02"), "")
    assert found.granularity == "day"


async def test_an_estimate_knows_cells(world: World) -> None:
    query = world.query(end_date="")
    cell = (await world.app.analyses.flows(query, FlowQuery())).nodes[0].cell
    assert await world.app.export_sessions.estimate(replace(query, cell=cell)) > 0
    with pytest.raises(InvalidArgument, match="cell: not a cell of this selection"):
        await world.app.export_sessions.estimate(replace(query, cell="x"))


async def test_a_cell_fits_its_selection_only(world: World) -> None:
    query = world.query()
    cell = (await world.app.analyses.flows(query, FlowQuery())).nodes[1].cell
    others = [
        world.query(cell=cell, timezone="UTC"),
        world.query(cell=cell, include_bots=True),
        world.query(cell=cell, end_date="2026-03-07"),
        world.query(cell=cell, filter="pageviews > 0"),
        world.query(cell=cell, journey=('page = "/a"',)),
        world.query(cell=cell[:-1] + ("A" if cell[-1] != "A" else "B")),
        world.query(cell=f"{cell}.dropped"),
        world.query(cell=f"{cell}~{cell}"),
        world.query(cell="~"),
    ]
    for other in others:
        with pytest.raises(InvalidArgument, match="cell: not a cell of this selection"):
            await world.app.list_sessions(other)
        with pytest.raises(InvalidArgument, match="cell: not a cell of this selection"):
            await world.app.analyses.summarize(other, ComparisonQuery())


async def test_pages_of_the_list_of_a_cell(world: World) -> None:
    query = world.query()
    node = (await world.app.analyses.flows(query, FlowQuery())).nodes[0]
    cursor: str | None = ""
    asked, found = replace(query, cell=node.cell), 0
    while cursor is not None:
        page = await world.app.list_sessions(asked, limit=7, cursor=cursor)
        cursor, found = page.next_cursor, found + len(page.sessions)
        if cursor:
            with pytest.raises(InvalidArgument, match="cursor"):
                await world.app.list_sessions(query, limit=7, cursor=cursor)
    assert found == node.sessions


async def test_a_call_that_is_given_up_ends_within_a_second_and_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = Event()

    def slowly(*_: object, **__: object) -> Any:
        began.set()
        while True:
            interruption.check()
            sleep(0.01)

    query = world.query()
    asked = FunnelQuery(steps=STEPS, unit="visitor", window=60)
    threads = threading.active_count()
    with monkeypatch.context() as patched:
        patched.setattr(funnel, "best_chains", slowly)
        call = asyncio.create_task(world.app.analyses.funnel(query, asked))
        await asyncio.to_thread(began.wait)
        given_up = monotonic()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert monotonic() - given_up < 1
    # The turn is free, and the connection is back.
    assert (await world.app.analyses.funnel(query, asked)).steps[0].reached
    # One reads the next block, one counts, one waits for the next call.
    assert threading.active_count() <= threads + 3

"""A walk over all pages is the whole list in order, also while events are being recorded."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

import pytest
import pytest_asyncio
from sessions.composition import Application
from sessions.domain.events import EventInput
from sessions.domain.predicates import OneOf
from sessions.domain.selection import Range, Selection
from sessions.domain.session_ids import format_session_id
from sessions.domain.websites import Website
from sessions.storage import session_list
from sessions.storage.database import Database
from sessions.storage.rows import SESSIONS

from tests.support.clients import Query, Way

START = datetime(2026, 2, 27, tzinfo=UTC)
DAYS = {"start_date": "2026-02-27", "end_date": "2026-03-05"}
MINUTE = timedelta(minutes=1)
VISITS = 240

SessionKey = tuple[datetime, str]
"""(started_at, session_id): what the list is ordered by."""


@pytest.fixture
def choose() -> random.Random:
    """The chance of one test; TEST_SEED repeats it."""
    seed = int(os.environ.get("TEST_SEED") or random.SystemRandom().getrandbits(32))
    print(f"repeat with TEST_SEED={seed}")
    return random.Random(seed)  # noqa: S311


def view(visitor: str, at: datetime, country: str = "") -> EventInput:
    """A pageview."""
    return EventInput(
        event_type="pageview", visitor_id=visitor, timestamp=at, url="/", country=country
    )


async def record(application: Application, website: Website, sent: Sequence[EventInput]) -> None:
    """Record events in one batch."""
    now = datetime.now(UTC)
    events = application.enricher.enrich_all(sent, website_id=website.website_id, received_at=now)
    await application.write_events(website, events)


def walk(
    way: Way, website_id: str, query: Query, key: str, limits: Iterator[int]
) -> list[SessionKey]:
    """The sessions of all pages; each page has the next limit."""
    found: list[SessionKey] = []
    cursor: str | None = ""
    while cursor is not None:
        limit = next(limits)
        sent = {**DAYS, **query, "limit": limit, **({"cursor": cursor} if cursor else {})}
        page = way.list_sessions(website_id, sent, key)
        positions = [
            (datetime.fromisoformat(row["started_at"]), row["session_id"])
            for row in page["sessions"]
        ]
        assert len(positions) <= limit
        assert not positions or not found or positions[0] < found[-1], (
            "a page goes on after the last"
        )
        found += positions
        cursor = page["next_cursor"]
    return found


async def stored(application: Application, website: Website, country: str = "") -> list[SessionKey]:
    """All sessions from the table, of one country if that is given, sorted here."""
    query = "SELECT started_at, session_id, country FROM sessions WHERE website_key = %(key)s"
    rows: list[tuple[Any, ...]]
    rows = await application.pools.requests.fetch(query, {"key": website.key})
    positions = [(at, format_session_id(id_)) for at, id_, its in rows if country in ("", its)]
    return sorted(positions, reverse=True)


@pytest_asyncio.fixture
async def visits(
    application: Application, website: Website, choose: random.Random
) -> dict[str, datetime]:
    """Visitors with one visit each, and when it began: many at the same microsecond."""
    starts = [START + choose.randrange(5 * 24 * 60) * MINUTE for _ in range(12)]
    same = datetime(2026, 3, 1, tzinfo=UTC)  # also the first moment of a partition
    begun = {
        f"visitor-{number}": same if number % 3 == 0 else choose.choice(starts)
        for number in range(VISITS)
    }
    sent = [view(visitor, at, choose.choice(["US", "DE"])) for visitor, at in begun.items()]
    choose.shuffle(sent)
    for start in range(0, VISITS, 80):
        await record(application, website, sent[start : start + 80])
    return begun


@pytest.mark.parametrize("limits", [[1], [7], [50], [100], [1, 7, 50, 100, 3]], ids=str)
async def test_a_walk_is_the_whole_list_in_order(
    way: Way,
    key: str,
    application: Application,
    website: Website,
    visits: dict[str, datetime],
    limits: list[int],
) -> None:
    everything = await stored(application, website)
    assert len(everything) == len(visits)
    assert walk(way, website.website_id, {}, key, cycle(limits)) == everything
    of_us = await stored(application, website, "US")
    assert 0 < len(of_us) < len(everything)
    query = {"filter_country": ["us"]}
    assert walk(way, website.website_id, query, key, cycle(limits)) == of_us


async def test_a_last_page_that_is_full_is_known_to_be_the_last(
    way: Way, key: str, application: Application, website: Website
) -> None:
    await record(application, website, [view(f"{number}", START) for number in range(100)])
    for limit in (1, 2, 25, 50, 100):
        pages = list(way.walk(website.website_id, {**DAYS, "limit": limit}, key))
        assert [len(page) for page in pages] == [limit] * (100 // limit)


@dataclass
class Writers:
    """Those who record while somebody reads."""

    application: Application
    website: Website
    visits: dict[str, datetime]
    choose: random.Random
    new: int = 0
    stopped: bool = False
    extended: dict[str, datetime] = field(default_factory=dict)

    async def begin_visits(self) -> None:
        """Visits later than all, as they come in on a live website."""
        while not self.stopped:
            at = START + timedelta(days=6, seconds=self.new)
            await record(self.application, self.website, [self._visitor(at), self._visitor(at)])

    async def find_old_visits(self) -> None:
        """Visits anywhere among those that are known, some at the very same moment."""
        while not self.stopped:
            at = self.choose.choice([*self.visits.values()])
            at += self.choose.choice([0, 0, 1, -1]) * MINUTE
            await record(self.application, self.website, [self._visitor(at)])

    async def go_on(self) -> None:
        """Late events that make known visits longer at their end."""
        while not self.stopped:
            visitors = self.choose.sample([*self.visits], 10)
            last = {name: self.extended.get(name, self.visits[name]) for name in visitors}
            self.extended |= {name: at + 20 * MINUTE for name, at in last.items()}
            sent = [view(name, self.extended[name]) for name in visitors]
            await record(self.application, self.website, sent)

    def _visitor(self, at: datetime) -> EventInput:
        self.new += 1
        return view(f"new-{self.new}", at, "US")


@pytest.mark.parametrize("limits", [[7], [1, 7, 50, 3]], ids=str)
async def test_a_walk_misses_and_repeats_nothing_while_events_come_in(
    way: Way,
    key: str,
    application: Application,
    website: Website,
    visits: dict[str, datetime],
    choose: random.Random,
    limits: list[int],
) -> None:
    before = await stored(application, website)
    writers = Writers(application, website, visits, choose)
    async with asyncio.TaskGroup() as tasks:
        for job in (writers.begin_visits, writers.find_old_visits, writers.go_on, writers.go_on):
            tasks.create_task(job())
        try:
            for _ in range(3):
                new, extended = writers.new, dict(writers.extended)
                found = await asyncio.to_thread(
                    walk, way, website.website_id, {}, key, cycle(limits)
                )
                assert writers.new > new
                assert writers.extended != extended
                assert found == sorted(set(found), reverse=True), "in order, and nothing twice"
                assert [place for place in found if place in {*before}] == before
        finally:
            writers.stopped = True
    assert {*before} < {*await stored(application, website)}


class Interrupted(Database):
    """A database where something happens after one of the statements."""

    def __init__(
        self, database: Database, statement: int, interruption: Callable[[], Awaitable[None]]
    ) -> None:
        self._inner, self._left, self._interruption = database, statement, interruption

    async def fetch(self, *arguments: Any) -> Any:
        """What was asked for; then it may happen."""
        rows = await self._inner.fetch(*arguments)
        self._left -= 1
        if not self._left:
            await self._interruption()
        return rows

    def transaction(self) -> Any:
        """As it is."""
        return self._inner.transaction()


@pytest.mark.parametrize("statement", [1, 2])
@pytest.mark.parametrize("change", ["more", "fewer"])
async def test_a_page_that_takes_several_statements_misses_and_repeats_nothing(
    application: Application,
    website: Website,
    statement: int,
    change: str,
) -> None:
    """Rare sessions are looked for among the newest ones (here 100) and then further on.

    Where the one ends and the other begins, there may be more or fewer of the newest by then.
    """
    rare = range(70, 131)
    newest = START + timedelta(days=5)
    # One visitor comes again and again, at last; events between its visits make one of them all.
    visits = [newest + 40 * number * MINUTE for number in range(16)]
    between = [view("again", at + 20 * MINUTE) for at in visits[:-1]]
    later = [view(f"new-{number}", visits[-1]) for number in range(15)]
    others = [
        view(f"{rank}", newest - rank * MINUTE, "XX" if rank in rare else "US")
        for rank in range(len(visits), 200)
    ]
    await record(application, website, [view("again", at) for at in visits] + others)

    async def interruption() -> None:
        await record(application, website, later if change == "more" else between)

    page = await session_list.list_page(
        Interrupted(application.pools.requests, statement, interruption),
        website.key,
        Selection(
            range=Range(START, START + timedelta(days=7)),
            include_bots=True,
            predicate=OneOf("country", ("XX",)),
            identity=b"",
        ),
        after=None,
        limit=100,
        form=SESSIONS,
        newest=100,
        budget=60.0,
    )
    found = [session.visitor_id for session in page.sessions]
    assert found == [str(rank) for rank in rare]

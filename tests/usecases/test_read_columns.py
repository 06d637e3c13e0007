"""Reading columns: what is selected, in turn, and refused where it would take too long."""

import asyncio
import time
from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, LiteralString

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sessions.analysis.columns import Columns
from sessions.domain.errors import QueueFull
from sessions.domain.events import Event
from sessions.domain.hours import microseconds
from sessions.domain.predicates import Has, OneOf, Predicate
from sessions.domain.selection import Range, Selection
from sessions.domain.visitors import Visitors
from sessions.domain.websites import Website
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.storage.predicates import compile_predicate, in_rows
from sessions.usecases import turns
from sessions.usecases.read_columns import ReadColumns
from sessions.usecases.write_events import EventWriter

from tests.support.columns import accumulate, fold, selection
from tests.support.reference import Expected, matches, reference_sessions
from tests.support.rows import event, new_website
from tests.support.strategies import START, arrivals, moments, predicates

HOUR = timedelta(hours=1)


class Starts:
    """An accumulator that lists the selected sessions by start and visitor."""

    columns: Collection[str] = ()

    def __init__(self) -> None:
        self.found: list[tuple[int, int]] = []

    def add(self, part: Columns) -> None:
        """List the sessions of a part."""
        compact = part.compact()
        pairs = zip(compact["started_at"].tolist(), compact["visitor_key"].tolist(), strict=True)
        self.found += pairs


async def from_columns(
    database: Database, website: Website, asked: Selection
) -> list[tuple[int, int]]:
    starts = Starts()
    await accumulate(ReadColumns(database), website.key, asked, starts)
    return sorted(starts.found)


async def from_rows(
    database: Database, website: Website, asked: Selection
) -> list[tuple[int, int]]:
    condition, parameters = compile_predicate(asked.predicate)
    bots: LiteralString = "" if asked.include_bots else "AND NOT s.is_bot"
    query = f"""
    SELECT s.started_at, s.visitor_key
      FROM sessions s
     WHERE s.website_key = %(website_key)s AND {condition} {bots}
       AND s.started_at >= %(since)s AND s.started_at < %(until)s
    """  # noqa: S608 - made by the compiler
    values = parameters | asked.range._asdict() | {"website_key": website.key}
    found = await database.fetch(query, values)
    return sorted((microseconds(started_at), visitor) for started_at, visitor in found)


def as_defined(
    sessions: list[Expected], keys: dict[str, int], asked: Selection
) -> list[tuple[int, int]]:
    return sorted(
        (microseconds(session.started_at), keys[session.visitor_id])
        for session in sessions
        if asked.range.since <= session.started_at < asked.range.until
        and (asked.include_bots or not session.is_bot)
        and matches(asked.predicate, session)
    )


@settings(
    max_examples=100,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    batches=arrivals(),
    predicates=st.lists(predicates(), min_size=1, max_size=6),
    range_=st.tuples(moments, moments).map(sorted),
    include_bots=st.booleans(),
    data=st.data(),
)
async def test_rows_and_columns_and_the_definition_select_the_same_sessions(
    database: Database,
    batches: list[list[Event]],
    predicates: list[Predicate],
    range_: list[datetime],
    include_bots: bool,
    data: st.DataObject,
) -> None:
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    sent = [[replace(each, url=each.path) for each in batch] for batch in batches]
    for batch in sent:
        await record(website, batch)
        if data.draw(st.booleans(), "fold"):
            now = START + data.draw(st.integers(0, 8), "hours") * HOUR
            await fold(database, website, now, data.draw(st.integers(1, 4), "most"))
    query = "SELECT visitor_id, visitor_key FROM visitors WHERE website_key = %(key)s"
    keys: dict[str, int] = dict(await database.fetch(query, {"key": website.key}))
    sessions = reference_sessions(chain(*sent))
    for predicate in predicates:
        asked = selection(Range(*range_), predicate, include_bots=include_bots)
        expected = as_defined(sessions, keys, asked)
        assert await from_columns(database, website, asked) == expected
        if in_rows(predicate):
            assert await from_rows(database, website, asked) == expected


async def test_none_of_a_collection(database: Database) -> None:
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    click: dict[str, Any] = {"is_pageview": False, "event_name": "click"}
    sent = [
        event("views", START, url="/a", path="/a"),
        event("clicks", START + HOUR, url="/a", path="/a", **click),
        event("both", START + 2 * HOUR, url="/a", path="/a"),
        event("both", START + 2 * HOUR, **click),
        event("a view of nothing", START + 3 * HOUR),
    ]
    await record(website, sent)
    expected: list[tuple[Predicate, list[int]]] = [
        (Has("page", ("",)), [1, 3]),
        (Has("event", ("",)), [0, 3]),
        (Has("event", ("", "click")), [0, 1, 2, 3]),
        (Has("page", ("/a", "")), [0, 1, 2, 3]),
        (OneOf("entry_page", ("",)), [1, 3]),
    ]
    for _ in range(2):
        for predicate, hours in expected:
            found = await from_columns(database, website, selection(predicate=predicate))
            assert [(at - microseconds(START)) // 3_600_000_000 for at, _ in found] == hours
        await fold(database, website, START + 9 * HOUR, 10)


class Slow(Starts):
    """An accumulator that takes its time, and knows how many do so at once."""

    running = most = 0

    def add(self, part: Columns) -> None:
        """Wait, and count."""
        Slow.running += 1
        Slow.most = max(Slow.most, Slow.running)

        time.sleep(0.05)
        Slow.running -= 1


async def test_reads_take_turns_and_only_so_many_wait(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "MAX_WAITING", 3)
    website = await new_website(database)
    await EventWriter(database, Partitions(database), Visitors(b"secret"))(
        website, [event("ann", START)]
    )
    reader = ReadColumns(database)
    reads = [
        asyncio.create_task(accumulate(reader, website.key, selection(), Slow())) for _ in range(5)
    ]
    outcomes = await asyncio.gather(*reads, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [datetime] * 4 + [QueueFull]
    assert Slow.most == 1


async def test_whoever_gives_up_leaves_the_queue(database: Database) -> None:
    website = await new_website(database)
    await EventWriter(database, Partitions(database), Visitors(b"secret"))(
        website, [event("ann", START)]
    )
    reader = ReadColumns(database)
    first, second = (
        asyncio.create_task(accumulate(reader, website.key, selection(), Slow())) for _ in range(2)
    )
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await accumulate(reader, website.key, selection(), Slow())
    await asyncio.gather(first, second)
    await accumulate(reader, website.key, selection(), Slow())

"""The list is the same whichever way its sessions are found, and equals the definition."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sessions.analysis import rows
from sessions.analysis.columns import Columns
from sessions.domain.errors import InvalidArgument, Unavailable
from sessions.domain.events import Event
from sessions.domain.paging import Position
from sessions.domain.predicates import (
    All,
    Between,
    Either,
    Has,
    HasLike,
    Journey,
    Like,
    Not,
    OneOf,
    Pattern,
    Predicate,
)
from sessions.domain.selection import Range, Selection
from sessions.domain.session import Session
from sessions.domain.visitors import Visitors
from sessions.storage import session_list, visitor_keys
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.storage.predicates import Access, access, in_rows
from sessions.storage.rows import SESSIONS
from sessions.storage.session_list import ListPage, start_of
from sessions.usecases import search_columns, search_timelines
from sessions.usecases.fold_blocks import FoldBlocks
from sessions.usecases.read_columns import ReadColumns
from sessions.usecases.search_columns import SearchColumns
from sessions.usecases.search_timelines import timeline_page
from sessions.usecases.write_events import EventWriter

from tests.support.columns import accumulate, fold, selection
from tests.support.reference import matches, reference_sessions
from tests.support.rows import event, new_website
from tests.support.strategies import START, arrivals, moments, predicates

HOUR = timedelta(hours=1)


Find = Callable[..., Awaitable[ListPage[Session]]]


async def walk(
    find: Find, website_key: int, asked: Selection, limit: int
) -> list[tuple[list[Session], Position | None]]:
    """All pages, as they are, and after which position the next one begins."""
    pages, after = [], start_of(asked)
    while True:
        page = await find(website_key, asked, after=after, limit=limit, form=SESSIONS)
        pages.append((page.sessions, page.end))
        if page.end is None:
            return pages
        assert page.end < after, "no way forward"
        after = page.end


def sessions_of(pages: list[tuple[list[Session], Position | None]]) -> list[tuple[datetime, str]]:
    return [(each.started_at, each.visitor_id) for found, _ in pages for each in found]


def in_order(pages: list[tuple[list[Session], Position | None]]) -> bool:
    positions = [(each.started_at, each.session_id) for found, _ in pages for each in found]
    return positions == sorted(positions, reverse=True)


@settings(
    max_examples=100,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    batches=arrivals(),
    predicates=st.lists(predicates(), min_size=1, max_size=5),
    range_=st.tuples(moments, moments).map(sorted),
    include_bots=st.booleans(),
    limit=st.integers(1, 4),
    data=st.data(),
)
async def test_columns_and_rows_and_the_definition_give_the_same_list(
    database: Database,
    batches: list[list[Event]],
    predicates: list[Predicate],
    range_: list[datetime],
    include_bots: bool,
    limit: int,
    data: st.DataObject,
) -> None:
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    sent = [[replace(each, url=each.path) for each in batch] for batch in batches]
    for batch in sent:
        await record(website, batch)
        if data.draw(st.booleans(), "fold"):
            now = START + data.draw(st.integers(0, 8), "hours") * HOUR
            await fold(database, website, now, max_sessions=3)
    sessions = reference_sessions(chain(*sent))
    for predicate in predicates:
        asked = selection(Range(*range_), predicate, include_bots=include_bots)
        expected = sorted(
            (
                (session.started_at, session.visitor_id)
                for session in sessions
                if asked.range.since <= session.started_at < asked.range.until
                and (include_bots or not session.is_bot)
                and matches(predicate, session)
            ),
            reverse=True,
        )
        whole = await walk(SearchColumns(database), website.key, asked, limit)
        assert in_order(whole)
        assert sorted(sessions_of(whole), reverse=True) == expected
        # Without time, pages end short, and together hold the same.
        hasty = await walk(SearchColumns(database, budget=0), website.key, asked, limit)
        assert [s for found, _ in hasty for s in found] == [s for found, _ in whole for s in found]
        if in_rows(predicate):
            through_rows = partial(session_list.list_page, database, newest=1, budget=60)
            assert await walk(through_rows, website.key, asked, limit) == whole
        if access(predicate) is Access.TIMELINE:
            timelines = partial(timeline_page, database)
            assert await walk(timelines, website.key, asked, limit) == whole


async def test_sessions_of_one_moment_are_on_pages_of_any_size(database: Database) -> None:
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    await record(website, [event(f"v{number}", START) for number in range(12)])
    await record(website, [event("before", START - HOUR)])
    asked = selection(predicate=Between("pageviews", 1, None))
    for _ in range(2):
        for limit in (1, 5, 11, 12, 13, 14):
            pages = await walk(SearchColumns(database), website.key, asked, limit)
            assert in_order(pages)
            assert len({*sessions_of(pages)}) == len(sessions_of(pages)) == 13
        await fold(database, website, START + 9 * HOUR, max_sessions=3)


class Slow:
    """An accumulator that takes a second."""

    columns: Collection[str] = ()

    def add(self, part: Columns) -> None:
        time.sleep(1)


async def test_a_list_does_not_wait_for_an_analysis(database: Database) -> None:
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    await record(website, [event("ann", START)])
    reader, asked = ReadColumns(database), selection()
    analysis = asyncio.create_task(accumulate(reader, website.key, asked, Slow()))
    pages = await walk(SearchColumns(database), website.key, asked, 10)
    assert len(sessions_of(pages)) == 1
    assert not analysis.done()
    await analysis


async def test_a_damaged_block_is_read_from_rows_and_built_again(database: Database) -> None:
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    await record(website, [event("ann", START), event("bob", START + HOUR)])
    await fold(database, website, START + 9 * HOUR, max_sessions=3)
    asked = selection(predicate=Between("duration", 0, 0))
    for damage in ("duration = '\\x07'", "checksum = '\\x07'"):
        async with database.transaction() as connection:
            key = {"key": website.key}
            await connection.execute(
                f"UPDATE blocks SET {damage} WHERE website_key = %(key)s",  # noqa: S608
                key,
            )
        pages = await walk(SearchColumns(database), website.key, asked, 10)
        assert sessions_of(pages) == [(START + HOUR, "bob"), (START, "ann")]
        noted = await database.fetch("SELECT FROM changed_hours WHERE website_key = %(key)s", key)
        assert len(noted) == 2
        await fold(database, website, START + 9 * HOUR, max_sessions=3)


async def test_pages_read_few_changed_sessions_each(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a block spans them, as after an import into days that were there before."""
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    await record(website, [event(f"old {hour}", START + hour * HOUR) for hour in range(20)])
    folding = FoldBlocks(database, lambda: START + 40 * HOUR)
    _ = [hours async for hours in folding.website(website.key)]
    new = [event(f"new {n}", START + hour * HOUR) for n in range(3) for hour in range(24)]
    await record(website, new)
    parts: list[int] = []

    original = rows.columns_of

    def columns_of(fetched: dict[str, bytes]) -> Columns:
        columns = original(fetched)
        parts.append(len(columns))
        return columns

    monkeypatch.setattr(search_columns, "_MOST", 9)
    monkeypatch.setattr(rows, "columns_of", columns_of)
    asked = selection(predicate=Between("pageviews", 2, None))
    hasty = await walk(SearchColumns(database, budget=0), website.key, asked, 10)
    assert sum(parts) == 20 + 3 * 24
    assert max(parts) <= 9
    assert len(hasty) >= len(parts) > 8


async def test_an_hour_in_which_very_much_has_changed_is_refused(database: Database) -> None:
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    await record(website, [event(f"v{number}", START) for number in range(4)])
    asked = selection(predicate=Between("pageviews", 1, None))
    assert len(sessions_of(await walk(SearchColumns(database), website.key, asked, 9))) == 4
    with pytest.raises(Unavailable) as caught:
        await walk(SearchColumns(database, max_hour=3), website.key, asked, 9)
    assert caught.value.retry_after


async def test_a_condition_on_too_many_visitors_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor_keys, "MAX_VISITORS", 2)
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    await record(website, [event(name, START) for name in ("ann", "amy", "bob", "bea", "ada")])
    for text, expected in (("a", None), ("b", 2), ("c", 0)):
        like = Like("visitor_id", Pattern(text, False, True))
        find = walk(SearchColumns(database), website.key, selection(predicate=like), 9)
        if expected is None:
            with pytest.raises(InvalidArgument, match="filter: visitor_id matches more than 2"):
                await find
        else:
            assert len(sessions_of(await find)) == expected


async def test_events_of_few_sessions_of_a_visitor_are_looked_at_for_a_page(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_timelines, "MOST", 4)
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    urls = {hour: "/a" if hour % 5 else "/b" for hour in range(20)}
    sent = [event("ann", START + hour * HOUR, url=url) for hour, url in urls.items()]
    await record(website, [*sent, event("bob", START, url="/b")])
    journey = Journey((OneOf("page", ("/b",)),))
    asked = selection(predicate=All((OneOf("visitor_id", ("ann",)), journey)))
    pages = await walk(partial(timeline_page, database), website.key, asked, 2)
    assert sessions_of(pages) == [(START + hour * HOUR, "ann") for hour in (15, 10, 5, 0)]
    assert len(pages) > 4


US = OneOf("country", ("US",))
LONG = Between("duration", 60, None)
ANN = OneOf("visitor_id", ("ann",))
VISIT = Journey((OneOf("page", ("/",)),))


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        (All(), Access.INDEX),
        (US, Access.INDEX),
        (Has("page", ("/", "")), Access.INDEX),
        (Has("event", ("buy",)), Access.INDEX),
        (Either((US, OneOf("os", ("Linux",)))), Access.INDEX),
        (All((US, Either((US, Has("page", ("/",)))))), Access.INDEX),
        (All((US, LONG)), Access.NARROWED),
        (All((All((US,)), Not(US))), Access.NARROWED),
        (Either((US, LONG)), Access.ROWS),
        (Not(US), Access.ROWS),
        (LONG, Access.ROWS),
        (Has("event", ("",)), Access.ROWS),
        (Like("visitor_id", Pattern("a", False, True)), Access.ROWS),
        (ANN, Access.TIMELINE),
        (All((US, LONG, ANN)), Access.TIMELINE),
        (Either((ANN, US)), Access.ROWS),
        (VISIT, Access.COLUMNS),
        (All((ANN, Not(VISIT))), Access.TIMELINE),
        (HasLike("page", Pattern("/", False, True)), Access.COLUMNS),
    ],
    ids=str,
)
def test_by_what_sessions_are_found(predicate: Predicate, expected: Access) -> None:
    assert access(predicate) is expected

"""The message that is stored of a session is always that of its columns, or there is none."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncCursor
from sessions import session_message
from sessions.domain.events import Event
from sessions.domain.predicates import All
from sessions.domain.selection import Range, Selection
from sessions.domain.session import Session
from sessions.domain.visitors import Visitors
from sessions.generator import generate
from sessions.generator.websites import new_websites
from sessions.storage import session_list, session_messages
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.storage.rows import SESSION_COLUMNS, columns_of, messages, session_rows
from sessions.storage.session_messages import BEHIND_ALL
from sessions.usecases.erase_visitor import EraseVisitor
from sessions.usecases.fill_messages import FillMessages
from sessions.usecases.run_retention import RunRetention
from sessions.usecases.websites import Websites
from sessions.usecases.write_events import EventWriter

from tests.generator.rows import UNTIL
from tests.support.rows import event, new_website
from tests.support.strategies import START, arrivals

FORM = messages(session_message.encode, session_message.position)
NEVER = timedelta(days=400)


class Stored(NamedTuple):
    """A row: its message, and what its columns say."""

    message: bytes | None
    session: Session


def stored_rows(cursor: AsyncCursor[Any]) -> Any:
    session, index = session_rows(cursor), columns_of(cursor).index("message")
    return lambda values: Stored(values[index], session(values))


async def stored(database: Database) -> list[Stored]:
    query = f"SELECT {SESSION_COLUMNS}, s.message FROM sessions s"  # noqa: S608 - nothing from outside
    return await database.fetch(query, {}, stored_rows)


async def check(database: Database, *, all_filled: bool = True) -> int:
    """Compare all messages with their columns; how many sessions there are."""
    found = await stored(database)
    for message, session in found:
        if message is None:
            assert not all_filled, session
        else:
            assert message == session_message.encode(session)
    return len(found)


def writer(database: Database) -> EventWriter:
    encode = session_message.encode
    return EventWriter(database, Partitions(database), Visitors(b"secret"), encode)


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url) as database:
        yield database


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=arrivals(), age=st.integers(0, 7), data=st.data())
async def test_whatever_is_recorded_merged_erased_and_removed(
    database: Database, batches: list[list[Event]], age: int, data: st.DataObject
) -> None:
    website = await new_website(database)
    record = writer(database)
    # A version before stores no messages, and changes sessions that have one.
    older = EventWriter(database, Partitions(database), Visitors(b"secret"))
    erase = EraseVisitor(database, Websites(database), Visitors(b"secret"))
    for batch in batches:
        by_older = data.draw(st.integers(0, 4)) == 0
        await (older if by_older else record)(website, batch)
        await check(database, all_filled=False)
    if data.draw(st.booleans()):
        await erase(website.website_id, visitor_id="bob")
        await check(database, all_filled=False)
    await FillMessages(database, session_message.encode, pause=0)()
    await check(database)
    await Websites(database).set_retention(website.website_id, 1)
    now = START + timedelta(days=1, hours=age)
    await RunRetention(database, lambda: now)()
    await check(database)


async def test_a_session_of_generated_data_gets_its_message_later(
    database_url: str, database: Database
) -> None:
    made = await new_websites(database_url, ["one", "two"])
    await generate(database_url, made, sessions=1_200, days=40, until=UNTIL, seed=3)
    assert {message for message, _ in await stored(database)} == {None}
    encode = session_message.encode
    place = await session_messages.fill_before(database, BEHIND_ALL, encode, scanned=400, limit=30)
    assert place is not None
    found = await stored(database)
    # The newest sessions of the last website come first.
    last = max(session.started_at for _, session in found)
    assert sum(message is not None for message, _ in found) == 30
    assert place.website_key == made[-1].key
    assert place.started_at > last - timedelta(days=15)
    await FillMessages(database, encode, pause=0)()
    assert await check(database) == 1_200


async def test_lists_are_the_same_with_and_without_messages(
    database_url: str, database: Database
) -> None:
    (made,) = await new_websites(database_url, ["one"])
    await generate(database_url, [made], sessions=400, days=5, until=UNTIL, seed=3)
    range_ = Range(UNTIL - NEVER, UNTIL + NEVER)
    asked = Selection(range=range_, include_bots=True, predicate=All(), identity=b"")

    async def pages() -> list[Any]:
        found: list[Any] = []
        after = None
        while not found or after:
            page = await session_list.list_page(
                database, made.key, asked, after=after, limit=70, form=FORM, newest=100
            )
            found.append(page)
            after = page.end
        return found

    without = await pages()
    await FillMessages(database, session_message.encode, pause=0)()
    assert await pages() == without
    listed = [message for page in without for message in page.sessions]
    assert sorted(listed) == sorted(message or b"" for message, _ in await stored(database))


async def test_a_change_that_says_nothing_of_the_message_forgets_it(database: Database) -> None:
    website = await new_website(database)
    record = writer(database)
    await record(website, [event_at("ann", 0)])
    await database.fetch("UPDATE sessions SET order_keys = order_keys RETURNING 1", {})
    assert (await stored(database))[0].message is not None
    await database.fetch("UPDATE sessions SET country = 'SE' RETURNING 1", {})
    assert (await stored(database))[0].message is None
    await record(website, [event_at("ann", 5)])
    assert await check(database) == 1


def event_at(visitor_id: str, minutes: int) -> Event:
    return event(visitor_id, START + timedelta(minutes=minutes))

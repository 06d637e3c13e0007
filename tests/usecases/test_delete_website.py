"""Deleting a website: nothing is left, also after an interruption and with writers about."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from sessions.domain.api_keys import Scope
from sessions.domain.errors import NotFound
from sessions.domain.visitors import Visitors
from sessions.domain.websites import Website
from sessions.storage import visitors
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.usecases.api_keys import ApiKeys
from sessions.usecases.delete_website import DeleteWebsite
from sessions.usecases.erase_visitor import EraseVisitor
from sessions.usecases.fold_blocks import FoldBlocks
from sessions.usecases.progress import silent
from sessions.usecases.ready_workers import ReadyWorkers
from sessions.usecases.websites import Websites
from sessions.usecases.write_events import EventWriter

from tests.support.rows import event, everything, new_website
from tests.support.strategies import START


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, pool_size=8) as database:
        yield database


async def fill(database: Database, website: Website) -> None:
    """Visitors with sessions, merged ids and many pages, one erased, blocks, and a key."""
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    for visitor in range(10):
        for minutes in (0, 40, 20):
            at = START + timedelta(minutes=minutes)
            await record(website, [event(f"visitor {visitor}", at)])
        views = [
            event(
                f"visitor {visitor}", START + timedelta(days=60, minutes=minute), path=f"/{minute}"
            )
            for minute in range(70)
        ]
        await record(website, views)
    erase = EraseVisitor(database, Websites(database), Visitors(b"secret"))
    await erase(website.website_id, visitor_id="visitor 3")
    keys = ApiKeys(database, Websites(database))
    await keys.create("bound", list(Scope), website_id=website.website_id)
    fold = FoldBlocks(database, lambda: START + timedelta(days=1))
    assert [hours async for hours in fold.website(website.key)]


def delete_website(database: Database) -> DeleteWebsite:
    """The use case, in small steps."""
    return DeleteWebsite(database, visitors_at_once=3)


async def test_every_table_is_as_before(database: Database) -> None:
    await fill(database, await new_website(database))
    await ReadyWorkers(database).report()
    before = await everything(database)
    assert all(before.values())
    website = await new_website(database)
    await fill(database, website)
    async with database.transaction() as connection:
        await connection.execute("ANALYZE visitors")  # for the estimate
    steps: list[tuple[int, int]] = []
    await delete_website(database)(website.website_id, lambda *step: steps.append(step))
    assert await everything(database) == before
    assert steps == [(3, 9)] * 3


async def test_one_that_was_interrupted_is_found_and_goes_on(database: Database) -> None:
    before = await everything(database)
    website = await new_website(database)
    await fill(database, website)

    def interrupt(more: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await delete_website(database)(website.website_id, interrupt)
    with pytest.raises(NotFound):
        await Websites(database).get(website.website_id)
    [found] = await Websites(database).list_all()
    assert found.deleted_at
    async with database.transaction() as connection:
        await connection.execute("ANALYZE visitors")  # for the estimate
    steps: list[tuple[int, int]] = []
    await delete_website(database)(website.website_id, lambda *step: steps.append(step))
    assert await everything(database) == before
    assert steps == [(3, 6)] * 2
    with pytest.raises(NotFound):
        await delete_website(database)(website.website_id, silent)


async def test_writers_who_remember_it_leave_nothing(database: Database) -> None:
    before = await everything(database)
    website = await new_website(database)
    record = EventWriter(database, Partitions(database), Visitors(b"secret"))
    await record(website, [event("ann", START)])

    async def write(visitor: int) -> None:
        for number in range(1_000):
            await record(website, [event(f"{visitor}/{number}", START)])

    writers = [asyncio.create_task(write(visitor)) for visitor in range(4)]
    await asyncio.sleep(0.2)
    await asyncio.gather(*(delete_website(database)(website.website_id, silent) for _ in range(2)))
    for outcome in await asyncio.gather(*writers, return_exceptions=True):
        assert isinstance(outcome, NotFound)
    assert await everything(database) == before


async def test_a_writer_in_the_middle_is_waited_for(database: Database) -> None:
    before = await everything(database)
    website = await new_website(database)
    async with database.transaction() as connection:
        await visitors.lock(connection, website, ["ann"])
        deletion = asyncio.create_task(delete_website(database)(website.website_id, silent))
        done, _ = await asyncio.wait([deletion], timeout=0.3)
        assert not done
    await deletion
    assert await everything(database) == before

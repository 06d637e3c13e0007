"""Batches that wait at the same time are written together, and each is answered for itself."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import psycopg
import pytest
from sessions.domain.errors import NotFound
from sessions.domain.events import Event
from sessions.domain.visitors import Visitors
from sessions.domain.websites import Website
from sessions.storage import visitors
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.storage.positions import noting_commits
from sessions.usecases import group_writes
from sessions.usecases.group_writes import GroupWrites
from sessions.usecases.write_events import EventWriter, Recorded

from tests.support.reference import reference_sessions
from tests.support.rows import event, new_website, stored_sessions

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
SECONDS = 20.0


class World:
    """A website, and a writer that notes what it writes together."""

    def __init__(self, database: Database, website: Website) -> None:
        self.database = database
        self.website = website
        self.groups: list[int] = []
        self.seconds = 0.0
        self.at_once = self.most_at_once = 0
        writer = EventWriter(database, Partitions(database), Visitors(b"secret"))
        self._together = writer.together
        writer.together = self._noting  # type: ignore[method-assign]
        self.record = GroupWrites(writer)

    async def _noting(self, website: Website, batches: Sequence[Sequence[Event]]) -> list[Recorded]:
        self.groups.append(len(batches))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.seconds)
            return await self._together(website, batches)
        finally:
            self.at_once -= 1

    def begin(self, *events: Event) -> asyncio.Task[Recorded]:
        """Record a batch, as a call does."""
        return asyncio.ensure_future(self.record(self.website, events, 100 * len(events)))

    @asynccontextmanager
    async def blocked(self, visitor_id: str) -> AsyncIterator[None]:
        """Somebody else holds the lock of a visitor."""
        async with self.database.transaction() as connection:
            await visitors.lock(connection, self.website, [visitor_id])
            yield


@pytest.fixture
async def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(group_writes, "_PATIENCE", SECONDS)
    return World(database, await new_website(database))


async def test_batches_that_wait_are_one_transaction(world: World) -> None:
    """Each is told what of it was new, as if one came after the other."""
    first, second = event("ann", NOON, 1), event("bob", NOON, 2)
    async with world.blocked("ann"):
        tasks = [world.begin(event("ann", NOON, 0))]
        await asyncio.sleep(0)
        tasks += [world.begin(first, second), world.begin(second), world.begin(second, first)]
        await asyncio.sleep(0.1)
    answers = await asyncio.gather(*tasks)
    assert answers == [(1, 0), (2, 0), (0, 1), (0, 2)]
    assert world.groups == [1, 3]
    happened = [event("ann", NOON, 0), first, second]
    assert await stored_sessions(world.database, world.website) == reference_sessions(happened)


async def test_a_group_is_no_larger_than_a_batch_may_be(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_writes, "MAX_EVENTS", 3)
    sizes = (1, 2, 1, 5, 1)
    async with world.blocked("ann"):
        tasks = [world.begin(event("ann", NOON))]
        await asyncio.sleep(0)
        tasks += [world.begin(*(event("bob", NOON) for _ in range(size))) for size in sizes]
        await asyncio.sleep(0.1)
    assert [new for new, _ in await asyncio.gather(*tasks)] == [1, *sizes]
    assert world.groups == [1, 2, 1, 1, 1]


async def test_a_group_has_no_more_bytes_than_a_request_may_have(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_writes, "_MOST_BYTES", 200)
    async with world.blocked("ann"):
        tasks = [world.begin(event("ann", NOON))]
        await asyncio.sleep(0)
        tasks += [world.begin(event("bob", NOON)) for _ in range(5)]
        await asyncio.sleep(0.1)
    await asyncio.gather(*tasks)
    assert world.groups == [1, 2, 2, 1]


async def test_a_caller_that_goes_takes_nobody_along(world: World) -> None:
    async with world.blocked("ann"):
        before = world.begin(event("bob", NOON))
        await asyncio.sleep(0)
        tasks = [world.begin(event("ann", NOON)), world.begin(event("cid", NOON))]
        gone = world.begin(event("dan", NOON))
        await asyncio.sleep(0)
        gone.cancel()
        await before
        await asyncio.sleep(0.1)
        tasks[0].cancel()
    assert await tasks[1] == (1, 0)
    assert world.groups == [1, 2]


async def test_what_nobody_waits_for_is_given_up(world: World) -> None:
    """Its statement ends, and those who wait have their turn."""
    async with world.blocked("ann"):
        tasks = [world.begin(event("ann", NOON)) for _ in range(2)]
        await asyncio.sleep(0.2)
        for task in tasks:
            task.cancel()
        assert await asyncio.wait_for(world.begin(event("bob", NOON)), SECONDS) == (1, 0)
    found = await stored_sessions(world.database, world.website)
    assert [session.visitor_id for session in found] == ["bob"]


async def test_a_write_that_takes_long_holds_up_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_writes, "_PATIENCE", 0.01)
    async with world.blocked("ann"):
        blocked = world.begin(event("ann", NOON))
        await asyncio.sleep(0)
        others = [world.begin(event(name, NOON)) for name in ("bob", "cid")]
        assert await asyncio.wait_for(asyncio.gather(*others), SECONDS) == [(1, 0)] * 2
        assert not blocked.done()
        # Nor does anybody wait to see whether it ends.
        monkeypatch.setattr(group_writes, "_PATIENCE", 2 * SECONDS)
        assert await asyncio.wait_for(world.begin(event("dan", NOON)), SECONDS) == (1, 0)
    assert await blocked == (1, 0)


async def test_one_group_at_a_time_is_written_while_writes_end_soon(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much waits: of 100 batches of one event two go together."""
    monkeypatch.setattr(group_writes, "_PATIENCE", 0.5)
    monkeypatch.setattr(group_writes, "MAX_EVENTS", 2)
    world.seconds = 0.05
    tasks = []
    for _ in range(100):
        tasks.append(world.begin(event("ann", NOON)))
        await asyncio.sleep(0.01)
    await asyncio.gather(*tasks)
    assert world.most_at_once == 1


async def test_an_event_that_fails_fails_alone(world: World) -> None:
    """PostgreSQL can't store NUL, which checks refuse long before."""
    async with world.blocked("ann"):
        tasks = [world.begin(event("ann", NOON))]
        await asyncio.sleep(0)
        tasks += [world.begin(event(name, NOON)) for name in ("bob", "b\0", "cid")]
        await asyncio.sleep(0.1)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(answer, Recorded) for answer in answers] == [True, True, False, True]
    assert world.groups == [1, 3, 1, 1, 1]


async def test_a_failure_of_all_reaches_each(world: World) -> None:
    async with world.blocked("ann"):
        tasks = [world.begin(event("ann", NOON))]
        await asyncio.sleep(0)
        tasks += [world.begin(event("ann", NOON)) for _ in range(2)]
        await asyncio.sleep(0.1)
        query = "UPDATE websites SET deleted_at = now() WHERE website_key = %(key)s RETURNING 1"
        await world.database.fetch(query, {"key": world.website.key})
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(answer, NotFound) for answer in answers)


async def test_each_call_learns_the_position_of_its_commit(world: World) -> None:
    async def record(name: str) -> int:
        with noting_commits() as commits, suppress(psycopg.DataError):
            await world.record(world.website, [event(name, NOON)], 100)
        return commits.position

    async with world.blocked("ann"):
        tasks = [asyncio.ensure_future(record(name)) for name in ("ann", "bob", "cid")]
        await asyncio.sleep(0.1)
    first, second, third = await asyncio.gather(*tasks)
    assert 0 < first < second == third
    # Also where one fails, so that the others are written one by one.
    async with world.blocked("ann"):
        tasks = [asyncio.ensure_future(record(name)) for name in ("ann", "bob", "b\0", "cid")]
        await asyncio.sleep(0.1)
    first, second, failed, third = await asyncio.gather(*tasks)
    assert 0 == failed < first < second < third

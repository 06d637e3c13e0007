"""Blocks and rows are one at every moment, whoever writes, removes, folds or dies meanwhile.

All sessions that a reader of columns sees are compared with the rows, in one snapshot each time.

    TEST_SEED=<text>     repeats what is written (the moments of a run are never the same)
    SOAK_SECONDS=<n>     goes on for so long (`make soak`)
"""

import asyncio
import multiprocessing
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerContext
from typing import Any

import pytest
from sessions.domain.errors import DomainError, Unavailable
from sessions.domain.events import Event
from sessions.domain.visitors import Visitors
from sessions.domain.websites import Website
from sessions.generator import generate
from sessions.generator.websites import new_websites
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.usecases.delete_website import DeleteWebsite
from sessions.usecases.erase_visitor import EraseVisitor
from sessions.usecases.fold_blocks import FoldBlocks
from sessions.usecases.progress import silent
from sessions.usecases.run_retention import RunRetention
from sessions.usecases.websites import Websites
from sessions.usecases.write_events import EventWriter

from tests.support.columns import compare
from tests.support.databases import quiet_log
from tests.support.rows import event, new_website

SECONDS = 20.0
PATIENCE = 60.0
"""Seconds more in which everybody gets to do something, on a busy machine."""
START = datetime(2026, 1, 30, tzinfo=UTC)
"""Two days before a month ends."""
HOURS = 72
CURRENT = START + timedelta(hours=66, minutes=20)
"""What the folds take for now; some events are of later."""
VISITORS = 30
MAX_SESSIONS = 40
"""Of a block: there are many, which are cut and joined all the time."""
RETENTION_DAYS = 30
SECRET = b"secret"


@dataclass(frozen=True)
class World:
    """Where things happen: a database, and the website that everybody works on."""

    url: str
    database: Database
    website: Website


Actor = Callable[[World, random.Random, "Counter[str]"], Awaitable[None]]
"""Does one thing of its kind, and counts what happened."""


# What happens


def visit(rng: random.Random) -> list[Event]:
    """Some events of one visitor, near one another more often than not; late ones, too."""
    visitor = f"v{rng.randrange(VISITORS)}"
    hours = rng.choice([rng.uniform(0, HOURS), rng.uniform(60, 64)])
    # Now and then a month of its own, so that partitions are made and dropped all the time.
    at = START + timedelta(hours=hours, days=rng.choice([0] * 30 + [-45]))
    events = []
    for _ in range(rng.choice([1, 1, 2, 3, 6])):
        at += timedelta(
            seconds=rng.choice([0, 1, 600, 1_700, 1_800]), microseconds=rng.randrange(9)
        )
        path = f"/{rng.randrange(12)}"
        is_pageview = rng.random() < 0.8
        events.append(
            event(
                visitor,
                at,
                rng.getrandbits(40),
                is_pageview=is_pageview,
                event_name="" if is_pageview else f"e{rng.randrange(3)}",
                url=path,
                path=path,
                attributes={"country": rng.choice(["", "DE", "US"])},
                is_bot=rng.random() < 0.05,
            )
        )
    return events


async def write(world: World, rng: random.Random, tally: "Counter[str]") -> None:
    """Record the events of some visits."""
    events = [each for _ in range(rng.choice([1, 1, 2, 5])) for each in visit(rng)]
    rng.shuffle(events)
    record = EventWriter(world.database, Partitions(world.database), Visitors(SECRET))
    await record(world.website, events)
    tally["batches"] += 1
    await asyncio.sleep(rng.uniform(0, 0.02))


async def erase(world: World, rng: random.Random, tally: "Counter[str]") -> None:
    """Erase a visitor; its tombstone goes, so that it can come back."""
    erase = EraseVisitor(world.database, Websites(world.database), Visitors(SECRET))
    await erase(world.website.website_id, visitor_id=f"v{rng.randrange(VISITORS)}")
    async with world.database.transaction() as connection:
        await connection.execute("DELETE FROM tombstones")
    tally["erased"] += 1
    await asyncio.sleep(rng.uniform(0.1, 0.3))


async def read(world: World, rng: random.Random, tally: "Counter[str]") -> None:
    """Compare the columns of a website with its rows."""
    columns, rows = await compare(world.database, world.website.key)
    tally["reads"] += 1
    tally["sessions"] += len(rows)
    tally["wrong"] += columns != rows


async def come_and_go(world: World, rng: random.Random, tally: "Counter[str]") -> None:
    """A website of its own: generated, written to, folded, read, and deleted."""
    [website] = await new_websites(world.url, ["comes and goes"])
    await Websites(world.database).set_retention(website.website_id, RETENTION_DAYS)
    until = START + timedelta(days=2)
    await generate(world.url, [website], sessions=60, days=2, seed=1, until=until)
    tally["generated"] += 1
    own = replace(world, website=website)
    for _ in range(rng.randrange(6)):
        await write(own, rng, tally)
        await read(own, rng, tally)
    delete = DeleteWebsite(world.database, visitors_at_once=20)
    await delete(website.website_id, silent)
    tally["deleted"] += 1


# Who is killed


def fold_for_ever(url: str, done: Any) -> None:
    """A process that folds all websites, again and again, and counts the hours."""

    async def run() -> None:
        async with Database(url, pool_size=2, timeout=0) as database:
            fold = FoldBlocks(database, lambda: CURRENT, max_sessions=MAX_SESSIONS)
            while True:
                # Another fold is under way, or a busy machine keeps a connection waiting.
                with suppress(Unavailable):
                    for website in await Websites(database).list_all():
                        async for hours in fold.website(website.key):
                            done.value += hours
                await asyncio.sleep(random.uniform(0, 0.1))  # noqa: S311

    asyncio.run(run())


def retain_for_ever(url: str, done: Any) -> None:
    """A process that removes what is older than a moment, which moves about.

    It counts the months that it has dropped.
    """

    def clock() -> datetime:
        oldest = START + timedelta(hours=random.uniform(0, HOURS) * random.random())  # noqa: S311
        return oldest + timedelta(days=RETENTION_DAYS)

    async def run() -> None:
        async with Database(url, pool_size=4, timeout=0) as database:
            while True:
                retention = RunRetention(database, clock, sessions_at_once=5, pause=0.3)
                with suppress(DomainError):
                    outcome = await retention()
                    done.value += len(outcome.months) if outcome else 0
                await asyncio.sleep(random.uniform(0, 1))  # noqa: S311

    asyncio.run(run())


async def keep_killing(
    spawning: ForkServerContext,
    target: Callable[[str, Any], None],
    url: str,
    until: float,
    tally: "Counter[str]",
) -> None:
    """Run a process until the end, and kill it again and again in the middle of what it does."""
    loop = asyncio.get_running_loop()
    done = spawning.Value("q")
    while loop.time() < until:
        process = spawning.Process(target=target, args=(url, done), daemon=True)
        process.start()
        try:
            await asyncio.sleep(min(random.uniform(0.3, 3), until - loop.time()))  # noqa: S311
            assert process.exitcode is None, f"{target.__name__} has ended"
        finally:
            process.kill()
            process.join()
        tally[f"{target.__name__}: killed"] += 1
    tally[f"{target.__name__}: done"] += done.value


# All at once


async def keep_acting(act: Actor, world: World, rng: random.Random, until: float) -> "Counter[str]":
    """Do one thing again and again, once at least; somebody may be in the way."""
    tally: Counter[str] = Counter()
    time, is_done = asyncio.get_running_loop().time, False
    while time() < until or not (is_done or time() > until + PATIENCE):
        try:
            await act(world, rng, tally)
            is_done = True
        except DomainError as error:
            tally[f"{act.__name__}: {type(error).__name__}"] += 1
    return tally


@pytest.fixture(scope="session")
def spawning() -> ForkServerContext:
    """Makes processes in no time: they are copies of one that has loaded everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


async def test_blocks_are_exact_at_every_moment(
    database_url: str, spawning: ForkServerContext
) -> None:
    await quiet_log(database_url)
    seconds = float(os.environ.get("SOAK_SECONDS", SECONDS))
    seed = os.environ.get("TEST_SEED") or f"{random.getrandbits(32):08x}"
    tally: Counter[str] = Counter()
    actors: list[Actor] = [write, write, write, erase, read, read, come_and_go]
    async with Database(database_url, pool_size=12, timeout=0, patience=60) as database:
        website = await new_website(database)
        await Websites(database).set_retention(website.website_id, RETENTION_DAYS)
        world = World(database_url, database, website)
        until = asyncio.get_running_loop().time() + seconds
        async with asyncio.TaskGroup() as group:
            for target in (fold_for_ever, fold_for_ever, retain_for_ever):
                group.create_task(keep_killing(spawning, target, database_url, until, tally))
            acting = [
                group.create_task(
                    keep_acting(act, world, random.Random(f"{seed}/{n}"), until)  # noqa: S311
                )
                for n, act in enumerate(actors)
            ]
        tally = sum((each.result() for each in acting), tally)
        tally += await _final_state(database, website)
    print(f"TEST_SEED={seed}: {dict(tally)}", flush=True)
    assert not tally["wrong"], f"TEST_SEED={seed}: {tally}"
    for name in (
        *("batches", "erased", "reads", "generated", "deleted", "blocks"),
        "fold_for_ever: done",
    ):
        assert tally[name], f"TEST_SEED={seed}: {tally}"


async def _final_state(database: Database, website: Website) -> "Counter[str]":
    """What is left: blocks that are exact without any row, and nothing of deleted websites."""
    fold = FoldBlocks(database, lambda: START + timedelta(days=30), max_sessions=MAX_SESSIONS)
    _ = [hours async for hours in fold.website(website.key)]
    columns, rows = await compare(database, website.key)
    assert columns == rows
    left_over = """
    SELECT website_key FROM blocks UNION SELECT website_key FROM changed_hours
    UNION SELECT website_key FROM fold_state EXCEPT SELECT website_key FROM websites
    """
    assert await database.fetch(left_over, {}) == []
    query = "SELECT count(*) FROM blocks WHERE website_key = %(key)s"
    [(count,)] = await database.fetch(query, {"key": website.key})
    return Counter({"blocks": count, "final sessions": len(rows)})

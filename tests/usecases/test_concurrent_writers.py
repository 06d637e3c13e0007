"""Many writers at once over one PostgreSQL: sessions equal the reference, whatever happens.

A case is one visitor of one website. All writers, tasks and processes alike, take the next batch
from one list, so that those of one website are recorded at the same time.

    TEST_SEED=<text>     repeats the cases of a failure (the moments of a run are never the same)
    SOAK_SECONDS=<n>     goes on for so long, with new cases each time (`make soak`)
"""

import asyncio
import multiprocessing
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from operator import itemgetter
from typing import Any

import pytest
from msgspec.structs import replace
from psycopg.rows import dict_row
from sessions.domain.dimensions import NAMES
from sessions.domain.errors import Unavailable
from sessions.domain.events import Event
from sessions.domain.visitors import Visitors
from sessions.domain.websites import Website
from sessions.storage import websites
from sessions.storage.database import Database
from sessions.storage.partitions import Partitions
from sessions.usecases.write_events import EventWriter

from tests.support import citus
from tests.support.databases import quiet_log
from tests.support.reference import reference_sessions
from tests.support.rows import check_ids, parts, stored_sessions

SECRET = b"unused"
WEBSITES = 250
VISITORS = ("ann", "bob", "Bob", "ann ", "ü", "1", "zoë", "")
"""Of each website. An empty id is refused long before, but is no special case here."""
PROCESSES = 2
POOLS = 2
TASKS = 4
"""For each pool; each process has one pool."""

BORDERS = (
    datetime(2025, 12, 31, 22, tzinfo=UTC),
    datetime(2026, 1, 31, 22, tzinfo=UTC),
    datetime(2024, 2, 29, 23, 45, tzinfo=UTC),
    datetime(2026, 3, 10, 12, tzinfo=UTC),
)
"""Where timelines begin: sessions cross the ends of months, and so partitions."""


def seeds() -> Iterator[str]:
    """One seed, or as many as fit into SOAK_SECONDS."""
    end = time.monotonic() + float(os.environ.get("SOAK_SECONDS", "0"))
    yield os.environ.get("TEST_SEED") or f"{random.getrandbits(32):08x}"
    while time.monotonic() < end:
        yield f"{random.getrandbits(32):08x}"


# What is sent


@dataclass(frozen=True)
class Batch:
    """Events of one website that are recorded together."""

    website: int
    events: list[Event]
    patience: float | None
    """Seconds after which the writer gives up and sends it again; None waits for the answer."""


@cache
def plan(seed: str) -> list[Batch]:
    """All batches of a run, in the order in which writers take them."""
    return [
        batch for website in range(WEBSITES) for batch in _batches(f"{seed}/{website}", website)
    ]


def _batches(seed: str, website: int) -> list[Batch]:
    rng = random.Random(seed)  # noqa: S311
    arrivals = sorted(
        (item for visitor in VISITORS for item in _arrivals(rng, visitor)), key=itemgetter(0)
    )
    events = [event for _, event in arrivals]
    found = []
    while events:
        size = rng.choice([1, 1, 1, 2, 2, 3, 5, 8, 30])
        sent, events = events[:size], events[size:]
        sent += rng.choices(sent, k=rng.choice([0, 0, 0, 1, 3]))
        patience = rng.choice([None] * 15 + [rng.uniform(0, 0.02)])
        found.append(Batch(website, rng.sample(sent, len(sent)), patience))
    for _ in range(len(found) // 4):
        # Again, soon: while the first one is still on its way, or after it.
        position = rng.randrange(len(found))
        found.insert(min(len(found), position + rng.choice([1, 1, 2, 9])), found[position])
    return found


def _arrivals(rng: random.Random, visitor: str) -> list[tuple[float, Event]]:
    """A visitor's events, each with when it comes in, from 0 to 1."""
    shape = rng.choice([_scattered, _bridged, _backwards, _together, _hurried])
    count = rng.choice([1, 2, 3, 5, 8, 13])
    if rng.random() < 0.02:
        shape, count = _paged, rng.randint(66, 140)
    start = rng.choice(BORDERS)
    found = []
    for arrives, minutes, path in shape(rng, count):
        event = _event(rng, visitor, start + timedelta(minutes=minutes), path)
        found.append((arrives, event))
        if rng.random() < 0.05:
            # The same identity with other content: whichever is first counts.
            other = _event(rng, visitor, event.occurred_at, path)
            found.append((rng.random(), replace(other, event_id=event.event_id)))
    return found


Shape = Iterable[tuple[float, float, str]]


def _path(rng: random.Random) -> str:
    return rng.choice(["", "/", "/a", "/b", "/ü"])


def _scattered(rng: random.Random, count: int) -> Shape:
    """At steps of ten minutes, in any order: gaps of 30:00 and a microsecond off it."""
    micro = 1 / 60_000_000
    for _ in range(count):
        minutes = 10 * rng.randint(0, 36) + rng.choice([0, 0, 0, micro, -micro])
        yield rng.random(), minutes, _path(rng)


def _bridged(rng: random.Random, count: int) -> Shape:
    """First events 30:00 apart, each a session; then those between: one session."""
    for number in range(count):
        yield rng.random() / 2 + number % 2 / 2, 15.0 * number, _path(rng)


def _backwards(rng: random.Random, count: int) -> Shape:
    """Each event before the last one: it extends a session at its start, or precedes it."""
    minutes = 0.0
    for number in range(count):
        minutes += rng.choice([5, 29, 30, 31])
        yield 1 - number / count, minutes, _path(rng)


def _together(rng: random.Random, count: int) -> Shape:
    """All at one moment."""
    for _ in range(count):
        yield rng.random(), 0.0, _path(rng)


def _hurried(rng: random.Random, count: int) -> Shape:
    """One session, in order but for a little jitter."""
    for number in range(count):
        yield number / count + rng.random() / 5, float(number), _path(rng)


def _paged(rng: random.Random, count: int) -> Shape:
    """One session of more distinct pages than its row holds, and a return to one of them."""
    for number in range(count):
        yield rng.random(), float(number), f"/{number}"
    yield 1.0, float(count), "/0"


def _event(rng: random.Random, visitor: str, at: datetime, path: str) -> Event:
    is_pageview = rng.random() < 0.7 or len(path) > 2
    sequence = rng.choice([0, 0, 0, 1, -1])

    return Event(
        visitor_id=visitor,
        occurred_at=at,
        sequence=sequence,
        event_id=rng.choice(["a", "b", "B", "c"]),
        is_pageview=is_pageview,
        is_bot=rng.random() < 0.1,
        event_name="" if is_pageview else "click",
        event_data=rng.choice([None, {}, {"plan": "pro"}]),
        # Tells events of one identity apart in what is stored.
        url=f"/?{rng.getrandbits(64):x}",
        referrer="",
        path=path,
        attributes={name: rng.choice(["", "", "a", "b"]) for name in NAMES},
    )


# Writers

Claim = Callable[[], int]


async def write(database_url: str, seed: str, keys: Sequence[int], claim: Claim) -> "Counter[str]":
    """Record batches until none is left, with TASKS at a time on one pool."""
    batches = plan(seed)
    tally: Counter[str] = Counter()
    async with Database(database_url, pool_size=TASKS) as database:
        record = EventWriter(database, Partitions(database), Visitors(SECRET))

        async def work() -> None:
            while (number := claim()) < len(batches):
                batch = batches[number]
                website = Website(keys[batch.website], "", "", BORDERS[0])
                await _insist(partial(record, website, batch.events), batch.patience, tally)

        async with asyncio.TaskGroup() as group:
            for _ in range(TASKS):
                group.create_task(work())
    return tally


async def _insist(
    record: Callable[[], Awaitable[Any]], patience: float | None, tally: "Counter[str]"
) -> None:
    """Record until there is an answer."""
    while True:
        try:
            answer = await asyncio.wait_for(record(), patience)
        except TimeoutError:
            tally["given up"] += 1
            patience = None
        except Unavailable:
            tally["unavailable"] += 1
        else:
            tally["batches"] += 1
            tally["new"] += answer.new
            tally["known"] += answer.known
            return


def write_in_a_process(
    database_url: str, seed: str, keys: Sequence[int], counter: Any, answers: Any
) -> None:
    """A process of its own: nothing but the database is shared, and the list of batches."""
    try:
        answers.put(asyncio.run(write(database_url, seed, keys, _claim_of(counter))))
    except BaseException as error:
        answers.put(repr(error))
        raise


def _claim_of(counter: Any) -> Claim:
    def claim() -> int:
        with counter.get_lock():
            counter.value += 1
            return int(counter.value) - 1

    return claim


async def write_all(database_url: str, seed: str, keys: Sequence[int]) -> "Counter[str]":
    """Record all batches of a run, from tasks and from processes."""
    spawning = multiprocessing.get_context("spawn")
    counter, answers = spawning.Value("q", 0), spawning.SimpleQueue()
    arguments = (database_url, seed, keys, counter, answers)
    processes = [
        spawning.Process(target=write_in_a_process, args=arguments, daemon=True)
        for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    # They need a moment to start: let them have their part.
    began = time.monotonic()
    while counter.value < PROCESSES and time.monotonic() - began < 10:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    claim = _claim_of(counter)
    parts = [write(database_url, seed, keys, claim) for _ in range(POOLS)]
    tally = sum(await asyncio.gather(*parts), Counter())
    for process in processes:
        answer = await asyncio.to_thread(answers.get)
        assert isinstance(answer, Counter), f"TEST_SEED={seed}: {answer}"
        tally += answer
        await asyncio.to_thread(process.join)
    answers.close()
    return tally


# What must be true afterwards


async def test_any_number_of_writers_gives_the_sessions_of_the_set(database_url: str) -> None:
    await quiet_log(database_url)
    total: Counter[str] = Counter()
    for seed in seeds():
        began = time.monotonic()
        async with Database(database_url, pool_size=TASKS, timeout=300) as database:
            sites = [await _new_website(database) for _ in range(WEBSITES)]
            tally = await write_all(database_url, seed, [site.key for site in sites])
            tally["cases"] = len(sites) * len(VISITORS)
            for number, site in enumerate(sites):
                tally += await _check_website(database, site, number, seed)
            tally["merged ids"] = await check_ids(database, sites, seed)
            assert await _deadlocks(database) == 0, f"TEST_SEED={seed}"
        assert tally["unavailable"] == 0, f"TEST_SEED={seed}: {tally}"
        if not tally["given up"]:
            assert tally["new"] == tally["events"], f"TEST_SEED={seed}: {tally}"
        assert tally["new"] <= tally["events"], f"TEST_SEED={seed}: {tally}"
        total += tally
        print(f"TEST_SEED={seed}: {dict(tally)} in {time.monotonic() - began:.1f} s", flush=True)
    print(f"all: {dict(total)}")


async def _new_website(database: Database) -> Website:
    website = await websites.find(database, await websites.create(database, "test"))
    assert website
    return website


async def _check_website(
    database: Database, website: Website, number: int, seed: str
) -> "Counter[str]":
    """Every event once, and the sessions of the set."""
    sent = {
        (*_identity(event), event.url): event
        for batch in plan(seed)
        if batch.website == number
        for event in batch.events
    }
    query = """
    SELECT v.visitor_id, e.occurred_at, e.event_id, e.url
      FROM events e JOIN visitors v USING (website_key, visitor_key)
     WHERE e.website_key = %(key)s
    """
    rows = await database.fetch(query, {"key": website.key})
    where = f"TEST_SEED={seed}, website {number}"
    assert len({row[:3] for row in rows}) == len(rows), where
    assert {row[:3] for row in rows} == {key[:3] for key in sent}, where
    expected = reference_sessions(sent[row] for row in rows)
    assert await stored_sessions(database, website) == expected, where
    return Counter({"events": len(rows), "sessions": len(expected)})


def _identity(event: Event) -> tuple[str, datetime, str]:
    return event.visitor_id, event.occurred_at, event.event_id


async def _deadlocks(database: Database) -> int:
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    [(count,)] = await database.fetch(query, {})
    return int(count)


# The work for one event

LENGTHS = (1_000, 100_000)
STEP = timedelta(seconds=1)


async def _keep_still(database: Database) -> None:
    """Nothing but the test shall touch the tables."""
    tables = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND oid >= 16384"
    async with database.transaction() as connection:
        for (table,) in await database.fetch(tables, {}):
            statement = f"ALTER TABLE {table} SET (autovacuum_enabled = false)"
            await connection.execute(statement.encode())


async def _work(database_url: str, website: Website, event: Event) -> "Counter[str]":
    """Record one event; returns the rows and blocks of each table that this touched."""
    async with Database(database_url, pool_size=1) as database:
        before = await _touched(database)
    async with Database(database_url, pool_size=1) as database:
        answer = await EventWriter(database, Partitions(database), Visitors(SECRET))(
            website, [event]
        )
        assert answer == (1, 0)
    # A connection that ends has told what it did.
    async with Database(database_url, pool_size=1) as database:
        others = """
        SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()
        """
        while await database.fetch(others, {}) != [(0,)]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        after = await _touched(database)
    after.subtract(before)
    return +after


async def _touched(database: Database) -> "Counter[str]":
    """Rows read and written, and blocks looked at, since the beginning."""
    query = r"""
    SELECT regexp_replace(relname, '_\d{4}_\d\d$', '') AS name,
           sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) AS read,
           sum(n_tup_ins + n_tup_upd + n_tup_del) AS written,
           sum(coalesce(heap_blks_read + heap_blks_hit, 0)
             + coalesce(idx_blks_read + idx_blks_hit, 0)) AS blocks
      FROM pg_stat_user_tables JOIN pg_statio_user_tables USING (relid, relname)
     GROUP BY 1
    """
    rows = await database.fetch(query, {}, dict_row)
    kinds = ("read", "written", "blocks")
    return Counter({f"{row['name']} {kind}": int(row[kind]) for row in rows for kind in kinds})


async def _long_session(
    database_url: str, start: datetime, length: int, pages: int, rng: random.Random
) -> tuple[Website, datetime]:
    """A visitor with one long session, and another event 50 minutes after its end."""
    events = [
        replace(_event(rng, "ann", start + n * STEP, f"/{n % pages}"), event_id="a")
        for n in range(length)
    ]
    end = start + length * STEP
    async with Database(database_url) as database:
        website = await _new_website(database)
        record = EventWriter(database, Partitions(database), Visitors(SECRET))
        for part in parts(rng.sample(events, len(events)), 5_000):
            await record(website, part)
        await record(website, [_event(rng, "ann", end + timedelta(minutes=50), "/0")])
        assert len(await stored_sessions(database, website)) == 2
    return website, end


@pytest.mark.skipif(citus.URL is not None, reason="was not run: Citus works on other nodes")
@pytest.mark.parametrize("pages", [3, 180])
async def test_work_for_an_event_does_not_grow_with_its_session(
    database_url: str, pages: int
) -> None:
    """One more event of a visitor: at the end, in the middle, before the start, as a bridge."""
    found: dict[str, list[Counter[str]]] = {}
    start = BORDERS[1]
    async with Database(database_url, pool_size=2) as database:
        await Partitions(database).ensure([start, start + max(LENGTHS) * STEP])
        await _keep_still(database)
    for length in LENGTHS:
        rng = random.Random(length)  # noqa: S311
        website, end = await _long_session(database_url, start, length, pages, rng)
        for place, at in {
            "the last": end,
            "in the middle": start + length // 2 * STEP + STEP / 2,
            "the first": start - timedelta(minutes=29),
            "a bridge": end + timedelta(minutes=25),
        }.items():
            event = _event(rng, "ann", at, "/199")
            found.setdefault(place, []).append(await _work(database_url, website, event))
        async with Database(database_url) as database:
            [session] = await stored_sessions(database, website)
        assert session.pageviews + session.events == length + 5
        assert len(session.pages) == pages + 1
    for place, (short, long) in found.items():
        print(f"{place}: {dict(short)}, {dict(long)}")
        assert _rows(long) == _rows(short), place
        assert _blocks(long) <= 1.25 * _blocks(short) + 10, (place, short, long)


def _rows(work: "Counter[str]") -> dict[str, int]:
    return {name: count for name, count in work.items() if not name.endswith(" blocks")}


def _blocks(work: "Counter[str]") -> int:
    return sum(count for name, count in work.items() if name.endswith(" blocks"))

"""Blocks: their size, how long it takes to build and to read them, and what others notice of it.

make bench-blocks ARGS="--sessions 1000000 --days 365"
"""

import asyncio
import json
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import click
from psycopg.rows import dict_row
from sessions.analysis.columns import ALL, Columns
from sessions.composition import Application, open_application
from sessions.domain.errors import Unavailable
from sessions.domain.events import EventInput
from sessions.domain.predicates import All, OneOf, Predicate
from sessions.domain.selection import Range, Selection, SelectionQuery
from sessions.domain.websites import Website
from sessions.generator import generate
from sessions.generator.websites import new_websites
from sessions.settings import Settings
from sessions.standalone.postgres import running_postgres
from sessions.storage import changed_hours
from sessions.storage.migrate import migrate
from sessions.usecases.fold_blocks import FoldBlocks
from sessions.usecases.read_columns import ReadColumns

from bench.writing import Traffic
from tests.support.columns import accumulate

UNTIL = datetime(2026, 7, 1, tzinfo=UTC)
EVERYTHING = All()
_SUMMARY = ("duration", "visitor_key", "pageviews", "events")
_BATCH = 100
_ROUNDS = 3
_MINUTE = 60.0
# How often a worker looks for what to fold.
_LOOK_SECONDS = 10.0
# Between two batches: five of them a second.
_ARRIVAL_SECONDS = 0.2

# TOAST tables hold the columns of blocks.
_UPKEEP = """
SELECT owner.relname || CASE WHEN t.relid = owner.oid THEN '' ELSE ' (TOAST)' END AS name,
       t.n_live_tup AS live, t.n_dead_tup AS dead, t.autovacuum_count AS autovacuums,
       pg_relation_size(t.relid) AS bytes
  FROM pg_class AS owner
  JOIN pg_stat_all_tables AS t ON t.relid IN (owner.oid, owner.reltoastrelid)
 WHERE owner.relname IN ('changed_hours', 'blocks')
"""


class Sums:
    """An accumulator that looks at each value once."""

    def __init__(self, columns: Collection[str]) -> None:
        self.columns = columns
        self.sessions = 0

    def add(self, part: Columns) -> None:
        """Add up all columns."""
        self.sessions += int(part.selected.sum())
        for name in self.columns:
            part[name].sum(dtype="int64")


@dataclass(frozen=True)
class Bench:
    """A website with generated sessions, and what was measured."""

    application: Application
    url: str
    website: Website
    days: int

    @property
    def fold(self) -> FoldBlocks:
        """Folds everything: all hours have passed."""
        return FoldBlocks(self.application.pools.jobs, lambda: UNTIL + timedelta(days=1))

    def selection(self, predicate: Predicate = EVERYTHING) -> Selection:
        """All days, without bots."""
        since = UNTIL - timedelta(days=self.days + 1)
        return Selection(
            range=Range(since, UNTIL), include_bots=False, predicate=predicate, identity=b""
        )

    async def note(self, hours: Iterable[int]) -> None:
        """Count some hours before the end as changed."""
        starts = [UNTIL - timedelta(hours=hour + 1) for hour in hours]
        async with self.application.pools.jobs.transaction() as connection:
            await changed_hours.note(connection, self.website.key, starts)

    async def read(self, columns: Collection[str], predicate: Predicate = EVERYTHING) -> float:
        """Milliseconds of one read, the median of five."""
        reader = ReadColumns(self.application.pools.jobs, max_dirty_sessions=10**9)
        taken = []
        for _ in range(5):
            began = time.perf_counter()
            sums = Sums(columns)
            await accumulate(reader, self.website.key, self.selection(predicate), sums)
            taken.append((time.perf_counter() - began) * 1000)
        return round(median(taken), 1)


@asynccontextmanager
async def running_bench(sessions: int, days: int) -> AsyncIterator[Bench]:
    """A database with one website that nobody has folded."""
    with tempfile.TemporaryDirectory(prefix="sessions-bench-") as folder:
        async with running_postgres(Path(folder)) as url:
            await migrate(url)
            [website] = await new_websites(url, ["bench"])
            await generate(url, [website], sessions=sessions, days=days, seed=1, until=UNTIL)
            async with open_application(url, Settings(database_url=url)) as application:
                yield Bench(application, url, website, days)


async def build(bench: Bench) -> dict[str, object]:
    """Build all blocks."""
    wall, cpu = time.perf_counter(), time.process_time()
    await bench.fold.completely(bench.website.key)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    [status] = await bench.application.inspect_blocks.status([bench.website])
    sizes = "SELECT pg_total_relation_size('blocks'), pg_total_relation_size('changed_hours')"
    [(stored, notes)] = await bench.application.pools.jobs.fetch(sizes, {})
    return {
        "seconds": round(wall, 1),
        "seconds of the worker's CPU": round(cpu, 1),
        "microseconds a session": round(wall / status.sessions * 1e6, 1),
        "blocks": status.blocks,
        "bytes a session": round(status.bytes / status.sessions, 1),
        "bytes a session on disk": round(stored / status.sessions, 1),
        "bytes of changed_hours": notes,
    }


async def reads(bench: Bench) -> dict[str, object]:
    """Read with more and more hours changed; what has changed stays so."""
    found: dict[str, object] = {}
    for name, hours in [("0 hours", 0), ("1 hour", 1), ("24 hours", 24), ("30 days", 720)]:
        await bench.note(range(hours))
        found[f"{name} changed"] = {
            "summary": await bench.read(_SUMMARY),
            "one country": await bench.read(_SUMMARY, OneOf("country", ("DE",))),
            "steps": await bench.read(("step_item",)),
            "everything": await bench.read(ALL),
        }
    return found


async def refused(bench: Bench) -> dict[str, object]:
    """What a reader is told while all hours have changed."""
    await bench.note(range(24 * (bench.days + 1)))
    began = time.perf_counter()
    try:
        reader = bench.application.read_columns
        await accumulate(reader, bench.website.key, bench.selection(), Sums(_SUMMARY))
        told = "read"
    except Unavailable as error:
        told = f"UNAVAILABLE, retry after {error.retry_after} s"
    return {"told": told, "ms": round((time.perf_counter() - began) * 1000, 1)}


async def beside(
    act: Callable[[], Awaitable[object]], seconds: float, *, pause: float = 0.005
) -> list[float]:
    """Milliseconds of one call after the other for some seconds, sorted."""
    taken, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter()
        await act()
        taken.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(pause)
    return sorted(taken)


async def noticed(bench: Bench, seconds: float) -> dict[str, object]:
    """ListSessions and RecordEvents by themselves, and while the same worker folds and reads."""
    traffic = map(_sent, Traffic(1))
    app = bench.application

    async def list_sessions() -> None:
        await app.list_sessions(_query(bench))

    async def record() -> None:
        await app.ingest_events(bench.website.website_id, [next(traffic) for _ in range(_BATCH)])

    async def keep_folding() -> None:
        while True:
            await bench.note(range(48))
            await bench.fold.completely(bench.website.key)

    async def keep_reading() -> None:
        while True:
            await bench.read(ALL)

    found: dict[str, object] = {}
    rounds: list[tuple[str, Callable[[], Coroutine[Any, Any, None]] | None]] = [
        ("alone", None),
        ("while folding", keep_folding),
        ("while reading", keep_reading),
    ]
    for number, (name, work) in enumerate(rounds * 2):
        task = asyncio.create_task(work()) if work else None
        listed = await beside(list_sessions, seconds)
        recorded = await beside(record, seconds)
        if task:
            await _cancelled(task)
        figures = {
            "ListSessions p50, ms": round(median(listed), 2),
            "ListSessions p99, ms": round(quantiles(listed, n=100)[98], 2),
            "events recorded a second, of 100": round(_BATCH * 1000 / median(recorded)),
        }
        found[f"{name}, round {number // len(rounds) + 1}"] = figures
    return found


async def paced(bench: Bench, seconds: float) -> dict[str, object]:
    """Events recorded a second without the fold, and with it as often as a worker folds."""
    app = bench.application
    traffic = map(_sent, Traffic(2))

    async def record() -> None:
        await app.ingest_events(bench.website.website_id, [next(traffic) for _ in range(_BATCH)])

    async def fold_as_a_worker() -> None:
        while True:
            await app.fold_blocks()
            await asyncio.sleep(_LOOK_SECONDS)

    ratios = []
    for _ in range(_ROUNDS):
        alone = len(await beside(record, seconds, pause=0))
        task = asyncio.create_task(fold_as_a_worker())
        ratios.append(len(await beside(record, seconds, pause=0)) / alone)
        await _cancelled(task)
    return {"with the fold to without": [round(each, 3) for each in ratios]}


async def upkeep(bench: Bench, seconds: float) -> list[dict[str, Any]]:
    """What PostgreSQL keeps of changed hours and blocks, minute by minute, while events arrive."""
    app = bench.application
    traffic = map(_sent, Traffic(3))
    found: list[dict[str, Any]] = []
    began = time.perf_counter()
    folded, looked = 0.0, 0.0
    while (elapsed := time.perf_counter() - began) < seconds:
        await app.ingest_events(bench.website.website_id, [next(traffic) for _ in range(_BATCH)])
        if elapsed - folded >= _LOOK_SECONDS:
            folded = elapsed
            await app.fold_blocks()
        if elapsed - looked >= _MINUTE:
            looked = elapsed
            rows = await app.pools.jobs.fetch(_UPKEEP, {}, dict_row)
            found.append({"minute": round(elapsed / _MINUTE)} | {row["name"]: row for row in rows})
        await asyncio.sleep(_ARRIVAL_SECONDS)
    return found


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _query(bench: Bench) -> SelectionQuery:
    """The last week."""
    return SelectionQuery(
        website_id=bench.website.website_id, start_date="2026-06-24", end_date="2026-06-30"
    )


def _sent(event: dict[str, str]) -> EventInput:
    """An event as a caller sends it."""
    timestamp = datetime.fromisoformat(event["timestamp"])
    return EventInput(**{**event, "timestamp": timestamp})  # type: ignore[arg-type]


async def measure(
    sessions: int, days: int, seconds: float, upkeep_seconds: float
) -> dict[str, object]:
    """All figures."""
    found: dict[str, object] = {"sessions": sessions, "days": days}
    async with running_bench(sessions, days) as bench:
        for name, measured in (
            ("build", build(bench)),
            ("milliseconds of a read", reads(bench)),
            ("others", noticed(bench, seconds)),
            ("recording", paced(bench, _MINUTE)),
            ("upkeep", upkeep(bench, upkeep_seconds)),
            ("all hours changed", refused(bench)),
        ):
            found[name] = await measured
            click.echo(json.dumps({name: found[name]}), err=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found | {"peak memory, MB": round(peak / 1024)}


@click.command()
@click.option("--sessions", type=int, default=1_000_000, show_default=True)
@click.option("--days", type=int, default=365, show_default=True)
@click.option("--seconds", type=float, default=5.0, show_default=True, help="Of one measurement.")
@click.option("--upkeep-seconds", type=float, default=0.0, help="While events arrive slowly.")
def main(sessions: int, days: int, seconds: float, upkeep_seconds: float) -> None:
    """Measure and print JSON."""
    figures = asyncio.run(measure(sessions, days, seconds, upkeep_seconds))
    click.echo(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()

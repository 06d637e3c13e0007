"""What a read replica takes off the primary, how old its answers are, and what PgBouncer costs.

    make bench-scaling                                       three minutes
    make bench-scaling ARGS="--pgbouncer /usr/sbin/pgbouncer"

It runs the service over a primary alone, with a replica, and where a PgBouncer is named through
that. For each it makes the same calls, and tells the processor time of every part by call: on one
machine all parts share the cores, so that calls per second tell little of what a part could do by
itself.
"""

import asyncio
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import click
import grpc
from analytics_sessions.v1.event_pb2 import Event
from analytics_sessions.v1.event_service_pb2 import RecordEventsRequest
from analytics_sessions.v1.event_service_pb2_grpc import EventServiceStub
from analytics_sessions.v1.session_service_pb2 import ListSessionsRequest
from analytics_sessions.v1.session_service_pb2_grpc import SessionServiceStub
from sessions.standalone.postgres import running_postgres

from bench.figures import percentile
from bench.load import Target, make_calls
from bench.processor import of_trees
from bench.writing import Traffic, record, requests
from tests.support import pgbouncer
from tests.support.replica import running_replica
from tests.support.stack import Stack, metadata, running_stack

_UNTIL = "2026-07-01"
_RANGE = "start_date=2026-05-01&end_date=2026-06-30"
_READS = {
    "ListSessions, 50 rows": f"/sessions?limit=50&{_RANGE}",
    "ListSessions, 50 rows, filtered": f"/sessions?limit=50&filter_country=DE&{_RANGE}",
    "Summarize, two months": f"/sessions:summarize?{_RANGE}",
}
_SIZE = 10
_WRITERS = 8
_MAX_LAG = 1.0


class Servers(NamedTuple):
    """Where databases are, and the process of each."""

    urls: Mapping[str, str]
    pids: Mapping[str, int]


@asynccontextmanager
async def running_servers(folder: Path) -> AsyncIterator[Servers]:
    """A primary, its replica, and PgBouncer where there is one."""
    async with AsyncExitStack() as stack:
        primary, replica = folder / "primary", folder / "replica"
        urls = {"primary": await stack.enter_async_context(running_postgres(primary))}
        replica_there = await stack.enter_async_context(running_replica(primary, replica))
        urls["replica"] = replica_there.url
        pids = {"primary": _postmaster(primary), "replica": _postmaster(replica)}
        if pgbouncer.BINARY:
            pooled = await stack.enter_async_context(
                pgbouncer.running_pgbouncer(primary, folder / "pgbouncer")
            )
            urls["pgbouncer"] = pooled.url
            pids["pgbouncer"] = pooled.pid
        yield Servers(urls, pids)


def _postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


class Bench(NamedTuple):
    """A service over some servers."""

    stack: Stack
    website_id: str
    written_id: str
    key: str
    pids: Mapping[str, int]

    @property
    def authority(self) -> str:
        """The address of Envoy."""
        return urlsplit(self.stack.address).netloc

    def cost(self, what: str, calls: int, make: Callable[[], float]) -> None:
        """Make calls and tell what each has taken of every part."""
        before = self._seconds()
        rate = make()
        after = self._seconds()
        parts = "".join(f"{(after[p] - before[p]) / calls * 1e6:11,.0f}" for p in before)
        click.echo(f"  {what:34}{rate:9,.0f}{parts}")

    def _seconds(self) -> dict[str, float]:
        return of_trees({**self.pids, "service": self.stack.process.pid})


@contextmanager
def running_bench(folder: Path, servers: Servers, **settings: str) -> Iterator[Bench]:
    """A service over the servers, and a key."""
    settings = {"SESSIONS_WORKERS": "1", "SESSIONS_LOG_LEVEL": "error"} | settings
    with running_stack(folder / "up", **settings) as stack:
        scopes = ("--scope", "sessions:read", "--scope", "events:write")
        key = stack.command("keys", "create", "--name", "bench", *scopes)
        listed = stack.command("websites", "list").split()
        found = [word for word in listed if word.startswith("site_")]
        website_id = (
            found[0]
            if found
            else stack.command(
                "generate", "--sessions=50000", "--days=180", f"--until={_UNTIL}"
            ).split()[0]
        )
        # What is read stays the same.
        written_id = stack.command("websites", "create", "--name", "bench")
        yield Bench(stack, website_id, written_id, key, servers.pids)


def costs(bench: Bench, seed: int, calls: int) -> None:
    """The processor time of calls, by part."""
    names = "".join(f"{name:>11}" for name in (*bench.pids, "service"))
    click.echo(f"  {'microseconds of the processor':34}{'calls/s':>9}{names}")
    for what, query in _READS.items():
        count = calls if "50 rows" in what else calls // 4
        headers = {"authorization": f"Bearer {bench.key}"}
        path = f"/api/websites/{bench.website_id}{query}"
        # As pages, of which the sizes are not compared.
        target = Target(bench.stack.address, 0, headers, pages=(path,) * 4)
        make_calls(target, 200)
        bench.cost(what, count, partial(make_calls, target, count))
    sent = requests(Traffic(seed), bench.written_id, _SIZE, calls * _SIZE)
    writing = record(bench.authority, metadata(bench.key), sent, _WRITERS, 600.0)
    rate = partial(asyncio.run, writing)
    bench.cost(f"RecordEvents of {_SIZE} events", calls, lambda: rate() / _SIZE)


def staleness(bench: Bench, seed: int, seconds: float) -> None:
    """How old answers are while events come in as fast as they can.

    A visitor of its own sends one pageview after the other; each list tells how many of them it
    has, and so since when it lacks one that was acknowledged.
    """
    acknowledged: list[float] = []
    is_over = threading.Event()
    sent = requests(Traffic(seed), bench.written_id, 100, round(30_000 * seconds))

    def load() -> None:
        rates.append(asyncio.run(record(bench.authority, metadata(bench.key), sent, 4, seconds)))

    def mark() -> None:
        yesterday = int(time.time()) - 86_400
        with grpc.insecure_channel(bench.authority) as channel:
            stub = EventServiceStub(channel)
            while not is_over.is_set():
                event = Event(event_type="pageview", visitor_id="marker", url="/")
                event.timestamp.FromSeconds(yesterday + len(acknowledged))
                event.event_id = str(len(acknowledged))
                request = RecordEventsRequest(website_id=bench.written_id, events=[event])
                stub.RecordEvents(request, metadata=metadata(bench.key), timeout=30)
                acknowledged.append(time.monotonic())
                time.sleep(0.01)

    rates: list[float] = []
    threads = [threading.Thread(target=each) for each in (load, mark)]
    for thread in threads:
        thread.start()
    ages = _ages(bench, acknowledged, seconds)
    is_over.set()
    for thread in threads:
        thread.join()
    figures = ", ".join(f"p{p} {percentile(ages, p):.3f}" for p in (50, 99))
    click.echo(
        f"  age of {len(ages):,} lists in seconds, at {rates[0]:,.0f} events/s: {figures}, "
        f"most {max(ages):.3f} (bound {_MAX_LAG})"
    )


def _ages(bench: Bench, acknowledged: list[float], seconds: float) -> list[float]:
    ages = []
    with grpc.insecure_channel(bench.authority) as channel:
        stub = SessionServiceStub(channel)
        request = ListSessionsRequest(website_id=bench.written_id, filter='visitor_id = "marker"')
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not acknowledged:
                time.sleep(0.01)
                continue
            asked = time.monotonic()
            found = stub.ListSessions(request, metadata=metadata(bench.key), timeout=30)
            seen = sum(session.pageviews for session in found.sessions)
            missed = acknowledged[seen : seen + 1]
            ages.append(max(0.0, asked - missed[0]) if missed else 0.0)
    return ages


async def _all(folder: Path, calls: int, seconds: float) -> None:
    async with running_servers(folder) as servers:
        urls = servers.urls
        primary = {"DATABASE_URL": urls["primary"]}
        replica = {"DATABASE_READ_URL": urls["replica"], "SESSIONS_MAX_LAG": f"{_MAX_LAG}"}
        kinds = {"the primary alone": primary, "with a replica": primary | replica}
        if "pgbouncer" in urls:
            kinds["through PgBouncer"] = {"DATABASE_URL": urls["pgbouncer"]}
        for number, (name, settings) in enumerate(kinds.items()):
            click.echo(name)
            await asyncio.to_thread(_one, folder, servers, settings, number, calls, seconds)


def _one(
    folder: Path,
    servers: Servers,
    settings: Mapping[str, str],
    number: int,
    calls: int,
    seconds: float,
) -> None:
    with running_bench(folder, servers, **settings) as bench:
        costs(bench, number + 1, calls)
        if "DATABASE_READ_URL" in settings:
            staleness(bench, 100 + number, seconds)


@click.command()
@click.option("--calls", default=2_000, help="Of each kind, a quarter as many of analyses.")
@click.option("--seconds", default=15.0, help="For which ages are looked at.")
def main(calls: int, seconds: float) -> None:
    """Measure what a replica and PgBouncer do to the cost of calls."""
    with tempfile.TemporaryDirectory(prefix="sessions-bench-") as folder:
        asyncio.run(_all(Path(folder), calls, seconds))


if __name__ == "__main__":
    main()

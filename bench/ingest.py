"""How fast events come in, beside what PostgreSQL itself can take on the same machine.

make bench-ingest                                   five minutes at the most
python -m bench.ingest --events 20000000            how the rate changes as the data grows
"""

import asyncio
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import grpc
import psycopg
from analytics_sessions.v1.session_service_pb2 import ListSessionsRequest
from analytics_sessions.v1.session_service_pb2_grpc import SessionServiceStub

from bench.writing import Requests, Traffic, as_combined, as_ndjson, record, requests, stream
from tests.support.stack import Stack, metadata, running_stack

SIZES = (1, 100, 1_000)
CALLERS = (1, 4, 16)
FORMATS = ("ndjson", "combined")
PROCESSES = (1, 2, 4)
"""Of an import, that record."""
_FASTEST = {1: 4_000, 100: 40_000, 1_000: 60_000}
"""Events per second, by the size of a batch, that requests are made for beforehand."""
_SESSION = 4.5
"""Events of a generated session, on average."""


@dataclass
class Bench:
    """The running service, and what was measured."""

    stack: Stack
    rows: int
    seconds: float
    rounds: int
    rates: dict[str, list[float]] = field(default_factory=dict)
    _traffics: int = 0

    @property
    def envoy(self) -> str:
        """The address of Envoy."""
        return urlsplit(self.stack.address).netloc

    def worker(self) -> str:
        """The address of a worker."""
        pid = self.stack.process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            argv = Path(f"/proc/{child}/cmdline").read_text().split("\0")
            if "sessions.worker" in argv:
                return f"127.0.0.1:{argv[argv.index('sessions.worker') + 1]}"
        raise RuntimeError("no worker runs")

    def traffic(self, known: Sequence[str] = ()) -> Traffic:
        """Visits like no others of this run."""
        self._traffics += 1
        return Traffic(self._traffics, known)

    def website(self) -> str:
        """A new website."""
        return self.stack.command("websites", "create", "--name", "bench")

    def measure(self, name: str, rate: Callable[[], float]) -> None:
        """Measure once more, and tell how it goes."""
        found = rate()
        self.rates.setdefault(name, []).append(found)
        click.echo(f"  {name}: {found:,.0f}", err=True)

    def execute(self, statement: str) -> None:
        """Run a statement."""
        with psycopg.connect(self.stack.database_url, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def running_bench(rows: int, seconds: float, rounds: int) -> Iterator[tuple[Bench, str, Path]]:
    """A service without data, a key for it, and a folder to work in."""
    settings = {"SESSIONS_LOG_LEVEL": "error", "SESSIONS_REQUEST_TIMEOUT": "60"}
    with (
        tempfile.TemporaryDirectory(prefix="sessions-bench-") as folder,
        running_stack(Path(folder) / "data", **settings) as stack,
    ):
        scopes = ("--scope", "sessions:read", "--scope", "events:write")
        key = stack.command("keys", "create", "--name", "bench", *scopes)
        yield Bench(stack, rows, seconds, rounds), key, Path(folder)


# The limit here


def copied_rows(bench: Bench, website_id: str) -> bytes:
    """Rows of events as COPY reads them."""
    query = f"""
    COPY (SELECT events.* FROM events JOIN websites USING (website_key)
           WHERE website_id = '{website_id}' LIMIT {bench.rows}) TO STDOUT
    """  # noqa: S608
    with (
        psycopg.connect(bench.stack.database_url) as connection,
        connection.cursor().copy(query.encode()) as copy,
    ):
        return b"".join(bytes(part) for part in copy)


def copy_rate(bench: Bench, rows: bytes) -> float:
    """Rows per second into a table without an index."""
    bench.execute("DROP TABLE IF EXISTS bench_copy; CREATE TABLE bench_copy (LIKE events)")
    with psycopg.connect(bench.stack.database_url) as connection:
        began = time.perf_counter()
        with connection.cursor().copy("COPY bench_copy FROM STDIN") as copy:
            for start in range(0, len(rows), 2**20):
                copy.write(rows[start : start + 2**20])
        connection.commit()
        seconds = time.perf_counter() - began
    bench.execute("DROP TABLE bench_copy")
    return rows.count(b"\n") / seconds


# The ways in


def import_rate(bench: Bench, format_name: str, file: Path, *options: str) -> float:
    """Events per second of the command, its start and end included, into a new website."""
    options = ("--website", bench.website(), "--format", format_name, *options)
    began = time.perf_counter()
    bench.stack.command("import", *options, str(file))
    return bench.rows / (time.perf_counter() - began)


def made(bench: Bench, website_id: str, size: int, known: Sequence[str] = ()) -> Requests:
    """As many requests as can be sent in one measurement."""
    events = int(_FASTEST[size] * bench.seconds)
    return requests(bench.traffic(known), website_id, size, events)


def call_rate(
    bench: Bench, key: str, authority: str, website_id: str, size: int, callers: int
) -> float:
    """Events per second of RecordEvents."""
    sent = made(bench, website_id, size)
    return asyncio.run(record(authority, metadata(key), sent, callers, bench.seconds))


def stream_rate(bench: Bench, key: str, website_id: str, size: int, streams: int) -> float:
    """Events per second of StreamEvents."""
    sent = made(bench, website_id, size)
    return asyncio.run(stream(bench.envoy, metadata(key), sent, streams, bench.seconds))


def all_ways(bench: Bench, key: str, folder: Path) -> None:
    """Every way in, once per round, each beside the limit."""
    files = {name: folder / name for name in FORMATS}
    events = list(islice(bench.traffic(), bench.rows))
    files["ndjson"].write_text("".join(f"{as_ndjson(event)}\n" for event in events))
    files["combined"].write_text("".join(f"{as_combined(event)}\n" for event in events))
    website_id = bench.website()
    ndjson = str(files["ndjson"])
    bench.stack.command("import", "--website", website_id, "--format", "ndjson", ndjson)
    rows = copied_rows(bench, website_id)
    call_rate(bench, key, bench.envoy, website_id, 100, 16)  # connections and caches
    for number in range(bench.rounds):
        click.echo(f"round {number + 1} of {bench.rounds}", err=True)
        bench.measure("COPY, no index", partial(copy_rate, bench, rows))
        for name, file in files.items():
            bench.measure(f"import {name}", partial(import_rate, bench, name, file))
        for count in PROCESSES:
            rate = partial(import_rate, bench, "ndjson", files["ndjson"], f"--processes={count}")
            bench.measure(f"import ndjson, {count} processes", rate)
        for where, authority in (("", bench.envoy), (", one worker", bench.worker())):
            for size in SIZES:
                for callers in CALLERS:
                    bench.measure(
                        f"RecordEvents of {size:,}, {callers} callers{where}",
                        partial(call_rate, bench, key, authority, website_id, size, callers),
                    )
        for size in SIZES[1:]:
            for streams in CALLERS:
                bench.measure(
                    f"StreamEvents of {size:,}, {streams} streams",
                    partial(stream_rate, bench, key, website_id, size, streams),
                )


# As the data grows


def growth(bench: Bench, key: str, events: int, steps: int = 4) -> list[tuple[int, list[float]]]:
    """The rate of RecordEvents among so many events: from nearly none to all of them.

    Half of the visits are of visitors who were there before, anywhere in the data.
    """
    found = []
    targets = [1_000, *(events * step // steps for step in range(1, steps + 1))]
    there = 0
    for number, target in enumerate(targets):
        sessions = max(1, round((target - there) / _SESSION))
        website_id = bench.stack.command(
            "generate", f"--sessions={sessions}", "--days=30", f"--seed={number + 1}"
        ).split()[0]
        bench.execute("VACUUM (ANALYZE) events, sessions, session_ids, visitors")
        there, known = _look(bench, website_id)
        rates = []
        for _ in range(1 + bench.rounds):
            sent = made(bench, website_id, 100, known)
            rates.append(asyncio.run(record(bench.envoy, metadata(key), sent, 4, bench.seconds)))
        del rates[0]  # caches fill up
        click.echo(f"  among {there:,} events: {statistics.median(rates):,.0f}", err=True)
        found.append((there, rates))
    return found


def _look(bench: Bench, website_id: str) -> tuple[int, list[str]]:
    """How many events there are, and some visitors of a website."""
    some = """
    SELECT visitor_id FROM visitors JOIN websites USING (website_key)
     WHERE website_id = %s ORDER BY random() LIMIT 20000
    """
    with psycopg.connect(bench.stack.database_url) as connection:
        [count] = connection.execute("SELECT count(*) FROM events").fetchone() or [0]
        return int(count), [id_ for (id_,) in connection.execute(some, (website_id,))]


# Reading meanwhile


def lists(bench: Bench, key: str, seconds: float) -> list[float]:
    """Milliseconds of ListSessions, asked one after the other for the newest website."""
    with psycopg.connect(bench.stack.database_url) as connection:
        query = """
        SELECT website_id FROM websites
         WHERE EXISTS (SELECT FROM sessions s WHERE s.website_key = websites.website_key)
         ORDER BY website_key DESC LIMIT 1
        """
        [website_id] = connection.execute(query).fetchone() or [""]
    found = []
    with grpc.insecure_channel(bench.envoy) as channel:
        stub = SessionServiceStub(channel)
        request = ListSessionsRequest(website_id=website_id)
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            stub.ListSessions(request, metadata=metadata(key), timeout=60)
            found.append((time.perf_counter() - began) * 1_000)
    return found


def write_meanwhile(
    authority: str, key: str, website_id: str, seconds: float, begun: Any, answers: Any
) -> None:
    """In a process of its own: four callers at batches of 100."""
    sent = requests(Traffic(10**6), website_id, 100, int(_FASTEST[100] * seconds))
    begun.set()
    answers.put(asyncio.run(record(authority, metadata(key), sent, 4, seconds)))


def reading(bench: Bench, key: str, seconds: float) -> dict[str, tuple[list[float], float]]:
    """Latencies of ListSessions by itself, and while events come in as fast as they can."""
    alone = lists(bench, key, seconds)
    spawning = multiprocessing.get_context("spawn")
    begun, answers = spawning.Event(), spawning.SimpleQueue()
    arguments = (bench.envoy, key, bench.website(), seconds + 1, begun, answers)
    writer = spawning.Process(target=write_meanwhile, args=arguments, daemon=True)
    writer.start()
    with closing(answers):
        begun.wait(120)
        both = lists(bench, key, seconds)
        rate = answers.get()
        writer.join()
    return {"ListSessions alone": (alone, 0.0), "ListSessions while writing": (both, rate)}


def percentile(values: Sequence[float], percent: int) -> float:
    """Of the sorted values the one at this position."""
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


# What is printed


def report(
    rates: dict[str, list[float]],
    grown: Sequence[tuple[int, list[float]]],
    read: dict[str, tuple[list[float], float]],
) -> str:
    """All of it as tables, and the targets."""
    limit = statistics.median(rates["COPY, no index"])
    lines = ["", f"{'events per second':44} {'median':>9} {'least':>9} {'most':>9}  of COPY"]
    for name, values in rates.items():
        lines.append(f"{name:44} {_spread(values)}  {statistics.median(values) / limit:.3f}")
    lines += ["", f"{'RecordEvents of 100, 4 callers, among':44} {'':29}  of the first"]
    first = statistics.median(grown[0][1])
    for there, values in grown:
        ratio = statistics.median(values) / first
        lines.append(f"{f'{there:,} events':44} {_spread(values)}  {ratio:.3f}")
    lines += ["", f"{'milliseconds':44} {'p50':>9} {'p99':>9} {'calls':>9}  events/s meanwhile"]
    for name, (values, rate) in read.items():
        half, most = percentile(values, 50), percentile(values, 99)
        lines.append(f"{name:44} {half:9.1f} {most:9.1f} {len(values):9,}  {rate:,.0f}")
    return "\n".join([*lines, "", *_targets(rates, grown)])


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):9,.0f} {min(values):9,.0f} {max(values):9,.0f}"


def _targets(rates: dict[str, list[float]], grown: Sequence[tuple[int, list[float]]]) -> list[str]:
    limit = statistics.median(rates["COPY, no index"])
    imported = min(statistics.median(rates[f"import {name}"]) for name in FORMATS)
    recorded = max(
        statistics.median(rates[f"RecordEvents of 100, {callers} callers"]) for callers in CALLERS
    )
    kept = statistics.median(grown[-1][1]) / statistics.median(grown[0][1])
    return [
        _target("import at least 0.1 of COPY", imported / limit, 0.1),
        _target("import at least 30,000 events/s", imported, 30_000),
        _target("RecordEvents of 100 at least 10,000 events/s", recorded, 10_000),
        _target(f"at {grown[-1][0]:,} events at least 0.8 of the start", kept, 0.8),
    ]


def _target(what: str, found: float, least: float) -> str:
    return f"{'met   ' if found >= least else 'MISSED'} {what}: {found:,.2f}"


@click.command()
@click.option("--rows", default=150_000, help="Events of an import and of a COPY.")
@click.option("--seconds", default=1.5, help="Of each measurement of a call.")
@click.option("--rounds", default=3, help="How often each is measured, in turns.")
@click.option("--events", default=300_000, help="To how many the data grows.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="All figures as JSON.")
def main(rows: int, seconds: float, rounds: int, events: int, json_file: Path | None) -> None:
    """Measure how fast events come in."""
    began = time.perf_counter()
    with running_bench(rows, seconds, rounds) as (bench, key, folder):
        all_ways(bench, key, folder)
        rates = bench.rates
    with running_bench(rows, seconds, rounds) as (bench, key, _):
        grown = growth(bench, key, events)
        read = reading(bench, key, max(3.0, 2 * seconds))
    click.echo(report(rates, grown, read))
    minutes = (time.perf_counter() - began) / 60
    click.echo(f"\n{os.cpu_count()} cores, {rounds} rounds, {minutes:.1f} minutes")
    if json_file:
        figures = {"rates": rates, "growth": grown, "reading": read}
        json_file.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()

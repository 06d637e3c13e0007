"""Exports: sessions a second beside COPY to a file, and what Envoy and a worker hold meanwhile.

make bench-export ARGS="--sessions 1000000"
"""

import asyncio
import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode, urlsplit

import click
import grpc
import psycopg
from analytics_sessions.v1.session_service_pb2 import ExportSessionsRequest
from sessions.storage.rows import SESSION_COLUMNS

from bench.programs import find_program
from bench.service import fill_messages
from tests.support.processes import running_parts
from tests.support.stack import Stack, metadata, running_stack

_UNTIL = "2026-07-01"
_LOOK_SECONDS = 0.2
_MIB = 1 << 20
_EXPORT = "/analytics.sessions.v1.SessionService/ExportSessions"
_COPY = """
COPY (SELECT {columns}
        FROM sessions s JOIN websites USING (website_key)
       WHERE website_id = '{website}' AND NOT is_bot
       ORDER BY started_at, session_id) TO STDOUT
"""


@dataclass
class Peaks:
    """The most resident memory that was seen, in MiB, by the kind of process."""

    found: dict[str, int] = field(default_factory=dict)

    def look(self, stack: Stack) -> None:
        """Look at all processes of a service."""
        parts = running_parts(stack.process.pid)
        for kind in ("worker", "Envoy"):
            now = max(map(_resident, parts[kind]), default=0)
            self.found[kind] = max(now, self.found.get(kind, 0))


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 // _MIB


@contextmanager
def _watched(stack: Stack) -> Iterator[Peaks]:
    """Look at memory for the length of the block."""
    peaks, over = Peaks(), threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_SECONDS):
            peaks.look(stack)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()


@dataclass(frozen=True)
class Bench:
    """A running service with one website."""

    stack: Stack
    website: str
    key: str
    folder: Path

    def curl(self, *options: str, **parameters: str) -> subprocess.Popen[bytes]:
        """Begin an export of everything over REST."""
        query = urlencode({"start_date": "2000-01-01", "end_date": "2100-12-31"} | parameters)
        url = f"{self.stack.address}/api/websites/{self.website}/sessions:export?{query}"
        header = f"Authorization: Bearer {self.key}"
        program = find_program("curl", "curl")
        return subprocess.Popen([program, "-sS", "--fail", "-H", header, *options, url])  # noqa: S603

    def rest(self, **parameters: str) -> None:
        """Export everything into a file."""
        with self.curl("-o", str(self.folder / "export"), **parameters) as process:
            if process.wait():
                raise click.ClickException("curl failed")

    def grpc(self) -> None:
        """Receive everything over gRPC, through Envoy, without decoding it."""
        request = ExportSessionsRequest(
            website_id=self.website, start_date="2000-01-01", end_date="2100-12-31"
        )
        with grpc.insecure_channel(urlsplit(self.stack.address).netloc) as channel:
            export: Any = channel.unary_stream(_EXPORT, ExportSessionsRequest.SerializeToString)
            for _ in export(request, metadata=metadata(self.key)):
                pass

    def copy(self) -> None:
        """COPY of the same sessions into a file."""
        with (
            psycopg.connect(self.stack.database_url) as connection,
            connection.cursor().copy(
                _COPY.format(columns=SESSION_COLUMNS, website=self.website).encode()
            ) as copy,
            (self.folder / "copy").open("wb") as file,
        ):
            for data in copy:
                file.write(data)

    def slow(self, seconds: float) -> tuple[dict[str, int], float]:
        """Memory while 16 readers are slow, and the slowest list of another caller, in ms."""
        with ExitStack() as exits, _watched(self.stack) as peaks:
            # A key has four exports in a worker at the most.
            made = ("keys", "create", "--name", "slow", "--scope", "sessions:read")
            keys = [self.stack.command(*made) for _ in range(4)]
            readers = [
                exits.enter_context(
                    replace(self, key=key).curl("--limit-rate", "10k", "-o", "/dev/null")
                )
                for key in keys
                for _ in range(4)
            ]
            for reader in readers:
                exits.callback(reader.kill)
            end, slowest = time.monotonic() + seconds, 0.0
            while time.monotonic() < end:
                began = time.monotonic()
                path = f"/api/websites/{self.website}/sessions"
                self.stack.request(path, {"end_date": _UNTIL}, key=self.key)
                slowest = max(slowest, time.monotonic() - began)
                time.sleep(0.1)
        return peaks.found, round(1000 * slowest, 1)


def _seconds(action: Callable[[], None]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def _measure(bench: Bench, rounds: int) -> dict[str, Any]:
    ways: dict[str, Callable[[], None]] = {
        "COPY": bench.copy,
        "gRPC": bench.grpc,
        "NDJSON": bench.rest,
        "CSV": lambda: bench.rest(format="csv"),
        "NDJSON with events": lambda: bench.rest(include_events="true"),
    }
    with psycopg.connect(bench.stack.database_url) as connection:
        query = "SELECT count(*) FROM sessions WHERE NOT is_bot"
        [(sessions,)] = connection.execute(query).fetchall()
    times: dict[str, list[float]] = {name: [] for name in ways}
    idle = Peaks()
    idle.look(bench.stack)
    with _watched(bench.stack) as peaks:
        # In turn, because the speed of a machine changes.
        for _ in range(rounds):
            for name, way in ways.items():
                times[name].append(_seconds(way))
    slow, slowest = bench.slow(10.0)
    copies = times["COPY"]
    return {
        "sessions": sessions,
        "sessions_per_second": {
            name: round(sessions / median(each)) for name, each in times.items()
        },
        "ratio_to_copy": {
            name: round(median(a / b for a, b in zip(copies, each, strict=True)), 3)
            for name, each in times.items()
        },
        "resident_mib": {"idle": idle.found, "exporting": peaks.found, "16 slow readers": slow},
        "slowest_list_beside_slow_readers_ms": slowest,
    }


@click.command()
@click.option("--sessions", default=300_000, show_default=True, help="Sessions of the website.")
@click.option("--days", default=90, show_default=True, help="Days over which they are spread.")
@click.option("--rounds", default=3, show_default=True, help="Medians are of so many.")
def main(sessions: int, days: int, rounds: int) -> None:
    """Generate a website, and export it in turn with COPY."""
    with (
        tempfile.TemporaryDirectory(prefix="sessions-bench-") as folder,
        running_stack(Path(folder) / "data", SESSIONS_LOG_LEVEL="warning") as stack,
    ):
        made = ("--sessions", str(sessions), "--days", str(days), "--until", _UNTIL)
        website = stack.command("generate", *made)
        asyncio.run(fill_messages(stack.database_url))
        key = stack.command("keys", "create", "--name", "bench", "--scope", "sessions:read")
        found = _measure(Bench(stack, website, key, Path(folder)), rounds)
    click.echo(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()

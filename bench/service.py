"""The service under measurement: `sessions up` over a data directory, with data in it."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click
import grpc
import psycopg
from analytics_sessions.v1.session_service_pb2_grpc import SessionServiceStub
from sessions import session_message
from sessions.storage.database import Database
from sessions.usecases.fill_messages import FillMessages

from bench.data import Data, look
from bench.programs import free_ports
from tests.support.stack import Stack, metadata, running_stack

_UNTIL = "2026-07-01"


@dataclass(frozen=True)
class Wanted:
    """Data to be made where there is none."""

    sessions: int
    days: int
    websites: int


@dataclass(frozen=True)
class Service:
    """A running service, what is in it, and a key that may read all of it."""

    stack: Stack
    data: Data
    key: str
    worker_ports: list[int]

    @property
    def url(self) -> str:
        """Where PostgreSQL is."""
        return self.stack.database_url

    @property
    def authority(self) -> str:
        """Host and port of Envoy."""
        return urlsplit(self.stack.address).netloc

    @property
    def credentials(self) -> tuple[tuple[str, str], ...]:
        """The metadata of a call."""
        return metadata(self.key)

    @contextmanager
    def worker(self) -> Iterator[SessionServiceStub]:
        """A client of the first worker, past Envoy."""
        with grpc.insecure_channel(f"127.0.0.1:{self.worker_ports[0]}") as channel:
            yield SessionServiceStub(channel)


@contextmanager
def running_service(data_dir: Path, wanted: Wanted) -> Iterator[Service]:
    """Run the service for the length of the block; make data where the directory has none."""
    workers = os.cpu_count() or 1
    first = free_ports(workers)
    settings = {"SESSIONS_WORKERS": str(workers), "SESSIONS_WORKER_PORTS": str(first)}
    with running_stack(data_dir, **settings) as stack:
        data = asyncio.run(look(stack.database_url)) or _make(stack, wanted)
        key = stack.command("keys", "create", "--name", "bench", "--scope", "sessions:read")
        try:
            yield Service(stack, data, key, list(range(first, first + workers)))
        finally:
            (data_dir.parent / f"{data_dir.name}.log").unlink(missing_ok=True)
            _execute(stack.database_url, "DELETE FROM api_keys WHERE name = 'bench'")


def _make(stack: Stack, wanted: Wanted) -> Data:
    click.echo(f"making {wanted.sessions:,} sessions", err=True)
    options = {"sessions": wanted.sessions, "days": wanted.days, "websites": wanted.websites}
    arguments = [f"--{name}={value}" for name, value in options.items()]
    stack.command("generate", *arguments, f"--until={_UNTIL}")
    asyncio.run(fill_messages(stack.database_url))
    # What autovacuum would do sooner or later, in the middle of a measurement.
    _execute(stack.database_url, "VACUUM (ANALYZE) sessions, events, session_ids, visitors")
    data = asyncio.run(look(stack.database_url))
    if data is None:
        raise RuntimeError("sessions generate made nothing")
    return data


async def fill_messages(url: str) -> None:
    """Make the messages of all sessions, which workers do bit by bit."""
    async with Database(url, timeout=0) as database:
        # A worker may be at it, and has the turn: it makes 500 a second.
        while await database.fetch("SELECT FROM sessions WHERE message IS NULL LIMIT 1", {}):
            await FillMessages(database, session_message.encode, pause=0)()
            await asyncio.sleep(0.1)


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def resident_bytes(port: int, *, peak: bool = False) -> int:
    """Memory (RSS) of the worker that has a port, now or the most it ever was.

    Raises:
        RuntimeError: there is no such process.
    """
    field = "VmHWM:" if peak else "VmRSS:"
    wanted = f"sessions.worker\0{port}\0".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "cmdline").read_bytes():
                status = (folder / "status").read_text()
                line = next(line for line in status.splitlines() if line.startswith(field))
                return int(line.split()[1]) * 1024
        except OSError:
            continue  # it has ended meanwhile
    raise RuntimeError(f"no worker on port {port} on a system with /proc")

"""Everybody writes and reads at once, and a database that is there as long as it takes."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from sessions.standalone.postgres import running_postgres

from tests.support.processes import PATIENCE
from tests.support.readers import Reader, Readings
from tests.support.writers import Ledger, Service, Writer

WRITERS = 3
READERS = 5


@contextmanager
def load(service: Service, seed: str) -> Iterator[tuple[list[Ledger], list[Readings]]]:
    """Everybody writes and reads for the length of the block; then what they met is complete."""
    stop = threading.Event()
    writers = [Writer(number, seed, service, stop, visitors=100) for number in range(WRITERS)]
    readers = [Reader(number, service, stop) for number in range(READERS)]
    ledgers, readings = [each.ledger for each in writers], [each.readings for each in readers]
    with ThreadPoolExecutor(WRITERS + READERS) as pool:
        running: list[Future[object]] = [pool.submit(writer) for writer in writers]
        running += [pool.submit(reader) for reader in readers]
        try:
            yield ledgers, readings
        finally:
            stop.set()
    for each in running:
        each.result()


@contextmanager
def running_database(folder: Path) -> Iterator[str]:
    """A PostgreSQL on a loop of its own, which keeps it."""
    started, stop = threading.Event(), threading.Event()
    urls: list[str] = []

    async def run() -> None:
        async with running_postgres(folder / "data", durable=False) as url:
            urls.append(url)
            started.set()
            await asyncio.to_thread(stop.wait)

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(asyncio.run, run())
        try:
            assert started.wait(PATIENCE)
            yield urls[0]
        finally:
            stop.set()
            running.result()

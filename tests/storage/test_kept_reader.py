"""A connection that stays registered with the event loop, and what goes wrong with it."""

import asyncio
import functools
import os
import select
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import uvloop
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sessions.storage.kept_reader import KeptReader

SOON = 10.0


def on_uvloop(check: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Any]:
    """Run a test on the loop of workers, which remembers sockets by their numbers."""

    @functools.wraps(check)
    async def test(**fixtures: Any) -> None:
        await asyncio.to_thread(lambda: uvloop.run(check(**fixtures)))

    return test


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[KeptReader]:
    connection = await KeptReader.connect(database_url, autocommit=True)
    try:
        yield connection
    finally:
        await connection.close()


async def value(connection: KeptReader, query: str, *parameters: object) -> object:
    async with asyncio.timeout(SOON):
        found = await connection.execute(query.encode(), parameters or None)
        [(answer,)] = await found.fetchall()
        return answer


async def end(database_url: str, connection: KeptReader) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as other:
        await other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))


@on_uvloop
async def test_it_is_registered_once(database_url: str) -> None:
    async with connected(database_url) as connection:
        assert [await value(connection, f"SELECT {number}") for number in range(20)] == [*range(20)]
        registered = connection._registered
        assert registered == (asyncio.get_running_loop(), connection.fileno())
        await value(connection, "SELECT pg_sleep(0.3) IS NULL")
        assert connection._registered is registered


@on_uvloop
async def test_a_statement_larger_than_the_buffer_of_the_socket(database_url: str) -> None:
    async with connected(database_url) as connection:
        text = "x" * 20_000_000
        for _ in range(3):
            assert await value(connection, "SELECT length(%s)", text) == len(text)
            assert await value(connection, "SELECT %s", text) == text


@on_uvloop
async def test_a_statement_ends_with_the_task_that_waits_for_it(database_url: str) -> None:
    async with connected(database_url) as connection:
        began = time.monotonic()
        for _ in range(5):
            waiting = asyncio.create_task(value(connection, "SELECT pg_sleep(60) IS NULL"))
            await asyncio.sleep(0.1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await value(connection, "SELECT 1") == 1
        assert time.monotonic() - began < SOON


@on_uvloop
async def test_an_error_leaves_it_usable(database_url: str) -> None:
    async with connected(database_url) as connection:
        for _ in range(3):
            with pytest.raises(psycopg.errors.DivisionByZero):
                await value(connection, "SELECT 1/0")
            assert await value(connection, "SELECT 1") == 1


@pytest.mark.parametrize("waits", [True, False])
@on_uvloop
async def test_the_next_connection_can_have_the_number_of_a_broken_one(
    database_url: str, waits: bool
) -> None:
    numbers = set()
    for _ in range(10):
        connection = await KeptReader.connect(database_url, autocommit=True)
        numbers.add(connection.fileno())
        assert await value(connection, "SELECT 1") == 1
        if waits:
            waiting = asyncio.create_task(value(connection, "SELECT pg_sleep(60) IS NULL"))
            await asyncio.sleep(0.05)
            await end(database_url, connection)
            with pytest.raises(psycopg.OperationalError):
                await waiting
        else:
            await end(database_url, connection)
            await asyncio.sleep(0.1)
            assert connection._registered is None
            with pytest.raises(psycopg.OperationalError):
                await value(connection, "SELECT 1")
        assert connection._registered is None
        await connection.close()
    assert len(numbers) < 10, "no number came twice"


class Broken:
    """PostgreSQL that ends when a statement has come: with a part of an answer, and unread."""

    def __init__(self, database_url: str, folder: Path) -> None:
        settings = conninfo_to_dict(database_url)
        self.database_url = make_conninfo(database_url, host=str(folder), port="5432")
        self._server = f"{settings['host']}/.s.PGSQL.{settings.get('port', 5432)}"
        self._ends = threading.Event()
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / ".s.PGSQL.5432"))
        self._listening.listen()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Broken":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listening.close()

    def end(self) -> None:
        """End with the next statement."""
        self._ends.set()

    def _run(self) -> None:
        client, _ = self._listening.accept()
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self._server)
            while True:
                [ready, *_], _, _ = select.select([client, server], [], [], SOON)
                if self._ends.is_set():
                    client.sendall(b"T\0\0")
                    return
                (server if ready is client else client).sendall(ready.recv(65_536))


@on_uvloop
async def test_a_part_of_an_answer_does_not_hide_the_end(database_url: str, tmp_path: Path) -> None:
    with Broken(database_url, tmp_path) as broken:
        async with connected(broken.database_url) as connection:
            assert await value(connection, "SELECT 1") == 1
            broken.end()
            with pytest.raises(psycopg.OperationalError):
                await value(connection, "SELECT 2")


@on_uvloop
async def test_a_connection_that_nobody_uses_takes_no_time_once_the_server_has_closed_it(
    database_url: str,
) -> None:
    async with connected(database_url) as connection:
        await value(connection, "SELECT 1")
        await end(database_url, connection)
        await asyncio.sleep(0.2)
        before = sum(os.times()[:2])
        await asyncio.sleep(0.5)
        assert sum(os.times()[:2]) - before < 0.25


@on_uvloop
async def test_rows_are_copied(database_url: str) -> None:
    async with connected(database_url) as connection:
        await value(connection, "SELECT 1")
        await connection.execute("CREATE TEMPORARY TABLE copied (text text)")
        async with connection.cursor() as cursor, cursor.copy("COPY copied FROM STDIN") as copy:
            for _ in range(2_000):
                await copy.write_row(("x" * 10_000,))
        assert await value(connection, "SELECT count(*) FROM copied") == 2_000
        async with connection.pipeline():
            first = await connection.execute("SELECT 1")
            second = await connection.execute("SELECT 2")
        assert (await first.fetchall(), await second.fetchall()) == ([(1,)], [(2,)])

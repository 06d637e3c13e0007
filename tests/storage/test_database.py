"""The pool: what PostgreSQL does to it, in the words of the domain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
import pytest_asyncio
from psycopg import errors
from psycopg.rows import tuple_row
from sessions.domain.errors import DeadlineExceeded, Unavailable
from sessions.storage.database import Database

_OTHERS = "datname = current_database() AND pid <> pg_backend_pid()"


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, pool_size=2, timeout=0.5) as database:
        yield database


@pytest_asyncio.fixture
async def administrator(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, pool_size=1) as database:
        yield database


async def test_a_read_survives_the_end_of_its_connection(
    database: Database, administrator: Database
) -> None:
    for _ in range(3):
        await database.ping()
        await end_other_connections(administrator)
        assert await database.fetch("SELECT 1", {}) == [(1,)]


async def test_a_ping_replaces_broken_connections_of_the_pool_beside(
    database_url: str, database: Database, administrator: Database
) -> None:
    """A write can't be tried again: it must not be the one who finds out."""
    async with Database(database_url, pool_size=1, siblings=[database]) as heartbeat:
        await asyncio.gather(database.ping(), heartbeat.ping())
        await end_other_connections(administrator)
        await heartbeat.ping()
        async with database.transaction() as connection:
            await connection.execute("SELECT 1")


async def end_other_connections(administrator: Database) -> None:
    """As the server does when it stops."""
    query = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {_OTHERS}"  # noqa: S608
    await administrator.fetch(query, {})


async def test_a_statement_ends_when_its_time_is_over(database: Database) -> None:
    with pytest.raises(DeadlineExceeded):
        await database.fetch("SELECT pg_sleep(5)", {})


async def test_a_cancelled_call_stops_its_statement(
    database_url: str, administrator: Database
) -> None:
    running = f"SELECT count(*) FROM pg_stat_activity WHERE {_OTHERS} AND state = 'active'"  # noqa: S608
    async with Database(database_url, timeout=30) as patient:
        call = asyncio.create_task(patient.fetch("SELECT pg_sleep(30)", {}))
        while await administrator.fetch(running, {}) != [(1,)]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await administrator.fetch(running, {}) == [(0,)]


@pytest.mark.parametrize("rows_at_once", [1, 7, 10_000])
async def test_a_stream_gives_all_rows_in_order(database: Database, rows_at_once: int) -> None:
    query = "SELECT number FROM generate_series(1, %(count)s) AS number"
    rows = database.stream(query, {"count": 5_000}, tuple_row, rows_at_once=rows_at_once)
    assert [number async for (number,) in rows] == list(range(1, 5_001))


async def test_a_stream_that_is_closed_gives_its_connection_back(database_url: str) -> None:
    query = "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)"
    async with Database(database_url, pool_size=1) as database:
        async with aclosing(database.stream(query, {}, tuple_row)) as rows:
            assert await anext(rows) == ("x" * 1000,)
        await database.ping()


async def test_a_stream_is_of_one_moment(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO websites (website_id, name) VALUES ('a', 'a')")
        await connection.execute("INSERT INTO websites (website_id, name) VALUES ('b', 'b')")
    query = "SELECT website_id FROM websites ORDER BY website_key"
    async with aclosing(database.stream(query, {}, tuple_row, rows_at_once=1)) as rows:
        assert await anext(rows) == ("a",)
        async with database.transaction() as connection:
            await connection.execute("DELETE FROM websites")
        assert [row async for row in rows] == [("b",)]


async def test_own_options_are_kept(database_url: str) -> None:
    async with Database(f"{database_url} options='-c work_mem=5MB'") as database:
        assert await database.fetch("SHOW work_mem", {}) == [("5MB",)]
        assert await database.fetch("SHOW jit", {}) == [("off",)]


async def test_a_lock_is_held_by_one(database_url: str) -> None:
    async with (
        Database(database_url, timeout=0.2) as one,
        Database(database_url) as other,
        one.exclusive_lock(1) as first,
    ):
        async with other.exclusive_lock(1) as second:
            assert (first, second) == (True, False)
        await asyncio.sleep(0.5)  # longer than a transaction may stand still
        async with other.exclusive_lock(1) as third:
            assert not third
    async with Database(database_url) as other, other.exclusive_lock(1) as fourth:
        assert fourth


async def test_a_full_pool_is_unavailable_soon(database_url: str) -> None:
    async with Database(database_url, pool_size=1) as database, database.transaction():
        with pytest.raises(Unavailable):
            await asyncio.wait_for(database.ping(), 4)


async def test_no_server_is_unavailable() -> None:
    async with Database("host=127.0.0.1 port=1 dbname=none", timeout=0.5) as database:
        with pytest.raises(Unavailable, match="the database is unavailable"):
            await database.ping()


async def test_a_server_that_only_reads_is_unavailable_for_writers(database: Database) -> None:
    """As after a failover, until connections lead to the new primary."""

    async def write() -> None:
        async with database.transaction() as connection:
            await connection.execute("SET TRANSACTION READ ONLY")
            await connection.execute("DELETE FROM websites")

    with pytest.raises(Unavailable):
        await write()


async def test_a_transaction_that_stood_still_for_too_long_is_unavailable(
    database: Database,
) -> None:
    async def stand_still() -> None:
        async with database.transaction() as connection:
            await connection.execute("SELECT 1")
            await asyncio.sleep(1)
            await connection.execute("SELECT 1")

    with pytest.raises(Unavailable):
        await stand_still()


async def test_a_node_that_is_lost_during_a_commit_is_unavailable(database: Database) -> None:
    """As Citus reports it; other internal errors are mistakes."""
    with pytest.raises(Unavailable):
        await _raise(
            database, "could not commit transaction for shard 1 on at least one active node"
        )
    with pytest.raises(errors.InternalError_):
        await _raise(database, "cache lookup failed")


async def _raise(database: Database, message: str) -> None:
    async with database.transaction() as connection:
        block = f"DO $$ BEGIN RAISE '{message}' USING errcode = 'XX000'; END $$"
        await connection.execute(block.encode())


async def test_no_tables_names_the_fix(server_url: str) -> None:
    async with Database(server_url) as database:
        with pytest.raises(Unavailable, match="run `sessions migrate`"):
            await database.fetch("SELECT FROM sessions", {})


async def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO websites (website_id, name) VALUES ('a', 'a')")
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert await database.fetch("SELECT FROM websites", {}) == []

"""One real PostgreSQL for each test process, and a fresh migrated database for each test."""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest_asyncio
from psycopg.conninfo import make_conninfo
from sessions.processes.postgres import running_postgres
from sessions.storage.migrate import migrate


@asynccontextmanager
async def new_database(server_url: str, template: str = "template1") -> AsyncIterator[str]:
    """A database for the length of the block, copied from another one; yields its name."""
    name = f"test_{uuid4().hex}"
    async with await psycopg.AsyncConnection.connect(server_url, autocommit=True) as connection:
        await connection.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        try:
            yield name
        finally:
            await _drop(connection, name)


async def _drop(connection: psycopg.AsyncConnection, name: str) -> None:
    """Remove a database with all its connections.

    FORCE would not do: only superusers may use it while autovacuum is at work in there.
    """
    await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
        " AND usename = current_user",
        (name,),
    )
    await connection.execute(f"DROP DATABASE {name}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server_url() -> AsyncIterator[str]:
    """A PostgreSQL server: the embedded one, or that of TEST_DATABASE_URL."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="sessions-test-") as folder:
        async with running_postgres(Path(folder), durable=False) as url:
            yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def template(server_url: str) -> AsyncIterator[str]:
    """The name of a migrated database that others are copied from."""
    async with new_database(server_url) as name:
        await migrate(make_conninfo(server_url, dbname=name))
        yield name


@pytest_asyncio.fixture
async def database_url(server_url: str, template: str) -> AsyncIterator[str]:
    """The URL of a migrated database without rows, for one test alone."""
    async with new_database(server_url, template) as name:
        yield make_conninfo(server_url, dbname=name)

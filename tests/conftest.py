"""One real PostgreSQL for each test process, and a fresh migrated database for each test."""

import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from psycopg.conninfo import make_conninfo
from sessions.standalone.postgres import running_postgres
from sessions.storage.database import Database
from sessions.storage.migrate import migrate

from tests.support.databases import new_database


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


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool of connections to that database."""
    async with Database(database_url) as database:
        yield database

"""One real PostgreSQL for each test process, and a fresh migrated database for each test."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from psycopg.conninfo import make_conninfo
from sessions.standalone.postgres import running_postgres
from sessions.storage.database import Database
from sessions.storage.migrate import distribute, migrate

from tests.support import citus
from tests.support.databases import new_database
from tests.support.plans import Recorder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server_url() -> AsyncIterator[str]:
    """A PostgreSQL server: the embedded one, or that of TEST_DATABASE_URL or TEST_CITUS_URL."""
    if url := citus.URL or os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="sessions-test-") as folder:
        async with running_postgres(Path(folder), durable=False) as url:
            yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def template(server_url: str) -> AsyncIterator[str]:
    """The name of a migrated database that others are copied from."""
    async with new_database(server_url) as name:
        url = make_conninfo(server_url, dbname=name)
        if citus.URL:
            await citus.make_cluster(server_url, name)
        await migrate(url)
        if citus.URL:
            await distribute(url)
            await citus.close(server_url, name)
        yield name


@pytest.fixture(scope="session")
def statements() -> Iterator[Recorder]:
    """Notes the statements of the service, on Citus."""
    recorder = Recorder()
    with pytest.MonkeyPatch.context() as patch:
        if citus.URL:
            recorder.install(patch)
        yield recorder


@pytest_asyncio.fixture
async def database_url(server_url: str, template: str, statements: Recorder) -> AsyncIterator[str]:
    """The URL of a migrated database without rows, for one test alone.

    On Citus, whatever the test makes the service do for a website must be done on one shard.
    """
    async with new_database(server_url, template) as name:
        yield make_conninfo(server_url, dbname=name)
        await statements.check()


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool of connections to that database."""
    async with Database(database_url) as database:
        yield database

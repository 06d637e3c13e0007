"""One running service for all tests here; each test makes a website of its own."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio
from psycopg.conninfo import make_conninfo
from sessions.composition import Application, open_application
from sessions.domain.api_keys import Scope
from sessions.domain.websites import Website
from sessions.settings import Settings
from sessions.storage.migrate import distribute, migrate

from tests.support import citus
from tests.support.clients import Grpc, Rest, Way
from tests.support.databases import new_database
from tests.support.stack import Stack, running_stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database_settings() -> AsyncIterator[dict[str, str]]:
    """Those that lead to a database on the cluster of TEST_CITUS_URL, if there is one."""
    if citus.URL is None:
        yield {}
        return
    async with new_database(citus.URL) as name:
        await citus.make_cluster(citus.URL, name)
        url = make_conninfo(citus.URL, dbname=name)
        await migrate(url)
        await distribute(url)
        yield {"DATABASE_URL": url}


@pytest.fixture(scope="session")
def stack(database_settings: dict[str, str]) -> Iterator[Stack]:
    """The service on an embedded PostgreSQL of its own, or on Citus."""
    with (
        tempfile.TemporaryDirectory(prefix="sessions-test-") as folder,
        running_stack(Path(folder) / "data", **database_settings) as running,
    ):
        yield running


@pytest_asyncio.fixture
async def application(stack: Stack) -> AsyncIterator[Application]:
    """The use cases over the database of the running service, to put data into it."""
    async with open_application(stack.database_url, Settings()) as opened:
        yield opened


@pytest_asyncio.fixture
async def website(application: Application) -> Website:
    """A website without data."""
    return await application.websites.get(await application.websites.create("test"))


@pytest.fixture(scope="session")
def key(stack: Stack) -> str:
    """A key that may read and write everywhere."""

    async def create() -> str:
        async with open_application(stack.database_url, Settings()) as opened:
            return await opened.api_keys.create("test", list(Scope))

    return asyncio.run(create())


@pytest.fixture(scope="session")
def rest(stack: Stack) -> Rest:
    """The service over REST."""
    return Rest(stack)


@pytest.fixture(scope="session")
def over_grpc(stack: Stack) -> Iterator[Grpc]:
    """The service over gRPC."""
    with closing(Grpc(stack)) as client:
        yield client


@pytest.fixture(scope="session", params=["REST", "gRPC"])
def way(request: pytest.FixtureRequest, rest: Rest, over_grpc: Grpc) -> Way:
    """The service, once over REST and once over gRPC."""
    return rest if request.param == "REST" else over_grpc

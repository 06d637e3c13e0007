"""One running service for all tests here; each test makes a website of its own."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio
from sessions.composition import Application, open_application
from sessions.domain.api_keys import Scope
from sessions.domain.websites import Website
from sessions.settings import Settings

from tests.support.clients import Grpc, Rest, Way
from tests.support.stack import Stack, running_stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The service on an embedded PostgreSQL of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="sessions-test-") as folder,
        running_stack(Path(folder) / "data") as running,
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

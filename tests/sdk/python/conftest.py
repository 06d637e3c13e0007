"""Tests of the Python SDK: what takes `connect` runs with both of its clients."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.sdk.python.clients import CLIENTS, AnyClient
from tests.sdk.python.server import Server, running_server
from tests.support.stack import Stack

Connect = Callable[..., AnyClient]


@pytest.fixture(params=CLIENTS, ids=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Makes clients, which are closed at the end."""
    with ExitStack() as closing:
        yield lambda *arguments, **options: closing.enter_context(
            request.param(*arguments, **options)
        )


@pytest.fixture
def client(connect: Connect, sdk_environment: dict[str, str]) -> AnyClient:
    """A client of the running service, with the patience that a busy machine needs."""
    address, key = sdk_environment["SESSIONS_ADDRESS"], sdk_environment["SESSIONS_KEY"]
    return connect(address, key, timeout=60, retry=120)


@pytest.fixture
def website(stack: Stack) -> str:
    """The id of a website without events."""
    return stack.command("websites", "create", "--name", "python")


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that answers as it is told."""
    with running_server() as running:
        yield running

"""A worker: what it does beside its calls never ends it."""

import asyncio
import os
import signal
import sys

import grpc
import pytest
from analytics.sessions.v1.session_service_pb2 import ListSessionsRequest
from analytics.sessions.v1.session_service_pb2_grpc import SessionServiceStub
from psycopg.conninfo import make_conninfo
from sessions.composition import open_application
from sessions.domain.api_keys import Scope
from sessions.domain.errors import DeadlineExceeded, Reason
from sessions.processes.ports import ReservedPort
from sessions.rpc.server import repeat
from sessions.settings import Settings

from tests.conftest import new_database


@pytest.mark.parametrize(
    "error", [DeadlineExceeded("too slow", Reason.DEADLINE_EXCEEDED), RuntimeError("a mistake")]
)
async def test_a_chore_that_fails_is_done_again(error: Exception) -> None:
    done = asyncio.Event()
    failures = [error]

    async def chore() -> None:
        if failures:
            raise failures.pop()
        done.set()

    repeating = asyncio.create_task(repeat(0.0, chore))
    try:
        await asyncio.wait_for(done.wait(), 5)
    finally:
        repeating.cancel()


async def test_a_chore_that_fails_while_it_is_cancelled_ends() -> None:
    begun = asyncio.Event()

    async def chore() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("the connection is closed")

    repeating = asyncio.create_task(repeat(600.0, chore))
    await begun.wait()
    repeating.cancel()
    await asyncio.wait_for(repeating, 5)


async def test_a_worker_stops_in_order_without_its_database(server_url: str, template: str) -> None:
    with ReservedPort("127.0.0.1", 0, "none") as port:
        async with new_database(server_url, template) as name:
            url = make_conninfo(server_url, dbname=name)
            async with open_application(url, Settings()) as application:
                website_id = await application.websites.create("test")
                key = await application.api_keys.create("test", [Scope.SESSIONS_READ])
            worker = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "sessions", "serve", "--worker-port", str(port.port)),
                env=os.environ | {"DATABASE_URL": url},
            )
            async with grpc.aio.insecure_channel(port.address) as channel:
                await SessionServiceStub(channel).ListSessions(
                    ListSessionsRequest(website_id=website_id),
                    metadata=(("authorization", f"Bearer {key}"),),
                    wait_for_ready=True,
                    timeout=30,
                )
        # The use of the key is still to be written down, and there is no database any more.
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(worker.wait(), 30) == 0

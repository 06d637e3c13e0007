"""A worker reports its health by the database alone, and stops without losing a call."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import grpc
import psycopg
import pytest
from analytics_sessions.v1.event_pb2 import Event
from analytics_sessions.v1.event_service_pb2 import StreamEventsRequest
from analytics_sessions.v1.event_service_pb2_grpc import EventServiceStub
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from psycopg.conninfo import make_conninfo

from tests.support.databases import new_database, waiting_for_locks
from tests.support.processes import PATIENCE, eventually_awaited
from tests.support.worker import Worker, running_worker


async def test_a_worker_stops_in_order_without_its_database(server_url: str, template: str) -> None:
    async with AsyncExitStack() as stack:
        async with new_database(server_url, template) as name:
            url = make_conninfo(server_url, dbname=name)
            worker = await stack.enter_async_context(running_worker(url, lame_duck=0.0))
            async with worker.channel() as channel:
                await worker.list_sessions(channel)
        # The use of the key is still to be written down, and there is no database any more.
        worker.process.send_signal(signal.SIGTERM)
        assert await worker.ended() == 0


async def test_a_worker_whose_callers_hold_all_connections_is_well(database_url: str) -> None:
    small = {"SESSIONS_POOL_SIZE": "2", "SESSIONS_REQUEST_TIMEOUT": "60"}

    async def all_wait() -> bool:
        # A background job can wait beside them.
        return await waiting_for_locks(database_url) >= 2

    async with running_worker(database_url, settings=small) as worker, worker.channel() as channel:
        async with sessions_locked(database_url):
            calls = [asyncio.create_task(worker.list_sessions(channel)) for _ in range(2)]
            await eventually_awaited(all_wait)
            # Longer than the worker waits for a connection, and for an answer.
            assert await statuses(channel, 3.5) == [HealthCheckResponse.SERVING]
        await asyncio.gather(*calls)


@asynccontextmanager
async def sessions_locked(database_url: str) -> AsyncIterator[None]:
    """Make every statement that reads sessions wait."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        yield
        await connection.rollback()


async def statuses(channel: grpc.aio.Channel, seconds: float) -> list[int]:
    """What the worker says of its health within some seconds, without repetitions."""
    health: Any = HealthStub(channel)
    watch = health.Watch(HealthCheckRequest())
    said = [(await asyncio.wait_for(watch.read(), PATIENCE)).status]
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                said.append((await watch.read()).status)
    watch.cancel()
    return said


async def test_sigterm_begins_a_lame_duck_period(database_url: str) -> None:
    """Not well any more, it answers what still comes in, until the time is over."""
    async with running_worker(database_url) as worker, worker.channel() as channel:
        stream = EventServiceStub(channel).StreamEvents(metadata=worker.metadata)
        assert await _acknowledged(stream, worker, 1) == 1
        worker.process.send_signal(signal.SIGTERM)
        await eventually_awaited(lambda: _says(worker, HealthCheckResponse.NOT_SERVING))
        assert await _acknowledged(stream, worker, 2) == 2
        async with worker.channel() as new:
            await worker.list_sessions(new)
            assert await _acknowledged(
                EventServiceStub(new).StreamEvents(metadata=worker.metadata), worker, 3
            )
        # A second signal: the time is over.
        worker.process.send_signal(signal.SIGTERM)
        assert await stream.read() == grpc.aio.EOF
        assert await stream.code() is grpc.StatusCode.OK
        assert await worker.ended() == 0


async def _acknowledged(stream: Any, worker: Worker, batch: int) -> int:
    event = Event(event_type="pageview", visitor_id="anna", url="/")
    request = StreamEventsRequest(batch=batch, website_id=worker.website_id, events=[event])
    await stream.write(request)
    answer = await asyncio.wait_for(stream.read(), PATIENCE)
    return int(answer.batch)


async def _says(worker: Worker, status: int) -> bool:
    async with worker.channel() as channel:
        health: Any = HealthStub(channel)
        reply = await health.Check(HealthCheckRequest(), timeout=PATIENCE)
        return bool(reply.status == status)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGUSR1], ids=lambda n: n.name)
async def test_other_signals_stop_at_once(database_url: str, number: signal.Signals) -> None:
    async with running_worker(database_url) as worker:
        worker.process.send_signal(number)
        assert await worker.ended() == 0

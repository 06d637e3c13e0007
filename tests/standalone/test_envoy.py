"""Envoy stops without dropping calls."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from sessions.settings import Settings
from sessions.standalone.data_dir import make_data_dir
from sessions.standalone.envoy import envoy, http_get
from sessions.standalone.ports import ReservedPort
from sessions.standalone.supervisor import Supervisor


class _Worker(grpc.GenericRpcHandler):
    """Is healthy, refuses every other call, and takes its time when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.called = asyncio.Event()

    def service(self, _: grpc.HandlerCallDetails) -> Any:
        return grpc.unary_unary_rpc_method_handler(self._refuse)

    async def _refuse(self, _: bytes, context: Any) -> bytes:
        if self.seconds:
            self.called.set()
        await asyncio.sleep(self.seconds)
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "no")
        return b""


@asynccontextmanager
async def _serving(worker: _Worker, address: str) -> AsyncIterator[None]:
    server = grpc.aio.server()
    status = health.aio.HealthServicer()
    await status.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    server.add_generic_rpc_handlers([worker])
    server.add_insecure_port(address)
    await server.start()
    try:
        yield
    finally:
        await server.stop(None)


async def test_calls_in_flight_get_their_answer(tmp_path: Path) -> None:
    worker, told = _Worker(), list[bool]()
    with (
        ReservedPort("127.0.0.1", 0, "SESSIONS_PORT") as front,
        ReservedPort("127.0.0.1", 0, "SESSIONS_WORKER_PORTS") as port,
    ):
        async with _serving(worker, port.address):
            async with Supervisor() as supervisor:
                settings = Settings(data_dir=tmp_path)
                workers = [(port.host, port.port)]
                child = envoy(front, workers, settings, end_streams=lambda: told.append(True))
                await supervisor.start("Envoy", child)
                worker.seconds = 0.5
                call = asyncio.create_task(http_get(front.address, "/api/websites/x/sessions"))
                await worker.called.wait()
            assert call.done()
            assert told
            assert (await call)[0] == 401


async def test_clients_are_told_to_go_elsewhere(tmp_path: Path) -> None:
    """Of two Envoys one stops, and no call fails over connections that stay open."""
    worker = _Worker()
    with ExitStack() as ports:
        first, second, port = (
            ports.enter_context(ReservedPort("127.0.0.1", 0, "none")) for _ in range(3)
        )
        workers = [(port.host, port.port)]
        async with _serving(worker, port.address), AsyncExitStack() as stack:
            supervisors = []
            for number, front in enumerate((first, second)):
                supervisor = await stack.enter_async_context(Supervisor())
                settings = Settings(data_dir=make_data_dir(tmp_path / str(number)), drain_timeout=2)
                child = envoy(front, workers, settings, lame_duck_seconds=1.0)
                await supervisor.start("Envoy", child)
                supervisors.append(supervisor)
            # There is always a call in flight.
            worker.seconds = 0.2
            codes, stop = set[grpc.StatusCode](), asyncio.Event()
            target = f"ipv4:{first.address},{second.address}"
            callers = [asyncio.create_task(_call(target, codes, stop)) for _ in range(8)]
            await asyncio.sleep(0.5)
            [monitor] = supervisors[0].monitors
            await monitor.stop()
            stop.set()
            await asyncio.gather(*callers)
            assert codes == {grpc.StatusCode.UNAUTHENTICATED}


async def _call(target: str, codes: set[grpc.StatusCode], stop: asyncio.Event) -> None:
    """Call again and again over one channel; how the worker answers is in `codes`."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    async with grpc.aio.insecure_channel(target, options) as channel:
        method: Any = channel.unary_unary("/analytics.sessions.v1.SessionService/ListSessions")
        while not stop.is_set():
            codes.add(await method(b"", timeout=10).code())

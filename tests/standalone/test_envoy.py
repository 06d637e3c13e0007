"""Envoy stops without dropping calls."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from sessions.settings import Settings
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
                child = envoy(front, [port], settings, end_streams=lambda: told.append(True))
                await supervisor.start("Envoy", child)
                worker.seconds = 0.5
                call = asyncio.create_task(http_get(front.address, "/api/websites/x/sessions"))
                await worker.called.wait()
            assert call.done()
            assert told
            assert (await call)[0] == 401

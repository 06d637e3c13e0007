"""A worker that runs as a process, with a website and a key."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import grpc
from analytics_sessions.v1.session_service_pb2 import ListSessionsRequest
from analytics_sessions.v1.session_service_pb2_grpc import SessionServiceStub
from sessions.composition import open_application
from sessions.domain.api_keys import Scope
from sessions.settings import Settings
from sessions.standalone.ports import ReservedPort
from sessions.worker.health import is_serving

from tests.support.processes import PATIENCE, eventually_awaited

_WORKER = """
import asyncio, sys
from sessions.settings import Settings
from sessions.worker.runtime import run_worker
port, lame_duck_seconds = int(sys.argv[1]), float(sys.argv[2])
asyncio.run(run_worker(Settings(), port, lame_duck_seconds=lame_duck_seconds))
"""
FOR_EVER = 600.0
"""Seconds of a lame-duck period that no test waits for."""


@dataclass(frozen=True)
class Worker:
    """A worker that serves, and what it takes to call it."""

    process: asyncio.subprocess.Process
    address: str
    website_id: str
    key: str

    def channel(self) -> grpc.aio.Channel:
        """A connection of its own, also to an address that another one has reached."""
        options = [("grpc.use_local_subchannel_pool", 1)]
        return grpc.aio.insecure_channel(self.address, options)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The credentials of a call."""
        return (("authorization", f"Bearer {self.key}"),)

    async def list_sessions(self, channel: grpc.aio.Channel) -> None:
        """One call."""
        await SessionServiceStub(channel).ListSessions(
            ListSessionsRequest(website_id=self.website_id), metadata=self.metadata, timeout=60
        )

    async def ended(self) -> int:
        """Its exit status."""
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


@asynccontextmanager
async def running_worker(
    database_url: str, lame_duck: float = FOR_EVER, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Worker]:
    """A worker on a free port, with a website and a key."""
    async with open_application(database_url, Settings()) as application:
        website_id = await application.websites.create("test")
        key = await application.api_keys.create("test", list(Scope))
    with ReservedPort("127.0.0.1", 0, "none") as port:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _WORKER, str(port.port), str(lame_duck)),
            env={**os.environ, "DATABASE_URL": database_url, **(settings or {})},
        )
        try:
            await eventually_awaited(lambda: is_serving(port.address))
            yield Worker(process, port.address, website_id, key)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

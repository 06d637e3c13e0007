"""Callers of every kind of method, none of which may fail."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc
from analytics_sessions.v1.analysis_service_pb2 import SummarizeRequest
from analytics_sessions.v1.analysis_service_pb2_grpc import AnalysisServiceStub
from analytics_sessions.v1.event_pb2 import Event
from analytics_sessions.v1.event_service_pb2 import RecordEventsRequest
from analytics_sessions.v1.event_service_pb2_grpc import EventServiceStub
from analytics_sessions.v1.session_service_pb2 import (
    ExportSessionsRequest,
    GetSessionRequest,
    ListSessionsRequest,
)
from analytics_sessions.v1.session_service_pb2_grpc import SessionServiceStub

from tests.support.worker import Worker

_POSITION = "x-sessions-position"
_NUMBERS = itertools.count()


class Callers:
    """Callers of all kinds of methods, none of which may fail."""

    def __init__(self, worker: Worker, channel: grpc.aio.Channel) -> None:
        self._worker = worker
        self._sessions = SessionServiceStub(channel)
        self._analysis = AnalysisServiceStub(channel)
        self._events = EventServiceStub(channel)
        self.recorded = 0
        self.answered = 0
        self._is_over = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Call, one after the other, until the end of the block."""
        async with asyncio.TaskGroup() as group:
            kinds = (self.write, self.read_own, self.list, self.get, self.summarize, self.export)
            for kind in kinds:
                group.create_task(self._repeat(kind))
            yield
            self._is_over = True

    async def _repeat(self, call: Callable[[], Awaitable[None]]) -> None:
        while not self._is_over:
            await call()
            self.answered += 1
            await asyncio.sleep(0.01)

    async def record(self) -> tuple[str, str]:
        """Record a new visitor; its id and the position of the answer, empty without replicas."""
        visitor = f"visitor-{next(_NUMBERS)}"
        event = Event(event_type="pageview", visitor_id=visitor, url="/")
        call = self._events.RecordEvents(
            RecordEventsRequest(website_id=self._worker.website_id, events=[event]),
            metadata=self._worker.metadata,
        )
        assert (await call).new_events == 1
        self.recorded += 1
        headers = dict(await call.initial_metadata() or ())
        return visitor, str(headers.get(_POSITION, ""))

    async def write(self) -> None:
        await self.record()

    async def read_own(self) -> None:
        """Read what was just recorded."""
        visitor, position = await self.record()
        assert await self.find(f'visitor_id = "{visitor}"', position) == 1

    async def find(self, filter_: str = "", position: str = "") -> int:
        more = ((_POSITION, position),) if position else ()
        found = await self._sessions.ListSessions(
            ListSessionsRequest(website_id=self._worker.website_id, filter=filter_),
            metadata=(*self._worker.metadata, *more),
        )
        return len(found.sessions)

    async def list(self) -> None:
        assert await self.find()

    async def get(self) -> None:
        website, metadata = self._worker.website_id, self._worker.metadata
        request = ListSessionsRequest(website_id=website, limit=1)
        [session] = (await self._sessions.ListSessions(request, metadata=metadata)).sessions
        wanted = GetSessionRequest(website_id=website, session_id=session.session_id)
        # From the primary, which may be ahead of the server that has told the id.
        position = ((_POSITION, "f" * 16),)
        found = await self._sessions.GetSession(wanted, metadata=(*metadata, *position))
        assert found.session.session_id == session.session_id

    async def count(self, position: str = "") -> int:
        more = ((_POSITION, position),) if position else ()
        request = SummarizeRequest(website_id=self._worker.website_id)
        found = await self._analysis.Summarize(request, metadata=(*self._worker.metadata, *more))
        return int(found.summary.sessions)

    async def summarize(self) -> None:
        assert await self.count()

    async def export(self) -> None:
        request = ExportSessionsRequest(website_id=self._worker.website_id)
        parts = self._sessions.ExportSessions(request, metadata=self._worker.metadata)
        assert [part.is_last async for part in parts][-1]

"""The two clients: what to send, and when again, is decided in `_core`; here it is waited for."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Unpack

import grpc

from analytics_sessions import _core as core
from analytics_sessions.v1.event_pb2 import Event
from analytics_sessions.v1.event_service_pb2_grpc import EventServiceStub
from analytics_sessions.v1.session_pb2 import Session, SessionEvent
from analytics_sessions.v1.session_service_pb2 import GetSessionRequest
from analytics_sessions.v1.session_service_pb2_grpc import SessionServiceStub


class _Connection:
    _api: Any = grpc

    def __init__(
        self,
        address: str | None = None,
        key: str | None = None,
        *,
        timeout: float = 10.0,
        retry: float = 30.0,
    ) -> None:
        """Connects with the first call.

        Args:
            address: `http://host:port`, `https://host[:port]` (TLS), or `host:port`, which means
                http. Default: SESSIONS_ADDRESS.
            key: The API key. Default: SESSIONS_KEY.
            timeout: Seconds that one attempt of a call may take.
            retry: For how many seconds after its first attempt a call is tried again while the
                service is unavailable; 0 turns that off.

        Raises:
            ValueError: There is no address or no key, or the address has another form.
        """
        metadata = [("authorization", f"Bearer {core.given(key, 'key')}")]
        self._settings: Any = {"timeout": timeout, "metadata": metadata}
        self._retry = retry
        self._channel = core.channel(self._api, core.given(address, "address"), timeout)
        self._read: Any = SessionServiceStub(self._channel)
        self._write: Any = EventServiceStub(self._channel)


class Client(_Connection, AbstractContextManager["Client"]):
    """Reads sessions and records events; threads may share it.

    What fails for good raises SessionsError or one of the classes below it, see `errors`.
    """

    def sessions(self, website_id: str, **query: Unpack[core.Query]) -> Iterator[Session]:
        """The sessions of a website, newest first; pages are read as needed.

        Of a filter give one value, or several that are alternatives; "" means sessions that have
        none. TypeError for a name that is no parameter and ValueError for a filter without values
        come at once, errors of calls while iterating.
        """
        return self._walk(self._read.ListSessions, core.list_request(website_id, query))

    def session(self, website_id: str, session_id: str) -> Session:
        """One session; raises NotFound where there is none."""
        request = GetSessionRequest(website_id=website_id, session_id=session_id, events_limit=1)
        found: Session = self._call(self._read.GetSession, request).session
        return found

    def events(self, website_id: str, session_id: str) -> Iterator[SessionEvent]:
        """The events of a session, oldest first; pages are read as needed."""
        request = GetSessionRequest(website_id=website_id, session_id=session_id)
        return self._walk(self._read.GetSession, request)

    def record(self, website_id: str, events: Iterable[Event]) -> core.Recorded:
        """Record events in batches, each of which is durable before the next one is sent.

        An event without `event_id` is sent with a random one, one without `timestamp` with the
        current time; yours are not changed. An error counts in `recorded` the events of the
        batches before the one that failed.
        """
        new = known = 0
        for batch in core.batches(website_id, events):
            answer = self._call(self._write.RecordEvents, batch, new + known)
            new, known = new + answer.new_events, known + answer.known_events
        return core.Recorded(new, known)

    def close(self) -> None:
        """End the connection; what is in flight in other threads fails. Can be repeated."""
        self._channel.close()

    def __exit__(self, *error: object) -> None:
        self.close()

    def _walk(self, method: Any, request: Any) -> Iterator[Any]:
        more = True
        while more:
            items, more = core.turn(request, self._call(method, request))
            yield from items

    def _call(self, method: Any, request: Any, recorded: int | None = None) -> Any:
        end, pauses = time.monotonic() + self._retry, core.backoff()
        while True:
            try:
                return method(request, **self._settings)
            except grpc.RpcError as failure:
                pause = core.pause_after(failure, next(pauses), end, recorded)
            time.sleep(pause)


class AsyncClient(_Connection, AbstractAsyncContextManager["AsyncClient"]):
    """Client for asyncio, made inside the event loop that it is for.

    The methods are those of Client: awaited, or iterated with `async for`.
    """

    _api = grpc.aio

    def sessions(self, website_id: str, **query: Unpack[core.Query]) -> AsyncIterator[Session]:
        """As Client.sessions."""
        return self._walk(self._read.ListSessions, core.list_request(website_id, query))

    async def session(self, website_id: str, session_id: str) -> Session:
        """As Client.session."""
        request = GetSessionRequest(website_id=website_id, session_id=session_id, events_limit=1)
        found: Session = (await self._call(self._read.GetSession, request)).session
        return found

    def events(self, website_id: str, session_id: str) -> AsyncIterator[SessionEvent]:
        """As Client.events."""
        request = GetSessionRequest(website_id=website_id, session_id=session_id)
        return self._walk(self._read.GetSession, request)

    async def record(self, website_id: str, events: Iterable[Event]) -> core.Recorded:
        """As Client.record."""
        new = known = 0
        for batch in core.batches(website_id, events):
            answer = await self._call(self._write.RecordEvents, batch, new + known)
            new, known = new + answer.new_events, known + answer.known_events
        return core.Recorded(new, known)

    async def close(self) -> None:
        """As Client.close."""
        await self._channel.close()

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def _walk(self, method: Any, request: Any) -> AsyncIterator[Any]:
        more = True
        while more:
            items, more = core.turn(request, await self._call(method, request))
            for item in items:
                yield item

    async def _call(self, method: Any, request: Any, recorded: int | None = None) -> Any:
        end, pauses = time.monotonic() + self._retry, core.backoff()
        while True:
            try:
                return await method(request, **self._settings)
            except grpc.RpcError as failure:
                pause = core.pause_after(failure, next(pauses), end, recorded)
            await asyncio.sleep(pause)

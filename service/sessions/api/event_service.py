"""EventService: batches of events, one by one or over a stream."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from analytics_sessions.v1 import event_service_pb2 as messages
from analytics_sessions.v1 import event_service_pb2_grpc as services

from sessions.api.call import Context
from sessions.api.messages import sent_event
from sessions.api.statuses import naming_batch
from sessions.domain.errors import InvalidArgument
from sessions.ingest.ingest_events import IngestEvents
from sessions.ingest.slices import map_in_slices
from sessions.instruments import EVENTS
from sessions.usecases.write_events import Recorded

Request = TypeVar("Request")


class EventService(services.EventServiceServicer):
    """Records events.

    Args:
        ingest_events: what a batch goes through.
        timeout: seconds that one batch of a stream may take.
        stream_age: seconds after which a stream ends, so that clients spread anew over workers.
        draining: set when the worker stops; streams then end after the batch at hand.
    """

    def __init__(
        self,
        ingest_events: IngestEvents,
        *,
        timeout: float,
        stream_age: float,
        draining: asyncio.Event,
    ) -> None:
        self._ingest_events = ingest_events
        self._timeout = timeout
        self._stream_age = stream_age
        self._draining = draining

    async def RecordEvents(  # noqa: N802 (the name in the protos)
        self, request: messages.RecordEventsRequest, context: Context
    ) -> messages.RecordEventsResponse:
        """Records one batch."""
        recorded = await self._receive(request)
        return messages.RecordEventsResponse(new_events=recorded.new, known_events=recorded.known)

    async def StreamEvents(  # noqa: N802 (the name in the protos)
        self, requests: AsyncIterator[messages.StreamEventsRequest], context: Context
    ) -> AsyncIterator[messages.StreamEventsResponse]:
        """Records batch after batch; the next one is read when the last one is durable."""
        async for request in self._until_end(requests):
            yield await self._record(request)

    async def _record(self, request: messages.StreamEventsRequest) -> messages.StreamEventsResponse:
        with naming_batch(request):
            async with asyncio.timeout(self._timeout):
                recorded = await self._receive(request)
        return messages.StreamEventsResponse(
            batch=request.batch, new_events=recorded.new, known_events=recorded.known
        )

    async def _receive(
        self, request: messages.RecordEventsRequest | messages.StreamEventsRequest
    ) -> Recorded:
        try:
            sent = await map_in_slices(sent_event, enumerate(request.events))
            recorded = await self._ingest_events(request.website_id, sent, request.ByteSize())
        except InvalidArgument:
            EVENTS.labels("refused").inc(len(request.events))
            raise
        EVENTS.labels("new").inc(recorded.new)
        EVENTS.labels("known").inc(recorded.known)
        return recorded

    async def _until_end(self, requests: AsyncIterator[Request]) -> AsyncIterator[Request]:
        """Requests until the client ends, the stream is old, or the worker stops."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._stream_age
        draining = asyncio.ensure_future(self._draining.wait())
        try:
            while not self._draining.is_set():
                # A task, because the wait for a message has to end when the stream does.
                coming = asyncio.ensure_future(anext(requests, None))
                await asyncio.wait(
                    (coming, draining),
                    timeout=max(0.0, end - loop.time()),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not coming.done():
                    # A message may be half-way through its checks: it is not answered, so that
                    # the client sends it again.
                    coming.cancel()
                    return
                if (request := coming.result()) is None:
                    return
                yield request
        finally:
            draining.cancel()

"""The two clients: `_messages` has what is sent, `_calls` when again; here it is waited for."""

import asyncio
import copy
import time
from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from queue import SimpleQueue
from typing import Any, Generic, Self, TypeVar, Unpack

import grpc

from analytics_sessions import _messages as messages
from analytics_sessions._calls import FAILURES, Attempts, EndedEarly, Position, Settings, methods
from analytics_sessions._connection import open_channel, setting
from analytics_sessions._messages import (
    BreakdownQuery,
    CohortsQuery,
    FlowsQuery,
    FunnelQuery,
    Page,
    PatternsQuery,
    Query,
    Recorded,
    SeriesQuery,
    SummaryQuery,
    TransitionsQuery,
)
from analytics_sessions.v1.analysis_service_pb2 import (
    BreakdownResponse,
    SummarizeResponse,
    TimeSeriesResponse,
)
from analytics_sessions.v1.behaviour_pb2 import (
    CohortsResponse,
    FlowsResponse,
    FunnelResponse,
    PatternsResponse,
    TransitionsResponse,
)
from analytics_sessions.v1.session_pb2 import Session, SessionEvent
from analytics_sessions.v1.session_service_pb2 import ExportItem
from analytics_sessions.v1.visitor_service_pb2 import EraseVisitorResponse

REOPENING = 0.1
"""Seconds before a stream that the server ended is opened again."""

T = TypeVar("T")


class Walk(Generic[T]):
    """A list in pages: iterate over it for its items, or over its `pages()`.

    Pages are read as needed. Each iteration begins at the cursor that the walk was made with.
    """

    def __init__(self, read: Callable[[str | None], Page[T]], cursor: str | None) -> None:
        self._read, self._cursor = read, cursor

    def page(self) -> Page[T]:
        """The first page."""
        return self._read(self._cursor)

    def pages(self) -> Iterator[Page[T]]:
        """Page after page, to the last one."""
        page = self.page()
        yield page
        while page.next_cursor:
            page = self._read(page.next_cursor)
            yield page

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.items


class AsyncWalk(Generic[T]):
    """Walk for asyncio: iterated with `async for`, and `page` is awaited."""

    def __init__(
        self, read: Callable[[str | None], Coroutine[Any, Any, Page[T]]], cursor: str | None
    ) -> None:
        self._read, self._cursor = read, cursor

    async def page(self) -> Page[T]:
        """As Walk.page."""
        return await self._read(self._cursor)

    async def pages(self) -> AsyncIterator[Page[T]]:
        """As Walk.pages."""
        page = await self.page()
        yield page
        while page.next_cursor:
            page = await self._read(page.next_cursor)
            yield page

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item


class Export:
    """A stream of items: iterate over it for them, or over its `pages()`.

    A stream that breaks off is opened again where it was. Each iteration begins at the cursor that
    the export was made with, and is complete when it ends without an error.
    """

    def __init__(self, pages: Callable[[], Iterator[Page[ExportItem]]]) -> None:
        self._pages = pages

    def pages(self) -> Iterator[Page[ExportItem]]:
        """Some items at a time, with the cursor that goes on after them; None on the last page."""
        return self._pages()

    def __iter__(self) -> Iterator[ExportItem]:
        for page in self.pages():
            yield from page.items


class AsyncExport:
    """Export for asyncio: iterated with `async for`."""

    def __init__(self, pages: Callable[[], AsyncIterator[Page[ExportItem]]]) -> None:
        self._pages = pages

    def pages(self) -> AsyncIterator[Page[ExportItem]]:
        """As Export.pages."""
        return self._pages()

    async def __aiter__(self) -> AsyncIterator[ExportItem]:
        async for page in self.pages():
            for item in page.items:
                yield item


class _Client:
    _api: Any = grpc

    def __init__(
        self,
        address: str | None = None,
        key: str | None = None,
        *,
        timeout: float | None = None,
        retry: float = 30.0,
        interceptors: Sequence[Any] = (),
    ) -> None:
        """Connects with the first call.

        Args:
            address: `http://host:port`, `https://host[:port]` (TLS), or `host:port`, which means
                http. Default: SESSIONS_ADDRESS.
            key: The API key. Default: SESSIONS_KEY.
            timeout: Seconds that one attempt of a call may take. Default: 10, 30 for analyses,
                and 120 for erasing.
            retry: For how many seconds after its first attempt a call is tried again; 0 turns that
                off.
            interceptors: Of gRPC (of `grpc.aio` for AsyncClient); they see every attempt.

        Raises:
            ValueError: There is no address or no key, or one of the arguments cannot be right.
        """
        self._settings = Settings(setting(key, "key"), timeout, retry)
        where = setting(address, "address")
        self._channel = open_channel(self._api, where, timeout or 10.0, interceptors)
        self._methods = methods(self._channel)
        self._closing: list[bool] = []  # not empty when closed; shared by with_options
        self._position = Position()  # shared, too

    def with_options(
        self,
        *,
        timeout: float | None = None,
        retry: float | None = None,
        request_id: str | None = None,
    ) -> Self:
        """The same client, on the same connection, with other options for the calls made by it.

        Args:
            timeout: As at construction.
            retry: As at construction.
            request_id: Names the calls in the server's log; default: a random id for each.
        """
        other = copy.copy(self)
        other._settings = self._settings.changed(
            timeout=timeout, retry=retry, request_id=request_id
        )
        return other

    def _attempts(self, method: str) -> tuple[Any, Attempts]:
        found = self._methods[method]
        return found.call, Attempts(self._settings, found, self._closing, self._position)


class Client(_Client, AbstractContextManager["Client"]):
    """Reads sessions and records events; threads may share it.

    What fails for good raises SessionsError or one of the classes below it, see `errors`.
    """

    def sessions(
        self,
        website_id: str,
        *,
        cursor: str | None = None,
        page_size: int | None = None,
        **query: Unpack[Query],
    ) -> Walk[Session]:
        """The sessions of a website, newest first.

        Of a filter give one value, or several that are alternatives; "" means sessions that have
        none.

        Args:
            website_id: The website.
            cursor: Where to begin: `next_cursor` of a page, with the same query.
            page_size: Sessions that a page has at most; default: 100, which is also the most.
            **query: Which sessions.

        Raises:
            TypeError: A name is no parameter, or a value has another type.
            ValueError: A filter has no values, which would match all sessions.
        """
        return self._walk(messages.list_sessions(website_id, page_size, query), cursor)

    def export_sessions(
        self,
        website_id: str,
        *,
        cursor: str | None = None,
        include_events: bool = False,
        **query: Unpack[Query],
    ) -> Export:
        """All sessions of a query, oldest first, as one stream.

        Args:
            website_id: The website.
            cursor: Where to begin: `next_cursor` of a page, with the same query.
            include_events: Whether each session is followed by its events.
            **query: Which sessions, as for `sessions`.

        Raises:
            TypeError: A name is no parameter, or a value has another type.
            ValueError: A filter has no values, which would match all sessions.
        """
        request = messages.export_sessions(website_id, cursor, include_events, query)
        return Export(lambda: self._export(messages.Export(copy.deepcopy(request))))

    def session(self, website_id: str, session_id: str) -> Session:
        """One session; raises NotFound where there is none."""
        answer = self._call("GetSession", messages.get_session(website_id, session_id))
        found: Session = answer.session
        return found

    def events(
        self,
        website_id: str,
        session_id: str,
        *,
        cursor: str | None = None,
        page_size: int | None = None,
    ) -> Walk[SessionEvent]:
        """The events of a session, oldest first; `page_size` is 1,000 by default, at most 5,000."""
        return self._walk(messages.list_events(website_id, session_id, page_size), cursor)

    def summarize(self, website_id: str, **query: Unpack[SummaryQuery]) -> SummarizeResponse:
        """The metrics of the sessions of a query, compared with those of other days on request.

        Raises:
            TypeError: A name is no parameter, or a value has another type.
            ValueError: A filter has no values, which would match all sessions.
        """
        answer: SummarizeResponse = self._call("Summarize", messages.summarize(website_id, query))
        return answer

    def time_series(self, website_id: str, **query: Unpack[SeriesQuery]) -> TimeSeriesResponse:
        """The metrics of the sessions of a query for each hour, day, week or month.

        Raises:
            TypeError: A name is no parameter, or a value has another type.
            ValueError: A filter has no values, which would match all sessions.
        """
        request = messages.time_series(website_id, query)
        answer: TimeSeriesResponse = self._call("TimeSeries", request)
        return answer

    def breakdown(
        self,
        website_id: str,
        dimensions: messages.Values,
        *,
        limit: int | None = None,
        **query: Unpack[BreakdownQuery],
    ) -> BreakdownResponse:
        """The metrics of the sessions of a query by the values of one or two dimensions.

        Args:
            website_id: The website.
            dimensions: The name of one, or of two, such as `country` or `page`.
            limit: Rows at most; default: 10, at most 1,000.
            **query: Which sessions, and in which order.

        Raises:
            TypeError: A name is no parameter, or a value has another type.
            ValueError: A filter has no values, which would match all sessions.
        """
        request = messages.breakdown(website_id, dimensions, limit, query)
        answer: BreakdownResponse = self._call("Breakdown", request)
        return answer

    def sessions_of(
        self, website_id: str, row: messages.Row, query: Mapping[str, Any]
    ) -> Walk[Session]:
        """The sessions of a row of an analysis, newest first.

        Args:
            website_id: The website.
            row: What has a filter or a cell: a row of a breakdown, a bucket of a time series, the
                `reached_sessions` of a step, a node, and so on.
            query: What the analysis was asked with, by name.

        Raises:
            ValueError: The row carries neither.
        """
        return self.sessions(website_id, **messages.drill_down(query, row))

    def funnel(
        self, website_id: str, steps: Iterable[str], **query: Unpack[FunnelQuery]
    ) -> FunnelResponse:
        """How many sessions, or visitors, reach one step after the other.

        Raises:
            TypeError: A name is no parameter, or a value has another type.
            ValueError: A filter has no values, which would match all sessions.
        """
        answer: FunnelResponse = self._call("Funnel", messages.funnel(website_id, steps, query))
        return answer

    def flows(self, website_id: str, **query: Unpack[FlowsQuery]) -> FlowsResponse:
        """What sessions did next, as a tree.

        Raises:
            TypeError: A name is no parameter, or a value has another type.
            ValueError: A filter has no values, which would match all sessions.
        """
        answer: FlowsResponse = self._call("Flows", messages.flows(website_id, query))
        return answer

    def transitions(
        self, website_id: str, page: str, **query: Unpack[TransitionsQuery]
    ) -> TransitionsResponse:
        """From which pages the views of a page come, and to which they go on.

        Raises:
            TypeError: A name is no parameter, or a value has another type.
            ValueError: A filter has no values, which would match all sessions.
        """
        answer: TransitionsResponse = self._call(
            "Transitions", messages.transitions(website_id, page, query)
        )
        return answer

    def cohorts(self, website_id: str, **query: Unpack[CohortsQuery]) -> CohortsResponse:
        """In which periods visitors returned, by when they first came.

        Raises:
            TypeError: A name is no parameter, or a value has another type.
            ValueError: A filter has no values, which would match all sessions.
        """
        answer: CohortsResponse = self._call("Cohorts", messages.cohorts(website_id, query))
        return answer

    def patterns(self, website_id: str, **query: Unpack[PatternsQuery]) -> PatternsResponse:
        """Pages and events that many sessions have directly one after the other.

        Raises:
            TypeError: A name is no parameter, or a value has another type.
            ValueError: A filter has no values, which would match all sessions.
        """
        answer: PatternsResponse = self._call("Patterns", messages.patterns(website_id, query))
        return answer

    def record(self, website_id: str, events: messages.Events) -> Recorded:
        """Record events in batches, each of which is durable before the next one is sent.

        An event without `event_id` is sent with a random one, one without `timestamp` with the
        current time; yours are not changed. An error counts in `accepted` the events of the
        batches before the one that failed.
        """
        accepted = 0
        for batch in messages.batches(events):
            self._call("RecordEvents", messages.record_events(website_id, batch), accepted)
            accepted += len(batch)
        return Recorded(accepted)

    def stream(self, website_id: str, events: messages.Events) -> Iterator[Recorded]:
        """Record events as `record` does, over one stream: a batch travels while one is stored.

        Yields after each batch how many events are recorded by now. A stream that ends is opened
        again, and what was not answered is sent again.
        """
        source, unanswered = messages.guarded_batches(events), messages.Unanswered(website_id)
        call, attempts = self._attempts("StreamEvents")
        while True:
            sent, pause = SimpleQueue[Any](), REOPENING
            try:
                answers = call(iter(sent.get, None), **attempts.stream_options)
                for request in unanswered.again():
                    sent.put(request)
                while True:
                    while unanswered.has_room and (batch := next(source, None)):
                        sent.put(unanswered.add(batch))
                        attempts.begin(unanswered.accepted)
                    if not unanswered:
                        return
                    if next(answers, None) is None:
                        break
                    yield unanswered.answered()
                    attempts.begin(unanswered.accepted)
            except messages.SourceFailed as failed:
                raise failed.error from None
            except FAILURES as failure:
                pause = attempts.pause_after(failure)
            finally:
                sent.put(None)
            time.sleep(pause)

    def erase_visitor(
        self,
        website_id: str,
        visitor_id: str | None = None,
        *,
        client_ip: str | None = None,
        user_agent: str | None = None,
    ) -> EraseVisitorResponse:
        """Remove a visitor's sessions and events for good; erasing again is safe.

        Name the visitor as its events do: by `visitor_id`, or by `client_ip` and `user_agent`.
        """
        request = messages.erase_visitor(website_id, visitor_id, client_ip, user_agent)
        answer: EraseVisitorResponse = self._call("EraseVisitor", request)
        return answer

    def close(self) -> None:
        """End the connection; calls in flight and later ones fail with CANCELLED."""
        self._closing.append(True)
        self._channel.close()

    def __exit__(self, *error: object) -> None:
        self.close()

    def _walk(self, listing: messages.Listing, cursor: str | None) -> Walk[Any]:
        def read(at: str | None) -> Page[Any]:
            return listing.page_of(self._call(listing.method, listing.page_at(at)))

        return Walk(read, cursor)

    def _export(self, export: messages.Export) -> Iterator[Page[ExportItem]]:
        call, attempts = self._attempts("ExportSessions")
        while True:
            answers = None
            try:
                answers = call(export.request, **attempts.stream_options)
                for answer in answers:
                    yield export.page_of(answer)
                    attempts.begin(0)
                    if answer.is_last:
                        return
                raise EndedEarly
            except FAILURES as failure:
                pause = attempts.pause_after(failure)
            finally:
                if answers is not None:
                    answers.cancel()
            time.sleep(pause)

    def _call(self, method: str, request: Any, accepted: int = 0) -> Any:
        call, attempts = self._attempts(method)
        attempts.begin(accepted)
        while True:
            try:
                answer, made = call.with_call(request, **attempts.options)
                self._position.note(made.initial_metadata())
                return answer
            except FAILURES as failure:
                pause = attempts.pause_after(failure)
            time.sleep(pause)


class AsyncClient(_Client, AbstractAsyncContextManager["AsyncClient"]):
    """Client for asyncio, made inside the event loop that it is for.

    The methods are those of Client: awaited, or iterated with `async for`. Events to record may
    come from an asynchronous iterable.
    """

    _api = grpc.aio

    def sessions(
        self,
        website_id: str,
        *,
        cursor: str | None = None,
        page_size: int | None = None,
        **query: Unpack[Query],
    ) -> AsyncWalk[Session]:
        """As Client.sessions."""
        return self._walk(messages.list_sessions(website_id, page_size, query), cursor)

    def export_sessions(
        self,
        website_id: str,
        *,
        cursor: str | None = None,
        include_events: bool = False,
        **query: Unpack[Query],
    ) -> AsyncExport:
        """As Client.export_sessions."""
        request = messages.export_sessions(website_id, cursor, include_events, query)
        return AsyncExport(lambda: self._export(messages.Export(copy.deepcopy(request))))

    async def session(self, website_id: str, session_id: str) -> Session:
        """As Client.session."""
        answer = await self._call("GetSession", messages.get_session(website_id, session_id))
        found: Session = answer.session
        return found

    def events(
        self,
        website_id: str,
        session_id: str,
        *,
        cursor: str | None = None,
        page_size: int | None = None,
    ) -> AsyncWalk[SessionEvent]:
        """As Client.events."""
        return self._walk(messages.list_events(website_id, session_id, page_size), cursor)

    async def summarize(self, website_id: str, **query: Unpack[SummaryQuery]) -> SummarizeResponse:
        """As Client.summarize."""
        request = messages.summarize(website_id, query)
        answer: SummarizeResponse = await self._call("Summarize", request)
        return answer

    async def time_series(
        self, website_id: str, **query: Unpack[SeriesQuery]
    ) -> TimeSeriesResponse:
        """As Client.time_series."""
        request = messages.time_series(website_id, query)
        answer: TimeSeriesResponse = await self._call("TimeSeries", request)
        return answer

    async def breakdown(
        self,
        website_id: str,
        dimensions: messages.Values,
        *,
        limit: int | None = None,
        **query: Unpack[BreakdownQuery],
    ) -> BreakdownResponse:
        """As Client.breakdown."""
        request = messages.breakdown(website_id, dimensions, limit, query)
        answer: BreakdownResponse = await self._call("Breakdown", request)
        return answer

    def sessions_of(
        self, website_id: str, row: messages.Row, query: Mapping[str, Any]
    ) -> AsyncWalk[Session]:
        """As Client.sessions_of."""
        return self.sessions(website_id, **messages.drill_down(query, row))

    async def funnel(
        self, website_id: str, steps: Iterable[str], **query: Unpack[FunnelQuery]
    ) -> FunnelResponse:
        """As Client.funnel."""
        answer: FunnelResponse = await self._call(
            "Funnel", messages.funnel(website_id, steps, query)
        )
        return answer

    async def flows(self, website_id: str, **query: Unpack[FlowsQuery]) -> FlowsResponse:
        """As Client.flows."""
        answer: FlowsResponse = await self._call("Flows", messages.flows(website_id, query))
        return answer

    async def transitions(
        self, website_id: str, page: str, **query: Unpack[TransitionsQuery]
    ) -> TransitionsResponse:
        """As Client.transitions."""
        answer: TransitionsResponse = await self._call(
            "Transitions", messages.transitions(website_id, page, query)
        )
        return answer

    async def cohorts(self, website_id: str, **query: Unpack[CohortsQuery]) -> CohortsResponse:
        """As Client.cohorts."""
        answer: CohortsResponse = await self._call("Cohorts", messages.cohorts(website_id, query))
        return answer

    async def patterns(self, website_id: str, **query: Unpack[PatternsQuery]) -> PatternsResponse:
        """As Client.patterns."""
        answer: PatternsResponse = await self._call(
            "Patterns", messages.patterns(website_id, query)
        )
        return answer

    async def record(self, website_id: str, events: messages.AsyncEvents) -> Recorded:
        """As Client.record."""
        accepted = 0
        async for batch in messages.async_batches(events):
            request = messages.record_events(website_id, batch)
            await self._call("RecordEvents", request, accepted)
            accepted += len(batch)
        return Recorded(accepted)

    async def stream(
        self, website_id: str, events: messages.AsyncEvents
    ) -> AsyncIterator[Recorded]:
        """As Client.stream."""
        source, unanswered = messages.async_guarded_batches(events), messages.Unanswered(website_id)
        call, attempts = self._attempts("StreamEvents")
        while True:
            sent, pause = asyncio.Queue[Any](), REOPENING
            try:
                answers = aiter(call(_until_none(sent), **attempts.stream_options))
                for request in unanswered.again():
                    sent.put_nowait(request)
                while True:
                    while unanswered.has_room and (batch := await anext(source, None)):
                        sent.put_nowait(unanswered.add(batch))
                        attempts.begin(unanswered.accepted)
                    if not unanswered:
                        return
                    if await anext(answers, None) is None:
                        break
                    yield unanswered.answered()
                    attempts.begin(unanswered.accepted)
            except messages.SourceFailed as failed:
                raise failed.error from None
            except FAILURES as failure:
                pause = attempts.pause_after(failure)
            finally:
                sent.put_nowait(None)
            await asyncio.sleep(pause)

    async def erase_visitor(
        self,
        website_id: str,
        visitor_id: str | None = None,
        *,
        client_ip: str | None = None,
        user_agent: str | None = None,
    ) -> EraseVisitorResponse:
        """As Client.erase_visitor."""
        request = messages.erase_visitor(website_id, visitor_id, client_ip, user_agent)
        answer: EraseVisitorResponse = await self._call("EraseVisitor", request)
        return answer

    async def close(self) -> None:
        """As Client.close."""
        self._closing.append(True)
        await self._channel.close()

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    def _walk(self, listing: messages.Listing, cursor: str | None) -> AsyncWalk[Any]:
        async def read(at: str | None) -> Page[Any]:
            return listing.page_of(await self._call(listing.method, listing.page_at(at)))

        return AsyncWalk(read, cursor)

    async def _export(self, export: messages.Export) -> AsyncIterator[Page[ExportItem]]:
        call, attempts = self._attempts("ExportSessions")
        while True:
            answers = None
            try:
                answers = call(export.request, **attempts.stream_options)
                async for answer in answers:
                    yield export.page_of(answer)
                    attempts.begin(0)
                    if answer.is_last:
                        return
                raise EndedEarly
            except FAILURES as failure:
                pause = attempts.pause_after(failure)
            finally:
                if answers is not None:
                    answers.cancel()
            await asyncio.sleep(pause)

    async def _call(self, method: str, request: Any, accepted: int = 0) -> Any:
        call, attempts = self._attempts(method)
        attempts.begin(accepted)
        while True:
            try:
                made = call(request, **attempts.options)
                answer = await made
                self._position.note(await made.initial_metadata())
                return answer
            except FAILURES as failure:
                pause = attempts.pause_after(failure)
            await asyncio.sleep(pause)


async def _until_none(items: asyncio.Queue[Any]) -> AsyncIterator[Any]:
    while (item := await items.get()) is not None:
        yield item

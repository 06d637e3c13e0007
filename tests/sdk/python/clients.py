"""Both clients with the same methods, so that a test says once what is true of both."""

import asyncio
import copy
from collections.abc import AsyncIterator, Iterator
from typing import Any, Generic, Self, TypeVar

from analytics_sessions import (
    AsyncClient,
    AsyncExport,
    AsyncWalk,
    BreakdownResponse,
    Client,
    CohortsResponse,
    EraseVisitorResponse,
    ExportItem,
    FlowsResponse,
    FunnelResponse,
    Page,
    PatternsResponse,
    Recorded,
    Session,
    SessionEvent,
    SummarizeResponse,
    TimeSeriesResponse,
    TransitionsResponse,
    Walk,
)

T = TypeVar("T")


class Blocking:
    """AsyncClient with the methods of Client, in an event loop of its own."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        try:
            self._client = self._runner.run(_made(arguments, options))
        except BaseException:
            self._runner.close()
            raise

    def with_options(self, **options: Any) -> "Blocking":
        other = copy.copy(self)
        other._client = self._client.with_options(**options)
        return other

    def sessions(self, website_id: str, **query: Any) -> "BlockingWalk[Session]":
        return BlockingWalk(self._client.sessions(website_id, **query), self._runner)

    def export_sessions(self, website_id: str, **query: Any) -> "BlockingExport":
        return BlockingExport(self._client.export_sessions(website_id, **query), self._runner)

    def session(self, website_id: str, session_id: str) -> Session:
        return self._runner.run(self._client.session(website_id, session_id))

    def events(
        self, website_id: str, session_id: str, **paging: Any
    ) -> "BlockingWalk[SessionEvent]":
        return BlockingWalk(self._client.events(website_id, session_id, **paging), self._runner)

    def summarize(self, website_id: str, **query: Any) -> SummarizeResponse:
        return self._runner.run(self._client.summarize(website_id, **query))

    def time_series(self, website_id: str, **query: Any) -> TimeSeriesResponse:
        return self._runner.run(self._client.time_series(website_id, **query))

    def breakdown(self, website_id: str, dimensions: Any, **query: Any) -> BreakdownResponse:
        return self._runner.run(self._client.breakdown(website_id, dimensions, **query))

    def funnel(self, website_id: str, steps: Any, **query: Any) -> FunnelResponse:
        return self._runner.run(self._client.funnel(website_id, steps, **query))

    def flows(self, website_id: str, **query: Any) -> FlowsResponse:
        return self._runner.run(self._client.flows(website_id, **query))

    def transitions(self, website_id: str, page: str, **query: Any) -> TransitionsResponse:
        return self._runner.run(self._client.transitions(website_id, page, **query))

    def cohorts(self, website_id: str, **query: Any) -> CohortsResponse:
        return self._runner.run(self._client.cohorts(website_id, **query))

    def patterns(self, website_id: str, **query: Any) -> PatternsResponse:
        return self._runner.run(self._client.patterns(website_id, **query))

    def sessions_of(self, website_id: str, row: Any, query: Any) -> "BlockingWalk[Session]":
        return BlockingWalk(self._client.sessions_of(website_id, row, query), self._runner)

    def record(self, website_id: str, events: Any) -> Recorded:
        return self._runner.run(self._client.record(website_id, events))

    def stream(self, website_id: str, events: Any) -> Iterator[Recorded]:
        return _each(self._client.stream(website_id, events), self._runner)

    def erase_visitor(self, *arguments: Any, **named: Any) -> EraseVisitorResponse:
        return self._runner.run(self._client.erase_visitor(*arguments, **named))

    def close(self) -> None:
        self._runner.run(self._client.close())

    def __enter__(self) -> Self:
        self._runner.run(self._client.__aenter__())
        return self

    def __exit__(self, *error: object) -> None:
        self._runner.run(self._client.__aexit__(*error))
        self._runner.close()


class BlockingWalk(Generic[T]):
    """AsyncWalk with the methods of Walk."""

    def __init__(self, walk: AsyncWalk[T], runner: asyncio.Runner) -> None:
        self._walk, self._runner = walk, runner

    def page(self) -> Page[T]:
        return self._runner.run(self._walk.page())

    def pages(self) -> Iterator[Page[T]]:
        return _each(self._walk.pages(), self._runner)

    def __iter__(self) -> Iterator[T]:
        return _each(aiter(self._walk), self._runner)


class BlockingExport:
    """AsyncExport with the methods of Export."""

    def __init__(self, export: AsyncExport, runner: asyncio.Runner) -> None:
        self._export, self._runner = export, runner

    def pages(self) -> Iterator[Page[ExportItem]]:
        return _each(self._export.pages(), self._runner)

    def __iter__(self) -> Iterator[ExportItem]:
        return _each(aiter(self._export), self._runner)


async def _made(arguments: Any, options: Any) -> AsyncClient:
    return AsyncClient(*arguments, **options)


def _each(found: AsyncIterator[T], runner: asyncio.Runner) -> Iterator[T]:
    while item := runner.run(_following(found)):
        yield item[0]


async def _following(found: AsyncIterator[T]) -> tuple[T] | None:
    async for item in found:
        return (item,)
    return None


AnyClient = Client | Blocking
AnyWalk = Walk[T] | BlockingWalk[T]
CLIENTS = (Client, Blocking)

"""Both clients with the same methods, so that a test says once what is true of both."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Self, TypeVar

from analytics_sessions import AsyncClient, Client, Event, Recorded, Session, SessionEvent

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

    def sessions(self, website_id: str, **query: Any) -> Iterator[Session]:
        return self._each(self._client.sessions(website_id, **query))

    def session(self, website_id: str, session_id: str) -> Session:
        return self._runner.run(self._client.session(website_id, session_id))

    def events(self, website_id: str, session_id: str) -> Iterator[SessionEvent]:
        return self._each(self._client.events(website_id, session_id))

    def record(self, website_id: str, events: Iterable[Event]) -> Recorded:
        return self._runner.run(self._client.record(website_id, events))

    def close(self) -> None:
        self._runner.run(self._client.close())

    def __enter__(self) -> Self:
        self._runner.run(self._client.__aenter__())
        return self

    def __exit__(self, *error: object) -> None:
        self._runner.run(self._client.__aexit__(*error))
        self._runner.close()

    def _each(self, found: AsyncIterator[T]) -> Iterator[T]:
        while item := self._runner.run(_following(found)):
            yield item[0]


async def _made(arguments: Any, options: Any) -> AsyncClient:
    return AsyncClient(*arguments, **options)


async def _following(found: AsyncIterator[T]) -> tuple[T] | None:
    async for item in found:
        return (item,)
    return None


AnyClient = Client | Blocking
CLIENTS = (Client, Blocking)

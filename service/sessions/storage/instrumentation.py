"""Connections that measure what they are used for: each statement, and each wait for one.

Statements are named as OpenTelemetry summarizes queries, such as `SELECT sessions`: see
https://opentelemetry.io/docs/specs/semconv/database/database-spans/.
"""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from functools import lru_cache
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from opentelemetry.trace import Span, StatusCode
from prometheus_client import Histogram
from psycopg import AsyncCursor, AsyncPipeline, AsyncServerCursor
from psycopg.pq import PipelineStatus
from psycopg.rows import Row
from psycopg.sql import Composable
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from sessions.instruments import (
    POOL_CONNECTIONS,
    POOL_LIMIT,
    POOL_TIMEOUTS,
    POOL_WAIT,
    POOL_WAITING,
    STATEMENT_DURATION,
)
from sessions.storage.kept_reader import KeptReader
from sessions.tracing import NO_SPAN, Attributes, client_span, is_tracing

# What changes rows names a statement before what it reads on the way.
_TARGETS = tuple(
    (verb, re.compile(rf"\b{words}\s+(?:ONLY\s+|(?!LATERAL))(\w+)(?![\w(])"))
    for verb, words in (
        ("INSERT", "INSERT INTO"),
        ("UPDATE", "UPDATE(?! SET)"),
        ("DELETE", "DELETE FROM"),
        ("SELECT", "(?:FROM|JOIN)"),
    )
)


def summarize_query(text: str) -> str:
    """What a statement does and to which table: few different texts, without any values."""
    for verb, target in _TARGETS:
        if found := target.search(text):
            return f"{verb} {found[1]}"
    return text.split(maxsplit=1)[0].upper()


@lru_cache(maxsize=1024)
def _duration(text: str) -> Histogram:
    return STATEMENT_DURATION.labels(summarize_query(text))


@lru_cache(maxsize=1024)
def _attributes(text: str) -> Attributes:
    return {"db.system.name": "postgresql", "db.query.summary": summarize_query(text)}


def statement_span(text: str) -> AbstractContextManager[Span | None]:
    """A span around a statement, while traces are on; it has no values, and no text."""
    if not is_tracing():
        return NO_SPAN
    attributes = _attributes(text)
    return client_span(attributes["db.query.summary"], attributes)


class MeasuredStatement:
    """Measures a statement, and is its span: a context manager around it.

    Args:
        text: the statement.
    """

    __slots__ = ("_began", "_span", "_spanning", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._spanning = statement_span(text)

    def __enter__(self) -> None:
        self._span = self._spanning.__enter__()
        self._began = perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _duration(self._text).observe(perf_counter() - self._began)
        if self._span and kind:
            self._span.set_attribute("error.type", kind.__name__)
            self._span.set_status(StatusCode.ERROR)
        self._spanning.__exit__(kind, error, traceback)


def _text(query: Any) -> str:
    if isinstance(query, str):  # nearly always
        return query
    return query.as_string(None) if isinstance(query, Composable) else query.decode()


class _Measured(AsyncCursor[Row]):
    async def execute(
        self,
        query: Any,
        params: Any = None,
        *,
        prepare: bool | None = None,
        binary: bool | None = None,
    ) -> Self:
        # In a pipeline nothing is waited for but its end, which is measured as a whole.
        is_in_pipeline = self.connection.pgconn.pipeline_status != PipelineStatus.OFF
        measured = statement_span if is_in_pipeline else MeasuredStatement
        with measured(_text(query)):
            return await super().execute(query, params, prepare=prepare, binary=binary)


class _MeasuredServerCursor(AsyncServerCursor[Row]):
    async def execute(
        self, query: Any, params: Any = None, *, binary: bool | None = None, **options: Any
    ) -> Self:
        with MeasuredStatement(_text(query)):
            return await super().execute(query, params, binary=binary, **options)


class MeasuredConnection(KeptReader):
    """A connection whose statements and pipelines are measured."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.cursor_factory = _Measured
        self.server_cursor_factory = _MeasuredServerCursor

    @asynccontextmanager
    async def pipeline(self) -> AsyncIterator[AsyncPipeline]:
        """Send statements together; not inside of another pipeline."""
        if self.pgconn.pipeline_status != PipelineStatus.OFF:
            # psycopg 3.3 waits for ever there, after a statement larger than the socket's buffer.
            raise RuntimeError("a pipeline can't be inside of another one")
        with MeasuredStatement("PIPELINE"):
            try:
                async with super().pipeline() as pipeline:
                    yield pipeline
            finally:
                # Where its cancellation takes the server too long, as it can on Citus, psycopg
                # leaves the pipeline on: nobody else could use the connection.
                if not self.closed and self.pgconn.pipeline_status != PipelineStatus.OFF:
                    await self.close()


class MeasuredPool(AsyncConnectionPool[MeasuredConnection]):
    """A pool that measures how long its connections are waited for."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._wait = POOL_WAIT.labels(self.name)

    async def getconn(  # the name and the parameters of the library
        self,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> MeasuredConnection:
        """Take a connection.

        Raises:
            PoolTimeout: none was free in time.
            TooManyRequests: too many wait already.
        """
        began = perf_counter()
        try:
            return await super().getconn(timeout)
        except (PoolTimeout, TooManyRequests):
            POOL_TIMEOUTS.labels(self.name).inc()
            raise
        finally:
            self._wait.observe(perf_counter() - began)

    def measure(self) -> None:
        """Note how many connections there are and what they do."""
        found = self.get_stats()
        size, idle = found.get("pool_size", 0), found.get("pool_available", 0)
        POOL_CONNECTIONS.labels(self.name, "idle").set(idle)
        POOL_CONNECTIONS.labels(self.name, "used").set(size - idle)
        POOL_LIMIT.labels(self.name).set(self.max_size)
        POOL_WAITING.labels(self.name).set(found.get("requests_waiting", 0))
        POOL_TIMEOUTS.labels(self.name)  # shown as 0 until there are some

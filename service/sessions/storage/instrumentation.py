"""Connections that measure what they are used for: each statement, and each wait for one.

Statements are named as OpenTelemetry summarizes queries, such as `SELECT sessions`: see
https://opentelemetry.io/docs/specs/semconv/database/database-spans/.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from time import perf_counter
from typing import Any, Self

from prometheus_client import Histogram
from psycopg import AsyncConnection, AsyncCursor, AsyncPipeline, AsyncServerCursor
from psycopg.pq import PipelineStatus
from psycopg.rows import Row, TupleRow
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


class MeasuredStatement:
    """Measures a statement: a context manager around it.

    Args:
        text: the statement.
    """

    __slots__ = ("_began", "_text")

    def __init__(self, text: str) -> None:
        self._text = text

    def __enter__(self) -> None:
        self._began = perf_counter()

    def __exit__(self, *_: object) -> None:
        _duration(self._text).observe(perf_counter() - self._began)


def _text(query: Any) -> str:
    if isinstance(query, Composable):
        return query.as_string(None)
    return query.decode() if isinstance(query, bytes) else str(query)


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
        if self.connection.pgconn.pipeline_status != PipelineStatus.OFF:
            return await super().execute(query, params, prepare=prepare, binary=binary)
        with MeasuredStatement(_text(query)):
            return await super().execute(query, params, prepare=prepare, binary=binary)


class _MeasuredServerCursor(AsyncServerCursor[Row]):
    async def execute(
        self, query: Any, params: Any = None, *, binary: bool | None = None, **options: Any
    ) -> Self:
        with MeasuredStatement(_text(query)):
            return await super().execute(query, params, binary=binary, **options)


class MeasuredConnection(AsyncConnection[TupleRow]):
    """A connection whose statements and pipelines are measured."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.cursor_factory = _Measured
        self.server_cursor_factory = _MeasuredServerCursor

    @asynccontextmanager
    async def pipeline(self) -> AsyncIterator[AsyncPipeline]:
        """Send statements together."""
        with MeasuredStatement("PIPELINE"):
            async with super().pipeline() as pipeline:
                yield pipeline


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

"""Connections that stay registered with the event loop from one answer to the next.

psycopg registers a socket for each wait and takes it out again after it, with a timer beside it:
a tenth of the processor time of a list. See `psycopg.waiting.wait_async`, to which everything else
than waiting for an answer is left, and so are pipelines.
"""

import asyncio
from collections.abc import Generator
from typing import Any, TypeVar

from psycopg import AsyncConnection, errors
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import TupleRow
from psycopg.waiting import Ready, Wait

T = TypeVar("T")

_CANCEL_SECONDS = 5.0


class KeptReader(AsyncConnection[TupleRow]):
    """A connection whose socket stays registered for reading until something goes wrong."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._waiter: asyncio.Future[None] | None = None
        self._registered: tuple[asyncio.AbstractEventLoop, int] | None = None

    async def wait(
        self,
        gen: Generator[Any, Any, T],
        interval: float = 0.1,
        timeout: float | None = None,  # noqa: ASYNC109 (the name in the library)
    ) -> T:
        """Run a generator of psycopg that waits for the server.

        Raises:
            psycopg.Error: as psycopg says.
        """
        if timeout is not None or self.pgconn.pipeline_status != PipelineStatus.OFF:
            self._unregister()
            return await super().wait(gen, interval, timeout)
        state: Wait | None = None
        try:
            state = next(gen)
            while state == Wait.R:
                await self._readable()
                if (state := gen.send(Ready.R)) == Wait.R:
                    # Of a socket with an error uvloop tells once, also where there was more to
                    # read before the error.
                    self._unregister()
        except StopIteration as end:
            if self.closed:
                # libpq has closed the socket: the next one can have the same number.
                self._unregister()
            found: T = end.value
            return found
        except asyncio.CancelledError:
            self._unregister()
            await self._end(gen, Wait.R)
            raise
        except BaseException:
            self._unregister()  # as above
            raise
        # It has to write more than fits.
        self._unregister()
        return await super().wait(_resumed(gen, state), interval)

    async def close(self) -> None:
        """Close the connection."""
        self._unregister()
        await super().close()

    async def _end(self, gen: Generator[Any, Any, Any], state: Wait) -> None:
        """End the statement that a cancelled task was waiting for, as psycopg does."""
        if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
            return
        try:
            await self.cancel_safe(timeout=_CANCEL_SECONDS)
            await super().wait(_resumed(gen, state), timeout=_CANCEL_SECONDS)
        except errors.QueryCanceled:
            pass  # as it should
        except BaseException:
            self.pgconn.finish()

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        if self._registered is None:
            self._registered = loop, self.pgconn.socket
            loop.add_reader(self.pgconn.socket, self._wake)
        self._waiter = loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is None:
            # Nobody asked: the server has closed the connection. Whoever uses it next finds out.
            self._unregister()
        elif not self._waiter.done():
            self._waiter.set_result(None)

    def _unregister(self) -> None:
        if self._registered:
            loop, socket = self._registered
            loop.remove_reader(socket)
            self._registered = None


def _resumed(gen: Generator[Any, Any, T], state: Any) -> Generator[Any, Any, T]:
    """The rest of a generator that has asked for a state already."""
    while True:
        try:
            state = gen.send((yield state))
        except StopIteration as end:
            found: T = end.value
            return found

"""Work beside a call that ends with the call: in threads, or ahead of what the call works on."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from contextvars import copy_context
from threading import Event
from typing import Any, TypeVar

from sessions.analysis import interruption

Item = TypeVar("Item")
Result = TypeVar("Result")


async def in_thread(compute: Callable[[], Result]) -> Result:
    """What is computed in a thread.

    When the call is cancelled, the computation is told to stop, which it looks for between two
    comparisons, and waited for: a turn that is held meanwhile ends with the work, not before it.
    """
    stop = Event()
    context = copy_context()
    context.run(interruption.stop.set, stop)
    running = asyncio.get_running_loop().run_in_executor(None, context.run, compute)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await _ended(running)
        raise


async def one_ahead(items: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
    """The same items; the next one is made while its taker works on the one before it."""
    async with aclosing(items):
        coming = asyncio.ensure_future(anext(items, None))
        try:
            while (item := await coming) is not None:
                coming = asyncio.ensure_future(anext(items, None))
                yield item
        finally:
            coming.cancel()
            await _ended(coming)


async def _ended(running: "asyncio.Future[Any]") -> None:
    """Wait until something has ended, also when the call is cancelled once more."""
    while not running.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([running])
    # Looked at, so that it is not logged as an error that nobody has seen.
    if not running.cancelled():
        running.exception()

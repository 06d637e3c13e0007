"""Computations in threads that end with the call that waits for them."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from threading import Event
from typing import TypeVar

from sessions.analysis import interruption

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
        while not running.done():
            # Cancelled again, it still has to wait.
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        # Looked at, so that it is not logged as an error that nobody has seen.
        running.exception()
        raise

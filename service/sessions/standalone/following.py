"""Files that are followed while the service runs."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from sessions.standalone.console import report

_SECONDS = 1.0


async def follow(renew: Callable[[], Awaitable[None]], in_use: str) -> None:
    """Call `renew` every second; what it can't use is reported, after `in_use`, and once."""
    reported = ""
    while True:
        await asyncio.sleep(_SECONDS)
        try:
            await renew()
            problem = ""
        except (ValueError, OSError) as error:
            problem = f"{in_use}: {error}"
        # Once: of two files one is often replaced before the other.
        if problem and problem != reported:
            report(problem)
        reported = problem


async def together(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Stay until cancelled, or until all have ended.

    Raises:
        Exception: what one of them raises; the others are cancelled.
    """
    tasks = [asyncio.create_task(each) for each in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()

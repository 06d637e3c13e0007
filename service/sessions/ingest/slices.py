"""Long computations in slices, between which other calls have their turn."""

import asyncio
import time
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

# Of work until others get their turn.
_SECONDS = 0.001

Item = TypeVar("Item")
Made = TypeVar("Made")


async def run_in_slices(steps: Generator[None, None, Made]) -> Made:
    """Run a computation that yields wherever it may be interrupted; gives what it returns."""
    until = time.perf_counter() + _SECONDS
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made: Made = end.value
            return made
        if time.perf_counter() > until:
            await asyncio.sleep(0)
            until = time.perf_counter() + _SECONDS


async def map_in_slices(function: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
    """The function's value for each item."""

    def steps() -> Generator[None, None, list[Made]]:
        made = []
        for item in items:
            made.append(function(item))
            yield
        return made

    return await run_in_slices(steps())

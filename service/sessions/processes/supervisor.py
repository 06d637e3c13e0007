"""Starts children step by step, keeps them running, and stops them in reverse order."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from sessions.processes.child import Child
from sessions.processes.keeper import Keeper
from sessions.processes.waiting import report


class Supervisor:
    """Holds the children of this process; use as `async with Supervisor() as supervisor`.

    Leaving the block, for whatever reason, stops all of them.
    """

    def __init__(self) -> None:
        self._steps: list[tuple[str, list[Keeper]]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for step, keepers in reversed(self._steps):
            if not all(keeper.child.quiet for keeper in keepers):
                report(f"stopping {step}")
            await asyncio.gather(*(keeper.stop() for keeper in keepers))

    async def start(self, step: str, *children: Child) -> None:
        """Start the children of one step side by side and wait until all are ready.

        Raises:
            StartError: one of them can't be started.
        """
        keepers = [Keeper(child) for child in children]
        self._steps.append((step, keepers))
        await asyncio.gather(*(keeper.start() for keeper in keepers))

    def tell(self, step: str, number: signal.Signals) -> None:
        """Send a signal to the children of a step."""
        for name, keepers in self._steps:
            for keeper in keepers if name == step else ():
                keeper.tell(number)

    async def watch(self) -> None:
        """Stay until cancelled, while the children run.

        Raises:
            Exception: what makes it impossible to keep a child running.
        """
        keepers = [keeper for _, keepers in self._steps for keeper in keepers]
        await asyncio.gather(*(keeper.failed() for keeper in keepers))


@contextmanager
def until_signal() -> Iterator[None]:
    """Leave the block early, and quietly, at Ctrl-C, SIGTERM or SIGHUP.

    The block is cancelled once; whatever it does in its `finally` runs to its end.
    """
    task = asyncio.current_task()
    assert task is not None, "only inside a coroutine"  # noqa: S101
    loop = asyncio.get_running_loop()
    received: list[int] = []

    def cancel_once(number: int) -> None:
        if not received:
            task.cancel()
        received.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, cancel_once, number)
    try:
        yield
    except asyncio.CancelledError:
        if not received:
            raise
        task.uncancel()
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)

"""Computations in threads: cancelled calls stop them, and wait until they have ended."""

import asyncio
import time

import pytest
from sessions.analysis import interruption
from sessions.usecases.threads import in_thread
from sessions.usecases.turns import Turns

from tests.support.processes import eventually


class Work:
    """A computation of many comparisons, which ends after ten seconds unless it is stopped."""

    def __init__(self) -> None:
        self.is_running = False

    def __call__(self) -> int:
        """Compute for a while."""
        self.is_running = True
        try:
            for _ in range(1_000):
                interruption.check()
                time.sleep(0.01)
        finally:
            time.sleep(0.05)
            self.is_running = False
        return 1


async def test_a_turn_is_held_until_a_cancelled_computation_has_ended() -> None:
    turns, works = Turns(RuntimeError), [Work(), Work()]  # type: ignore[arg-type]

    async def call(work: Work) -> None:
        async with turns.take():
            assert not works[0].is_running
            await in_thread(work)

    first, second = (asyncio.create_task(call(work)) for work in works)
    await eventually(lambda: works[0].is_running)
    first.cancel()
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert not works[0].is_running
    await eventually(lambda: works[1].is_running)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second


async def test_results_and_errors_pass() -> None:
    assert await in_thread(lambda: 1) == 1
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)

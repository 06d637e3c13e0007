"""A background job that fails is tried again, and never ends the worker."""

import asyncio

import pytest
from sessions.domain.errors import DeadlineExceeded
from sessions.worker.background import repeat, repeat_overlapping

from tests.support.processes import PATIENCE


@pytest.mark.parametrize("error", [DeadlineExceeded(), RuntimeError("a mistake")])
async def test_a_job_that_fails_is_done_again(error: Exception) -> None:
    done = asyncio.Event()
    failures = [error]

    async def job() -> None:
        if failures:
            raise failures.pop()
        done.set()

    repeating = asyncio.create_task(repeat(0.0, job))
    try:
        await asyncio.wait_for(done.wait(), PATIENCE)
    finally:
        repeating.cancel()


async def test_a_job_that_fails_while_it_is_cancelled_ends() -> None:
    begun = asyncio.Event()

    async def job() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("the connection is closed")

    repeating = asyncio.create_task(repeat(600.0, job))
    await begun.wait()
    repeating.cancel()
    await asyncio.wait_for(repeating, PATIENCE)


async def test_a_run_that_takes_long_keeps_no_later_one_waiting() -> None:
    runs, ended = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def job() -> None:
        runs.release()
        try:
            await asyncio.Event().wait()
        finally:
            ended.release()

    repeating = asyncio.create_task(repeat_overlapping(0.0, job))
    for _ in range(3):
        await asyncio.wait_for(runs.acquire(), PATIENCE)
    repeating.cancel()
    for _ in range(3):
        await asyncio.wait_for(ended.acquire(), PATIENCE)

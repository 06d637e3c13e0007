"""Background jobs of a worker: what it does beside answering calls."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from sessions.domain.errors import DomainError
from sessions.instruments import (
    RETENTION_EVENTS,
    RETENTION_INTERVAL,
    RETENTION_SESSIONS,
    RETENTION_SUCCESS,
)
from sessions.usecases.run_retention import RunRetention

Job = Callable[[], Awaitable[None]]

_log = structlog.get_logger()


async def repeat(interval: float, job: Job) -> None:
    """Run a job every `interval` seconds until cancelled; a failed run is tried again next time."""
    while True:
        await run_once(job)
        # A cancelled job may fail on its way out, on a connection that is closed by then. That
        # failure, which `run_once` has logged, took the place of the cancellation.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            return
        await asyncio.sleep(interval)


async def repeat_overlapping(interval: float, job: Job) -> None:
    """Start a job every `interval` seconds until cancelled, also while an earlier run goes on."""
    async with asyncio.TaskGroup() as runs:
        while True:
            runs.create_task(run_once(job))
            await asyncio.sleep(interval)


async def run_once(job: Job) -> None:
    """Run a job and log its failure, which must not end a worker that can still answer calls."""
    try:
        await job()
    except DomainError as error:
        _log.warning("a background job is postponed", error=error.message)
    except Exception:
        _log.exception("a background job failed")


async def repeat_retention(interval: float, run_retention: RunRetention) -> None:
    """Remove old sessions every `interval` seconds; 0 disables the job."""

    async def remove() -> None:
        removed = await run_retention()
        if removed is None:
            return  # another worker is at it
        RETENTION_SUCCESS.set_to_current_time()
        RETENTION_SESSIONS.inc(removed.sessions)
        RETENTION_EVENTS.inc(removed.events)
        if any(removed):
            _log.info("removed", **removed._asdict())

    RETENTION_INTERVAL.set(interval)
    if interval:
        await repeat(interval, remove)

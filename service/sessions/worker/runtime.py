"""A worker: one process that serves gRPC on one port until it is told to stop."""

import asyncio
from contextlib import AsyncExitStack, suppress
from functools import partial

import structlog
from grpc_health.v1.health import aio

from sessions.api.server import SERVICES, make_server
from sessions.composition import Application, open_application
from sessions.domain.errors import Unavailable
from sessions.logs import logging_to_stderr
from sessions.settings import Settings
from sessions.tracing import sending_traces
from sessions.usecases.ready_workers import INTERVAL
from sessions.worker.background import repeat, repeat_overlapping, repeat_retention, run_once
from sessions.worker.gauges import measure_process, measure_stored
from sessions.worker.health import report_health
from sessions.worker.signals import LAME_DUCK_SECONDS, StopSignals
from sessions.worker.tls import add_port

_HEALTH_SECONDS = 1.0
_REPLICA_SECONDS = 0.5
_LAST_USE_SECONDS = 10.0
_PROCESS_SECONDS = 2.0
_STORED_SECONDS = 30.0
# A website is folded once a minute at most: this is how often somebody looks.
_FOLD_SECONDS = 10.0
# Finds hardly anything after the first time.
_FILL_SECONDS = 86_400.0

_log = structlog.get_logger()


async def run_worker(
    settings: Settings, port: int, *, lame_duck_seconds: float = LAME_DUCK_SECONDS
) -> None:
    """Serve on `port` until a signal; calls in flight then get `drain_timeout` to finish.

    After SIGTERM there is a lame-duck period: the worker reports NOT_SERVING but takes new calls,
    because Envoy sends them until its next health check, and may know no other worker by then.

    Raises:
        OSError: the port is taken.
    """
    signals = StopSignals()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        stack.enter_context(logging_to_stderr(settings.log_level))
        address = f"{settings.worker_host}:{port}"
        stack.enter_context(sending_traces(settings.traces_protocol, address))
        application = await _open_when_possible(stack, settings, signals.stopping)
        if application is None:
            return
        status = aio.HealthServicer()
        server = make_server(application, status, settings, signals.draining)
        try:
            bound = add_port(server, address, settings.worker_tls_files)
        except RuntimeError as error:
            raise OSError(f"can't listen on {address}: {error}") from error
        await server.start()
        _log.info("serving", host=settings.worker_host, port=bound)

        async def check_health() -> None:
            lag = application.fold_blocks.lag
            await report_health(status, application.pools.admin, SERVICES, fold_lag=lag)

        note_last_use = application.authenticate.note_last_use
        ready_workers = application.ready_workers
        jobs = [
            tasks.create_task(repeat(_HEALTH_SECONDS, check_health)),
            tasks.create_task(repeat(_LAST_USE_SECONDS, note_last_use)),
            tasks.create_task(repeat(_PROCESS_SECONDS, partial(measure_process, application))),
        ]
        if replicas := application.pools.replicas:
            # A replica that does not answer must not keep the others waiting.
            checks = repeat_overlapping(_REPLICA_SECONDS, replicas.check)
            jobs.append(tasks.create_task(checks))
        reports = tasks.create_task(repeat(INTERVAL, ready_workers.report))
        # Any other worker can continue them at once.
        shared = [
            tasks.create_task(
                repeat_retention(settings.retention_interval, application.run_retention)
            ),
            tasks.create_task(repeat(_FOLD_SECONDS, application.fold_blocks)),
            tasks.create_task(repeat(_STORED_SECONDS, partial(measure_stored, application))),
            tasks.create_task(repeat(_FILL_SECONDS, application.fill_messages)),
        ]
        await signals.stopping.wait()
        for job in shared:
            job.cancel()
        _log.info("stopping")
        reports.cancel()
        tasks.create_task(run_once(ready_workers.leave))
        # NOT_SERVING from now on, whatever the health check finds.
        await status.enter_graceful_shutdown()
        await signals.lame_duck(lame_duck_seconds)
        _log.info("draining")
        signals.draining.set()
        await server.stop(settings.drain_timeout)
        for job in jobs:
            job.cancel()
        # The last run of the job was up to ten seconds ago.
        await run_once(note_last_use)


async def _open_when_possible(
    stack: AsyncExitStack, settings: Settings, stopping: asyncio.Event
) -> Application | None:
    """The application, once the database answers; None when told to stop before."""
    while not stopping.is_set():
        try:
            opening = open_application(settings.database_url, settings)
            return await stack.enter_async_context(opening)
        except Unavailable as error:
            _log.warning("waiting for the database", error=error.message)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), 1.0)
    return None

"""A worker: one process that serves gRPC on one port until it is told to stop."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress

import grpc
import structlog
from analytics_sessions.v1 import event_service_pb2, session_service_pb2, visitor_service_pb2
from analytics_sessions.v1.event_service_pb2_grpc import add_EventServiceServicer_to_server
from analytics_sessions.v1.session_service_pb2_grpc import add_SessionServiceServicer_to_server
from analytics_sessions.v1.visitor_service_pb2_grpc import add_VisitorServiceServicer_to_server
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from sessions.api.boundary import Boundary
from sessions.api.event_service import EventService
from sessions.api.session_service import SessionService
from sessions.api.visitor_service import VisitorService
from sessions.composition import Application, open_application
from sessions.domain.errors import DomainError, Unavailable
from sessions.domain.limits import MAX_REQUEST
from sessions.logs import logging_to_stderr
from sessions.settings import Settings

SERVICES = [
    service.full_name
    for file in (session_service_pb2, event_service_pb2, visitor_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
]

_MAX_HEADERS = 64 * 1024

_OPTIONS = (
    # Whoever starts workers holds their ports, and lets in only sockets that share.
    ("grpc.so_reuseport", 1),
    ("grpc.max_receive_message_length", MAX_REQUEST),
    # All that Envoy lets through, and what it adds; the default is 16 KiB.
    ("grpc.max_metadata_size", _MAX_HEADERS),
    ("grpc.absolute_max_metadata_size", _MAX_HEADERS),
)

NOTICE_SECONDS = 2.5
"""Calls are taken for so long after SIGTERM: two of Envoy's questions for health, one a second."""

_log = structlog.get_logger()


class _Stop:
    """When to stop: SIGTERM gives notice; any other signal, or a second one, does not.

    SIGUSR2 stops nothing but streams: `draining` is for them.
    """

    def __init__(self) -> None:
        self.told = asyncio.Event()
        self.draining = asyncio.Event()
        self._at_once = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR2, self.draining.set)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            loop.add_signal_handler(number, self._receive, number)

    def _receive(self, number: int) -> None:
        if self.told.is_set() or number != signal.SIGTERM:
            self._at_once.set()
        self.told.set()

    async def notice(self) -> None:
        """Wait until whoever sends calls had time to see that this worker is about to go."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._at_once.wait(), NOTICE_SECONDS)


async def main(port: int, host: str, settings: Settings, database_url: str) -> None:
    """Serve until a signal; calls in flight then get `drain_timeout` to finish.

    After SIGTERM the worker says that it does not serve, but takes calls for `NOTICE_SECONDS`:
    Envoy goes on sending them until it has asked again, and may know no other worker by then.

    Raises:
        OSError: the port is taken.
    """
    stop = _Stop()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        stack.enter_context(logging_to_stderr(settings.log_level))
        application = await _open_when_possible(stack, database_url, settings, stop.told)
        if application is None:
            return
        await stack.enter_async_context(application.heartbeat)
        status = health.aio.HealthServicer()
        server = _server(application, status, settings, stop.draining)
        try:
            bound = server.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            raise OSError(f"can't listen on {host}:{port}: {error}") from error
        await server.start()
        _log.info("serving", host=host, port=bound)
        chores = [
            tasks.create_task(repeat(1.0, lambda: _check_health(application, status))),
            tasks.create_task(repeat(10.0, application.authenticate.note_last_use)),
        ]
        retention = tasks.create_task(_retention(application, settings.retention_interval))
        await stop.told.wait()
        retention.cancel()
        _log.info("stopping")
        await status.enter_graceful_shutdown()
        await stop.notice()
        _log.info("draining")
        stop.draining.set()
        await server.stop(settings.drain_timeout)
        for chore in chores:
            chore.cancel()
        await _attempt(application.authenticate.note_last_use)


def _server(
    application: Application,
    status: health.aio.HealthServicer,
    settings: Settings,
    draining: asyncio.Event,
) -> grpc.aio.Server:
    boundary = Boundary(application.authenticate, settings.request_timeout)
    server = grpc.aio.server(interceptors=[boundary], options=_OPTIONS)
    service = SessionService(application.list_sessions, application.get_session)
    add_SessionServiceServicer_to_server(service, server)
    events = EventService(
        application.receive_events,
        timeout=settings.request_timeout,
        stream_age=settings.stream_age,
        draining=draining,
    )
    add_EventServiceServicer_to_server(events, server)
    add_VisitorServiceServicer_to_server(VisitorService(application.erase_visitor), server)
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    reflection.enable_server_reflection(
        [*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME], server
    )
    return server


async def _open_when_possible(
    stack: AsyncExitStack, database_url: str, settings: Settings, stopping: asyncio.Event
) -> Application | None:
    """The application, once the database answers; None when told to stop before."""
    while not stopping.is_set():
        try:
            opening = open_application(database_url, settings)
            return await stack.enter_async_context(opening)
        except Unavailable as error:
            _log.warning("waiting for the database", error=error.message)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), 1.0)
    return None


async def _check_health(application: Application, status: health.aio.HealthServicer) -> None:
    """Say SERVING while the database answers, however many callers wait for it."""
    try:
        await application.heartbeat.ping()
        serving = True
    except DomainError:
        serving = False
    states = health_pb2.HealthCheckResponse
    for service in ("", *SERVICES):
        await status.set(service, states.SERVING if serving else states.NOT_SERVING)


async def _retention(application: Application, interval: float) -> None:
    """Remove old sessions again and again, unless the interval is 0."""

    async def remove() -> None:
        removed = await application.run_retention()
        if removed and any(removed):
            _log.info("removed", **removed._asdict())

    if interval:
        await repeat(interval, remove)


async def repeat(seconds: float, chore: Callable[[], Awaitable[None]]) -> None:
    """Do a chore again and again, until cancelled; whatever fails is tried the next time."""
    while True:
        await _attempt(chore)
        if _cancelled():
            return
        await asyncio.sleep(seconds)


def _cancelled() -> bool:
    """Whether this task is to end, also where a failure took the place of its cancellation.

    A chore that is cancelled may trip over its connection, closed by then, on the way out.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _attempt(chore: Callable[[], Awaitable[None]]) -> None:
    """Do a chore; no failure of it may end the worker, which can still answer calls."""
    try:
        await chore()
    except DomainError as error:
        _log.warning("a chore has to wait", error=error.message)
    except Exception:
        _log.exception("a chore failed")

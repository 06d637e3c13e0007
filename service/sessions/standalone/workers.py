"""The gRPC workers as child processes, each on a port of its own, and `sessions serve`."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from sessions.settings import Settings
from sessions.standalone.child import Child
from sessions.standalone.console import StartError
from sessions.standalone.metrics_page import MetricsPage, metrics_page
from sessions.standalone.ports import ReservedPort, port_range
from sessions.standalone.supervisor import Supervisor, until_signal
from sessions.worker.health import is_serving
from sessions.worker.signals import GRACEFUL_STOP, IMMEDIATE_STOP, LAME_DUCK_SECONDS
from sessions.worker.tls import accepts_tls

_FIRST_PORT = 50051
# On top of the drain timeout: for closing connections and ending.
_EXIT_SECONDS = 2.0


@contextmanager
def reserved_ports(settings: Settings, *, free: bool) -> Iterator[list[ReservedPort]]:
    """A port for each worker: as configured, or else free ones, or else 50051 and on.

    Raises:
        StartError: `SESSIONS_WORKER_PORTS` can't be used, or a port is in use.
    """
    if free and not settings.worker_ports:
        numbers: Sequence[int] = [0] * settings.workers
    else:
        numbers = _numbers(settings.worker_ports or str(_FIRST_PORT), settings.workers)
    with ExitStack() as stack:
        yield [
            stack.enter_context(ReservedPort(settings.worker_host, number, "SESSIONS_WORKER_PORTS"))
            for number in numbers
        ]


def _numbers(text: str, count: int) -> Sequence[int]:
    """`50051` counts up from there; `50051-50054` goes no further than it says."""
    ports = port_range(text)
    if ports and "-" not in text:
        ports = port_range(f"{text}-{ports[0] + count - 1}")
    if not ports:
        raise StartError(f"SESSIONS_WORKER_PORTS={text}: write 50051 or 50051-50054")
    # More ports than workers are fine.
    if len(ports) < count:
        raise StartError(f"SESSIONS_WORKER_PORTS={text} is too few for SESSIONS_WORKERS={count}")
    return ports[:count]


def worker(
    name: str,
    port: ReservedPort,
    settings: Settings,
    environment: Mapping[str, str],
    *,
    lame_duck: bool,
) -> Child:
    """One worker, as a child to be kept running."""
    stop_timeout = settings.drain_timeout + _EXIT_SECONDS

    async def is_ready() -> bool:
        if settings.worker_tls_files:
            # A worker listens once it can answer; to be asked, it may want a certificate.
            return await accepts_tls(port.address)
        return await is_serving(port.address)

    return Child(
        name=name,
        # -P: a folder `sessions` where the user happens to be is not ours.
        argv=[sys.executable, "-P", "-m", "sessions.worker", str(port.port)],
        # In the environment, where other users can't read the password.
        # numpy is called from one thread at a time, and needs no threads of its own.
        env={**os.environ, **environment, "OPENBLAS_NUM_THREADS": "1"},
        ready=is_ready,
        stop_signal=GRACEFUL_STOP if lame_duck else IMMEDIATE_STOP,
        stop_timeout=stop_timeout + LAME_DUCK_SECONDS if lame_duck else stop_timeout,
    )


def workers(
    ports: list[ReservedPort],
    settings: Settings,
    database_url: str,
    page: MetricsPage,
    *,
    lame_duck: bool,
) -> list[Child]:
    """All workers; with `lame_duck` where somebody may still call them when they are stopped."""
    children = []
    for number, port in enumerate(ports, start=1):
        name = f"worker-{number}"
        environment = {"DATABASE_URL": database_url, **page.environment(name)}
        children.append(worker(name, port, settings, environment, lame_duck=lame_duck))
    return children


async def serve(settings: Settings) -> None:
    """Run the workers until a signal, and print where they listen.

    Raises:
        StartError: no database is configured, a port is in use, or a worker does not start.
    """
    if not settings.database_url:
        raise StartError(
            "serve needs DATABASE_URL, for example postgresql://user:password@host/database "
            "(`sessions up` brings its own PostgreSQL)"
        )
    with (
        until_signal(),
        metrics_page(settings) as page,
        reserved_ports(settings, free=False) as ports,
    ):
        async with Supervisor() as supervisor:
            page.show_processes(supervisor)
            children = workers(ports, settings, settings.database_url, page, lame_duck=True)
            await supervisor.start("workers", *children)
            for port in ports:
                print(f"{port.host}:{port.port}", flush=True)
            await supervisor.watch()

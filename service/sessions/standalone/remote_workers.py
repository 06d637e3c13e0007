"""`sessions envoy`: Envoy in front of workers that run elsewhere."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sessions.settings import Settings
from sessions.standalone.console import StartError
from sessions.standalone.data_dir import DataDirLock, lock_holder
from sessions.standalone.envoy import admin_file, envoy
from sessions.standalone.envoy import binary as envoy_binary
from sessions.standalone.envoy_certificates import caller_certificates, worker_certificates
from sessions.standalone.following import together
from sessions.standalone.metrics_page import metrics_page
from sessions.standalone.ports import ReservedPort
from sessions.standalone.supervisor import Supervisor, until_signal
from sessions.standalone.worker_addresses import (
    Address,
    WorkerAddressesFile,
    parse_addresses,
    report_unknown,
)

_LAME_DUCK_SECONDS = 1.0


async def run_envoy(settings: Settings) -> None:
    """Run Envoy until a signal; print its address once a worker can answer.

    Raises:
        StartError: it is not said where the workers are, another process uses the data directory,
            a port is in use, or Envoy does not start; says what to do.
    """
    envoy_binary()  # so that a missing one is said before anything is started
    with (
        until_signal(),
        _hold(settings.data_dir),
        ReservedPort(settings.host, settings.port, "SESSIONS_PORT") as listener,
        metrics_page(settings) as page,
    ):
        workers, following = _workers(settings)
        callers, to_workers = caller_certificates(settings), worker_certificates(settings)
        following += [each.follow for each in (callers, to_workers) if each]
        child = envoy(
            listener,
            workers,
            settings,
            lame_duck_seconds=_LAME_DUCK_SECONDS,
            certificates=callers,
            worker_certificates=to_workers,
        )

        async def run() -> None:
            async with Supervisor() as supervisor:
                page.show_processes(supervisor)
                page.show_envoy(admin_file(settings))
                # Workers may come later.
                await supervisor.start("Envoy", replace(child, start_timeout=None))
                print(f"{'https' if callers else 'http'}://{listener.address}", flush=True)
                await supervisor.watch()

        await together(run(), *(each() for each in following))


def _hold(data_dir: Path) -> DataDirLock:
    lock = DataDirLock.try_acquire(data_dir, is_up=False)
    if lock is None:
        problem = f"{lock_holder(data_dir)} uses {data_dir}"
        raise StartError(f"{problem}: set SESSIONS_DATA_DIR to another folder")
    return lock


def _workers(
    settings: Settings,
) -> tuple[list[Address] | Path, list[Callable[[], Coroutine[Any, Any, None]]]]:
    """Where they are, and what has to go on meanwhile."""
    text, file = settings.worker_addresses, settings.worker_addresses_file
    if bool(text) == bool(file):
        raise StartError(
            "envoy needs one of SESSIONS_WORKER_ADDRESSES, such as worker.example.com:50051, and "
            "SESSIONS_WORKER_ADDRESSES_FILE"
        )
    if file:
        endpoints = settings.data_dir.absolute() / "envoy-workers.json"
        followed = WorkerAddressesFile(file, endpoints)
        return endpoints, [followed.follow]
    try:
        addresses = parse_addresses(text)
    except ValueError as error:
        raise StartError(f"SESSIONS_WORKER_ADDRESSES: {error}") from error
    return addresses, [partial(report_unknown, addresses)]

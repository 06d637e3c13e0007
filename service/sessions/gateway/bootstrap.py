"""Envoy's whole configuration."""

import socket
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from envoy_data_plane.envoy.config.bootstrap.v3 import (
    Admin,
    Bootstrap,
    BootstrapStaticResources,
    LayeredRuntime,
    RuntimeLayer,
)
from envoy_data_plane.envoy.config.core.v3 import Node
from envoy_data_plane.envoy.config.overload.v3 import (
    OverloadAction,
    OverloadManager,
    ResourceMonitor,
    ThresholdTrigger,
    Trigger,
)
from envoy_data_plane.envoy.extensions.resource_monitors.downstream_connections.v3 import (
    DownstreamConnectionsConfig,
)
from envoy_data_plane.envoy.extensions.resource_monitors.fixed_heap.v3 import FixedHeapConfig
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher
from envoy_data_plane.google.protobuf import Any, Struct

from sessions.gateway.cluster import cluster, socket_address
from sessions.gateway.contract import DESCRIPTORS, Contract
from sessions.gateway.discovery import to_json
from sessions.gateway.listener import listener
from sessions.gateway.tls import CallerTls, WorkerTls

_FIXED_HEAP = "envoy.resource_monitors.fixed_heap"


def render(
    *,
    host: str,
    port: int,
    workers: Iterable[tuple[str, int]] | Path,
    request_timeout: float,
    cors_origins: Sequence[str] = (),
    admin_port: int = 0,
    tls: CallerTls | None = None,
    worker_tls: WorkerTls | None = None,
    descriptors: Path = DESCRIPTORS,
) -> str:
    """Returns the configuration (JSON) of an Envoy in front of the workers.

    Args:
        host: IP address to listen on, or a name: then all addresses that it has now.
        port: Port for REST and gRPC; 0 takes a free one.
        workers: Host and port of each gRPC worker, where a name stands for all of its addresses;
            or the file with what `worker_endpoints` makes, which Envoy follows.
        request_timeout: Seconds that a worker gives one call.
        cors_origins: Origins that browsers may call from; `*` is any, none turns CORS off.
        admin_port: Port of the admin pages on 127.0.0.1; 0 takes a free one.
        tls: TLS for callers; None serves plain HTTP.
        worker_tls: TLS to the workers; None speaks plain gRPC.
        descriptors: The descriptor set of the API.

    Raises:
        OSError: the name of the host is not known.
    """
    addresses = [socket_address(ip, port) for ip in _ip_addresses(host)]
    edge = listener(addresses, Contract(descriptors), request_timeout, cors_origins, tls)
    resources = BootstrapStaticResources(listeners=[edge], clusters=[cluster(workers, worker_tls)])
    bootstrap = Bootstrap(
        node=Node(id="sessions", cluster="sessions"),  # what it takes from files needs it
        admin=_admin(admin_port),
        overload_manager=_overload_manager(),
        layered_runtime=_runtime(),
        static_resources=resources,
    )
    return to_json(bootstrap)


def admin_address_file(config: Path) -> Path:
    """Returns the file in which a running Envoy leaves `127.0.0.1:<admin port>`."""
    return config.with_suffix(".admin")


def _ip_addresses(host: str) -> list[str]:
    """Without the families that this machine has no address of: Envoy could not bind them."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    # In the order of the resolver, without repeats.
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _admin(port: int) -> Admin:
    """Pages for operators on this machine: what is going on, and draining before a stop."""
    return Admin(
        address=socket_address("127.0.0.1", port),
        allow_paths=[
            StringMatcher(exact="/ready"),
            StringMatcher(exact="/drain_listeners"),
            StringMatcher(prefix="/stats"),
            StringMatcher(prefix="/clusters"),
            StringMatcher(prefix="/listeners"),
            StringMatcher(prefix="/server_info"),
        ],
    )


def _runtime() -> LayeredRuntime:
    """What Envoy has no fields for: calls that are taken back at once cost next to nothing.

    Of what has come over a connection, one call at a time is passed on; the resets of the others
    are read before it is their turn. By default a connection ends, too, when most of 500 calls
    were taken back within a second. https://nvd.nist.gov/vuln/detail/CVE-2023-44487
    """
    values = {"http.max_requests_per_io_cycle": 1}
    return LayeredRuntime(
        layers=[RuntimeLayer(name="limits", static_layer=Struct.from_dict(values))]
    )


def _overload_manager() -> OverloadManager:
    """Bounds memory and connections: Envoy answers 503 before the machine runs out."""
    # 1 GiB: about 250 requests of the largest size at once.
    heap = FixedHeapConfig(max_heap_size_bytes=1_073_741_824)
    connections = DownstreamConnectionsConfig(max_active_downstream_connections=10_000)
    return OverloadManager(
        refresh_interval=timedelta(milliseconds=250),
        resource_monitors=[
            ResourceMonitor(name=_FIXED_HEAP, typed_config=Any.pack(heap)),
            ResourceMonitor(
                name="envoy.resource_monitors.global_downstream_max_connections",
                typed_config=Any.pack(connections),
            ),
        ],
        actions=[
            # First give memory back to the system, and only then refuse requests.
            _above(0.95, "envoy.overload_actions.shrink_heap"),
            _above(0.98, "envoy.overload_actions.stop_accepting_requests"),
        ],
    )


def _above(share_of_heap: float, action: str) -> OverloadAction:
    trigger = Trigger(name=_FIXED_HEAP, threshold=ThresholdTrigger(value=share_of_heap))
    return OverloadAction(name=action, triggers=[trigger])

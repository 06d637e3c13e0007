"""Envoy's whole configuration."""

import socket
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import betterproto2
from envoy_data_plane.envoy.config.bootstrap.v3 import (
    Admin,
    Bootstrap,
    BootstrapStaticResources,
    LayeredRuntime,
    RuntimeLayer,
)
from envoy_data_plane.envoy.config.cluster.v3 import (
    CircuitBreakers,
    CircuitBreakersThresholds,
    CircuitBreakersThresholdsRetryBudget,
    Cluster,
    ClusterDiscoveryType,
    ClusterDnsLookupFamily,
    ClusterLbPolicy,
)
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    HealthCheck,
    HealthCheckGrpcHealthCheck,
    Http2ProtocolOptions,
    Node,
    SocketAddress,
)
from envoy_data_plane.envoy.config.endpoint.v3 import (
    ClusterLoadAssignment,
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
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
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import (
    HttpProtocolOptions,
    HttpProtocolOptionsExplicitHttpConfig,
)
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher
from envoy_data_plane.envoy.type.v3 import Percent
from envoy_data_plane.google.protobuf import Any, Struct

from sessions.gateway.contract import DESCRIPTORS, Contract
from sessions.gateway.listener import listener
from sessions.gateway.routes import WORKERS
from sessions.gateway.tls import CallerTls, WorkerTls, worker_socket

_FIXED_HEAP = "envoy.resource_monitors.fixed_heap"


def render(
    *,
    host: str,
    port: int,
    workers: Iterable[tuple[str, int]],
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
        workers: Host and port of each gRPC worker.
        request_timeout: Seconds that a worker gives one call.
        cors_origins: Origins that browsers may call from; `*` is any, none turns CORS off.
        admin_port: Port of the admin pages on 127.0.0.1; 0 takes a free one.
        tls: TLS for callers; None serves plain HTTP.
        worker_tls: TLS to the workers; None speaks plain gRPC.
        descriptors: The descriptor set of the API.

    Raises:
        OSError: the name of the host is not known.
    """
    addresses = [_address(ip, port) for ip in _ip_addresses(host)]
    edge = listener(addresses, Contract(descriptors), request_timeout, cors_origins, tls)
    cluster = _cluster(workers, worker_tls)
    resources = BootstrapStaticResources(listeners=[edge], clusters=[cluster])
    bootstrap = Bootstrap(
        node=Node(id="sessions", cluster="sessions"),  # certificates in files need it
        admin=_admin(admin_port),
        overload_manager=_overload_manager(),
        layered_runtime=_runtime(),
        static_resources=resources,
    )
    return bootstrap.to_json(indent=2, casing=betterproto2.Casing.SNAKE)


def admin_address_file(config: Path) -> Path:
    """Returns the file in which a running Envoy leaves `127.0.0.1:<admin port>`."""
    return config.with_suffix(".admin")


def _ip_addresses(host: str) -> list[str]:
    """Without the families that this machine has no address of: Envoy could not bind them."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    # In the order of the resolver, without repeats.
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _address(host: str, port: int) -> Address:
    return Address(socket_address=SocketAddress(address=host, port_value=port))


def _admin(port: int) -> Admin:
    """Pages for operators on this machine: what is going on, and draining before a stop."""
    return Admin(
        address=_address("127.0.0.1", port),
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


def _cluster(workers: Iterable[tuple[str, int]], tls: WorkerTls | None) -> Cluster:
    http2 = HttpProtocolOptions(
        explicit_http_config=HttpProtocolOptionsExplicitHttpConfig(
            http2_protocol_options=Http2ProtocolOptions(
                # What Envoy holds of a stream whose caller reads slowly.
                initial_stream_window_size=65_536,
                # All streams of a worker share it: slow ones must not stop the others.
                initial_connection_window_size=16_777_216,
            )
        )
    )
    endpoints = [LbEndpoint(endpoint=Endpoint(address=_address(*worker))) for worker in workers]
    budget = CircuitBreakersThresholdsRetryBudget(
        budget_percent=Percent(value=50),
        min_retry_concurrency=100,  # one worker of two
    )
    return Cluster(
        name=WORKERS,
        type=ClusterDiscoveryType.STRICT_DNS,  # takes names and addresses
        dns_lookup_family=ClusterDnsLookupFamily.V4_PREFERRED,
        connect_timeout=timedelta(seconds=1),
        lb_policy=ClusterLbPolicy.LEAST_REQUEST,  # per call, not per connection
        typed_extension_protocol_options={
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": Any.pack(http2)
        },
        transport_socket=worker_socket(tls) if tls else None,
        health_checks=[_health_check()],
        circuit_breakers=CircuitBreakers(
            thresholds=[CircuitBreakersThresholds(retry_budget=budget)]
        ),
        load_assignment=ClusterLoadAssignment(
            cluster_name=WORKERS, endpoints=[LocalityLbEndpoints(lb_endpoints=endpoints)]
        ),
    )


def _health_check() -> HealthCheck:
    """A worker says whether it can answer.

    When fewer than half can, all are asked (Envoy's panic threshold): the
    workers' own "the database is unavailable" then reaches callers.
    """
    return HealthCheck(
        grpc_health_check=HealthCheckGrpcHealthCheck(),
        interval=timedelta(seconds=1),
        no_traffic_interval=timedelta(seconds=1),
        timeout=timedelta(seconds=1),
        unhealthy_threshold=2,
        healthy_threshold=1,
    )

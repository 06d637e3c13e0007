"""The cluster of the workers: where they are, which of them get calls, and over which connections.

https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/upstream
"""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from envoy_data_plane.envoy.config.cluster.v3 import (
    CircuitBreakers,
    CircuitBreakersThresholds,
    CircuitBreakersThresholdsRetryBudget,
    Cluster,
    ClusterCommonLbConfig,
    ClusterDiscoveryType,
    ClusterDnsLookupFamily,
    ClusterEdsClusterConfig,
    ClusterLbPolicy,
    OutlierDetection,
)
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    HealthCheck,
    HealthCheckGrpcHealthCheck,
    Http2ProtocolOptions,
    KeepaliveSettings,
    SocketAddress,
)
from envoy_data_plane.envoy.config.endpoint.v3 import (
    ClusterLoadAssignment,
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import (
    HttpProtocolOptions,
    HttpProtocolOptionsExplicitHttpConfig,
)
from envoy_data_plane.envoy.type.v3 import Percent
from envoy_data_plane.google.protobuf import Any

from sessions.gateway.discovery import discovery_file, followed
from sessions.gateway.routes import WORKERS
from sessions.gateway.tls import WorkerTls, worker_socket


def worker_endpoints(workers: Iterable[tuple[str, int]]) -> str:
    """Returns the file for the workers, each an IP address and a port; names are not looked up."""
    return discovery_file(_assignment(workers))


def cluster(workers: Iterable[tuple[str, int]] | Path, tls: WorkerTls | None) -> Cluster:
    """Returns the cluster; the arguments are those of `render`."""
    made = Cluster(
        name=WORKERS,
        connect_timeout=timedelta(seconds=1),
        lb_policy=ClusterLbPolicy.LEAST_REQUEST,  # per call, not per connection
        common_lb_config=_load_balancing(),
        typed_extension_protocol_options={
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": Any.pack(_http2())
        },
        transport_socket=worker_socket(tls) if tls else None,
        health_checks=[_health_check()],
        outlier_detection=_outlier_detection(),
        circuit_breakers=_circuit_breakers(),
    )
    if isinstance(workers, Path):
        made.type = ClusterDiscoveryType.EDS
        made.eds_cluster_config = ClusterEdsClusterConfig(eds_config=followed(workers))
        # Who takes a worker out of the file wants it to get no more calls, well as it may be.
        made.ignore_health_on_host_removal = True
    else:
        # Takes names and addresses. A worker that is not among the addresses of a name any more
        # gets calls while it is healthy: answers of DNS are incomplete now and then.
        made.type = ClusterDiscoveryType.STRICT_DNS
        made.dns_lookup_family = ClusterDnsLookupFamily.V4_PREFERRED
        made.load_assignment = _assignment(workers)
    return made


def socket_address(host: str, port: int) -> Address:
    """Returns an address as Envoy's messages hold it."""
    return Address(socket_address=SocketAddress(address=host, port_value=port))


def _assignment(workers: Iterable[tuple[str, int]]) -> ClusterLoadAssignment:
    endpoints = [
        LbEndpoint(endpoint=Endpoint(address=socket_address(*worker))) for worker in workers
    ]
    return ClusterLoadAssignment(
        cluster_name=WORKERS, endpoints=[LocalityLbEndpoints(lb_endpoints=endpoints)]
    )


def _http2() -> HttpProtocolOptions:
    options = Http2ProtocolOptions(
        # What Envoy holds of a stream whose caller reads slowly.
        initial_stream_window_size=65_536,
        # All streams of a worker share it: slow ones must not stop the others.
        initial_connection_window_size=16_777_216,
        # A host that is cut off or frozen closes no connection. Its calls are broken off instead
        # of waiting for their deadlines, and those that may be repeated are sent to another one.
        connection_keepalive=KeepaliveSettings(
            interval=timedelta(seconds=2), timeout=timedelta(seconds=3)
        ),
    )
    return HttpProtocolOptions(
        explicit_http_config=HttpProtocolOptionsExplicitHttpConfig(http2_protocol_options=options)
    )


def _health_check() -> HealthCheck:
    """A worker says whether it can answer."""
    return HealthCheck(
        grpc_health_check=HealthCheckGrpcHealthCheck(),
        interval=timedelta(seconds=1),
        no_traffic_interval=timedelta(seconds=1),
        timeout=timedelta(seconds=1),
        unhealthy_threshold=2,
        healthy_threshold=1,
    )


def _load_balancing() -> ClusterCommonLbConfig:
    return ClusterCommonLbConfig(
        # By default all are asked, the dead ones too, where fewer than half can answer. That is
        # of use only where none can: a worker's own words then say why.
        healthy_panic_threshold=Percent(value=1),
        # By default, what is found out within a second counts only after it.
        update_merge_window=timedelta(0),
    )


def _outlier_detection() -> OutlierDetection:
    """A worker that can't be reached, or breaks calls off, gets none until its next health check.

    What it answers does not count: when the database is away, all workers answer with errors.
    """
    return OutlierDetection(
        split_external_local_origin_errors=True,
        consecutive_local_origin_failure=3,
        enforcing_consecutive_5xx=0,
        enforcing_success_rate=0,
        enforcing_local_origin_success_rate=0,
        # All workers of a host, and of most hosts.
        max_ejection_percent=100,
    )


def _circuit_breakers() -> CircuitBreakers:
    budget = CircuitBreakersThresholdsRetryBudget(
        budget_percent=Percent(value=50),
        min_retry_concurrency=100,  # one worker of two
    )
    return CircuitBreakers(thresholds=[CircuitBreakersThresholds(retry_budget=budget)])

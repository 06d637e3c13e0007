"""Where Envoy sends a call, how long it waits, and what it sends again.

All of it follows from the methods' declarations in the protos; see
`docs/decisions/0011-envoy-retries.md` for the retries.
"""

from collections.abc import Iterator
from datetime import timedelta

from envoy_data_plane.envoy.config.route.v3 import (
    FilterConfig,
    RetryPolicy,
    RetryPolicyRetryBackOff,
    RetryPolicyRetryHostPredicate,
    Route,
    RouteAction,
    RouteMatch,
)
from envoy_data_plane.envoy.extensions.filters.http.buffer.v3 import Buffer, BufferPerRoute
from envoy_data_plane.envoy.extensions.retry.host.previous_hosts.v3 import PreviousHostsPredicate
from envoy_data_plane.google.protobuf import Any

from sessions.gateway.contract import Contract, Method

WORKERS = "workers"
"""The cluster of the gRPC workers."""
TRANSCODER = "transcoder"
"""The filter that turns REST into gRPC."""
BODY_LIMIT = "body_limit"
"""The filter that bounds the body of a REST request; off but on the routes of REST."""

# Seconds that Envoy waits beyond a worker's own deadline, so that the worker's answer wins.
_MARGIN = 1.0
_NO_TIMEOUT = timedelta(0)
# Failures of a call that no worker has seen.
_UNSEEN = "connect-failure,refused-stream,reset-before-request"


def api_routes(contract: Contract, request_timeout: float) -> Iterator[Route]:
    """The routes of all calls; `request_timeout` is in seconds, and that of the workers."""
    for method in contract.methods:
        yield _method_route(method, request_timeout)
    for package in contract.packages:  # a worker answers for methods that are not there
        yield Route(match=RouteMatch(prefix=f"/{package}."), route=_to_workers(request_timeout))
    for prefix in ("/grpc.health.v1.Health/", "/grpc.reflection."):  # both have streams
        yield Route(match=RouteMatch(prefix=prefix), route=_to_workers(None))
    # A REST request comes here first, and by its method's route once it is transcoded.
    yield Route(
        match=RouteMatch(prefix="/api/"),
        route=_to_workers(None),
        typed_per_filter_config={BODY_LIMIT: Any.pack(BufferPerRoute(buffer=body_limit(contract)))},
    )


def body_limit(contract: Contract) -> Buffer:
    """The largest body of a REST request; a worker bounds each message of gRPC."""
    return Buffer(max_request_bytes=contract.max_request_bytes)


def retry_policy(retry_on: str = _UNSEEN) -> RetryPolicy:
    """Up to three times, soon, and on a worker that was not tried yet where there is one."""
    return RetryPolicy(
        retry_on=retry_on,
        num_retries=3,
        retry_back_off=RetryPolicyRetryBackOff(
            base_interval=timedelta(milliseconds=10), max_interval=timedelta(milliseconds=100)
        ),
        retry_host_predicate=[
            RetryPolicyRetryHostPredicate(
                name="envoy.retry_host_predicates.previous_hosts",
                typed_config=Any.pack(PreviousHostsPredicate()),
            )
        ],
        # Workers are picked at random: with few of them it takes some attempts to hit an untried
        # one.
        host_selection_retry_max_attempts=25,
    )


def disabled() -> Any:
    """The configuration by which a route goes without a filter."""
    return Any.pack(FilterConfig(disabled=True))


def _method_route(method: Method, request_timeout: float) -> Route:
    if method.is_rest_stream:
        return Route(match=RouteMatch(path=method.path), route=_to_workers(None))
    if method.is_streaming:
        return Route(
            # A stream may stay open: it is bounded by the idle timeout of the listener.
            match=RouteMatch(path=method.path),
            route=_to_workers(None),
            # Its limits would be how much of a slow stream may be held.
            typed_per_filter_config={TRANSCODER: disabled()},
        )
    seconds = max(request_timeout, method.policy.timeout_seconds)
    action = _to_workers(seconds)
    if method.is_repeatable:
        action.retry_policy = retry_policy(f"{_UNSEEN},reset")
    return Route(match=RouteMatch(path=method.path), route=action)


def _to_workers(seconds: float | None) -> RouteAction:
    """An action that waits a little longer than a worker; for None as long as the worker does."""
    timeout = _NO_TIMEOUT if seconds is None else timedelta(seconds=seconds + _MARGIN)
    return RouteAction(cluster=WORKERS, timeout=timeout)

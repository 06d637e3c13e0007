"""The span of a call; see `sessions.tracing`."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import grpc
from opentelemetry.trace import Status, StatusCode

from sessions.api.call import Call
from sessions.tracing import NO_SPAN, is_tracing, server_span

_FAULTS = frozenset(
    (
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    )
)
"""What counts as an error of the service, as OpenTelemetry's conventions for gRPC define it."""


def call_span(call: Call) -> AbstractContextManager[None]:
    """A span around a call, with its method and how it ended, while traces are on."""
    return _span(call) if is_tracing() else NO_SPAN


@contextmanager
def _span(call: Call) -> Iterator[None]:
    method = call.method.path.removeprefix("/")
    attributes = {"rpc.system.name": "grpc", "rpc.method": method}
    with server_span(method, call.metadata, attributes) as span:
        try:
            yield
        finally:
            if span:
                span.set_attribute("rpc.response.status_code", call.code.name)
                if call.reason is not None:
                    span.set_attribute("error.type", call.reason)
                if call.code in _FAULTS:
                    span.set_status(Status(StatusCode.ERROR))

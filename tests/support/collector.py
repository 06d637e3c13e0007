"""A collector of traces: a gRPC server that speaks OTLP and keeps what it is sent."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.processes import PATIENCE


class Collector(TraceServiceServicer):
    """Keeps requests; `endpoint` is what OTEL_EXPORTER_OTLP_ENDPOINT has to be."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.requests: list[ExportTraceServiceRequest] = []
        self._lock = threading.Lock()

    def Export(  # noqa: N802 (the name in the protocol)
        self, request: ExportTraceServiceRequest, context: Any
    ) -> ExportTraceServiceResponse:
        """Take some spans."""
        with self._lock:
            self.requests.append(request)
        return ExportTraceServiceResponse()

    def spans(self) -> list[Span]:
        """All spans so far."""
        with self._lock:
            resources = [each for request in self.requests for each in request.resource_spans]
        return [span for each in resources for scope in each.scope_spans for span in scope.spans]

    def wait_for(self, is_wanted: Callable[[Span], bool]) -> list[Span]:
        """The spans of the traces in which a wanted one is, once it has come and is the root."""
        deadline = time.monotonic() + PATIENCE
        while not (found := [span for span in self.spans() if is_wanted(span)]):
            assert time.monotonic() < deadline, [span.name for span in self.spans()]
            time.sleep(0.05)
        traces = {span.trace_id for span in found}
        return [span for span in self.spans() if span.trace_id in traces]


def attributes(values: Any) -> dict[str, str]:
    """Attributes, all of which are text."""
    pairs: list[KeyValue] = list(values)
    return {pair.key: pair.value.string_value for pair in pairs}


@contextmanager
def running_collector() -> Iterator[Collector]:
    """A collector on a free port of this machine."""
    server = grpc.server(ThreadPoolExecutor(2))
    collector = Collector(server.add_insecure_port("127.0.0.1:0"))
    add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    server.start()
    try:
        yield collector
    finally:
        server.stop(None).wait()

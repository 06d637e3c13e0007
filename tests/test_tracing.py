"""Where traces go, and that a collector that is away holds nothing up."""

import http.server
import threading
import time

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sessions.settings import Settings
from sessions.tracing import client_span, sending_traces, server_span, trace_ids

from tests.support.collector import attributes


@pytest.mark.parametrize(
    ("variables", "protocol"),
    [
        ({}, None),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "grpc"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"}, "grpc"),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
            "http/protobuf",
        ),
        (
            {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
            None,
        ),
    ],
)
def test_they_are_on_where_the_variables_say_so(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], protocol: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Settings().traces_protocol == protocol


def test_without_them_there_are_no_spans() -> None:
    with (
        sending_traces(None, "test"),
        server_span("call", {}, {}) as call,
        client_span("statement", {}) as statement,
    ):
        assert (call, statement, trace_ids()) == (None, None, {})


def test_a_collector_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[tuple[str, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
        with sending_traces("http/protobuf", "test"), server_span("call", {}, {}):
            pass
        server.shutdown()
    [(path, body)] = received
    assert path == "/v1/traces"
    [found] = ExportTraceServiceRequest.FromString(body).resource_spans
    assert attributes(found.resource.attributes)["service.name"] == "mine"
    assert [span.name for span in found.scope_spans[0].spans] == ["call"]


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_collector_that_is_away_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    with sending_traces(protocol, "test"):
        for _ in range(100):
            with server_span("call", {}, {}):
                pass
        ended = time.monotonic()
    assert time.monotonic() - ended < 4

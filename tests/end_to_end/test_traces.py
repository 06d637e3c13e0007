"""Traces: the context of a caller leads over Envoy and a worker to each statement."""

import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from analytics_sessions.v1.event_service_pb2 import RecordEventsRequest
from analytics_sessions.v1.event_service_pb2_grpc import EventServiceStub
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.support.collector import Collector, attributes, running_collector
from tests.support.processes import PATIENCE
from tests.support.stack import Stack, metadata, running_stack

EVENT = {"event_type": "pageview", "visitor_id": "anna", "url": "/secret-page"}
CALLER = "00f067aa0ba902b7"
LIST = "analytics.sessions.v1.SessionService/ListSessions"
RECORD = "analytics.sessions.v1.EventService/RecordEvents"


@dataclass(frozen=True)
class Traced:
    """A service that sends traces, and the collector that it sends them to."""

    stack: Stack
    collector: Collector
    log: Path
    website: str
    key: str

    def sessions(self, trace: str, *, sampled: bool = True, **parameters: Any) -> int:
        """List sessions over REST inside of a caller's trace; the status."""
        flags = "01" if sampled else "00"
        headers = {"traceparent": f"00-{trace}-{CALLER}-{flags}"}
        path = f"/api/websites/{self.website}/sessions"
        return self.stack.request(path, parameters, key=self.key, headers=headers).status


@pytest.fixture(scope="module")
def traced() -> Iterator[Traced]:
    with (
        running_collector() as collector,
        tempfile.TemporaryDirectory(prefix="sessions-test-") as folder,
        running_stack(
            Path(folder) / "data",
            SESSIONS_WORKERS="1",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint,
            OTEL_BSP_SCHEDULE_DELAY="100",
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test",
        ) as stack,
    ):
        website = stack.command("websites", "create", "--name", "test")
        scopes = ("--scope", "sessions:read", "--scope", "events:write")
        key = stack.command("keys", "create", "--name", "test", *scopes)
        yield Traced(stack, collector, Path(folder) / "data.log", website, key)


def of_trace(collector: Collector, trace: str, name: str) -> tuple[Span, dict[bytes, Span]]:
    """The span of the call in a trace, and all spans of the trace by id."""
    found = collector.wait_for(lambda each: each.trace_id.hex() == trace and each.name == name)
    by_id = {span.span_id: span for span in found}
    [call] = [span for span in found if span.name == name]
    return call, by_id


def test_a_rest_call_leads_from_its_caller_to_its_statements(traced: Traced) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    assert traced.sessions(trace) == 200
    call, spans = of_trace(traced.collector, trace, LIST)
    assert (call.parent_span_id.hex(), call.kind) == (CALLER, Span.SPAN_KIND_SERVER)
    assert attributes(call.attributes) == {
        "rpc.system.name": "grpc",
        "rpc.method": LIST,
        "rpc.response.status_code": "OK",
    }
    # Two, because the first page of days is not full.
    statement, *_ = [span for span in spans.values() if span.name == "SELECT sessions"]
    assert statement.parent_span_id == call.span_id
    assert statement.kind == Span.SPAN_KIND_CLIENT
    assert attributes(statement.attributes)["db.query.summary"] == "SELECT sessions"
    assert call.start_time_unix_nano <= statement.start_time_unix_nano
    assert statement.end_time_unix_nano <= call.end_time_unix_nano


def test_a_grpc_call_has_a_span_for_each_statement(traced: Traced) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    request = ParseDict({"website_id": traced.website, "events": [EVENT]}, RecordEventsRequest())
    context = (("traceparent", f"00-{trace}-{CALLER}-01"),)
    with grpc.insecure_channel(traced.stack.address.removeprefix("http://")) as channel:
        stub = EventServiceStub(channel)
        stub.RecordEvents(request, metadata=(*metadata(traced.key), *context))
    call, spans = of_trace(traced.collector, trace, RECORD)
    names = [span.name for span in spans.values()]
    assert {"INSERT visitors", "INSERT events", "COMMIT"} <= set(names)
    [upsert] = [span for span in spans.values() if span.name == "INSERT sessions"]
    pipeline = spans[upsert.parent_span_id]
    assert pipeline.name == "PIPELINE"
    assert pipeline.parent_span_id == call.span_id


def test_a_call_that_fails_says_why(traced: Traced) -> None:
    trace = "1af7651916cd43dd8448eb211c80319c"
    assert traced.sessions(trace, start_date="nonsense") == 400
    call, _ = of_trace(traced.collector, trace, LIST)
    assert attributes(call.attributes)["error.type"] == "ERROR_REASON_INVALID_FIELD"
    # It is the caller's mistake, and none of the service.
    assert call.status.code == Status.STATUS_CODE_UNSET


def test_log_lines_name_the_trace(traced: Traced) -> None:
    trace = "2af7651916cd43dd8448eb211c80319c"
    traced.sessions(trace)
    call, _ = of_trace(traced.collector, trace, LIST)
    deadline = time.monotonic() + PATIENCE
    while trace not in (text := traced.log.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    [line] = [line for line in text.splitlines() if trace in line]
    logged = json.loads(line[line.index("{") :])
    assert (logged["event"], logged["span_id"]) == ("call", call.span_id.hex())


def test_what_the_caller_does_not_sample_is_not_sent(traced: Traced) -> None:
    trace, later = "3af7651916cd43dd8448eb211c80319c", "5af7651916cd43dd8448eb211c80319c"
    traced.sessions(trace, sampled=False)
    traced.sessions(later)
    of_trace(traced.collector, later, LIST)
    assert trace not in {span.trace_id.hex() for span in traced.collector.spans()}


def test_only_calls_make_traces_and_none_has_data_of_visitors(traced: Traced) -> None:
    traced.sessions("6af7651916cd43dd8448eb211c80319c")
    of_trace(traced.collector, "6af7651916cd43dd8448eb211c80319c", LIST)
    spans = traced.collector.spans()
    ids = {span.span_id for span in spans}
    roots = [span for span in spans if span.parent_span_id not in ids]
    # Health checks and background jobs ask the database every second.
    assert {span.kind for span in roots} == {Span.SPAN_KIND_SERVER}
    sent = b"".join(request.SerializeToString() for request in traced.collector.requests)
    for secret in (traced.key, "secret-page", "anna"):
        assert secret.encode() not in sent


def test_the_service_is_named(traced: Traced) -> None:
    traced.collector.wait_for(lambda span: True)
    [resource, *_] = traced.collector.requests[0].resource_spans
    found = attributes(resource.resource.attributes)
    assert found["service.name"] == "sessions"
    assert found["deployment.environment.name"] == "test"
    assert found["service.instance.id"].startswith("127.0.0.1:")

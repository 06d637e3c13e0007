"""gRPC on the same port: calls pass through, and Envoy's own errors are proper statuses."""

import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection

import grpc
import pytest
from analytics_sessions.v1 import session_service_pb2 as pb
from analytics_sessions.v1.session_service_pb2_grpc import SessionServiceStub
from google.rpc import status_pb2
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_health.v1.health_pb2 import HealthCheckResponse

from tests.gateway.harness import KEY, REQUEST_TIMEOUT, Gateway
from tests.gateway.worker import rich_error

PACKAGE = "/analytics.sessions.v1"


@pytest.fixture
def channel(edge: Gateway) -> Iterator[grpc.Channel]:
    with edge.channel() as channel:
        yield channel


def error_of(
    channel: grpc.Channel, method: str, request: bytes = b"", **headers: str
) -> tuple[grpc.StatusCode, str, status_pb2.Status]:
    """The status of a call that fails, and the one in its details."""
    callable_: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
    with pytest.raises(grpc.RpcError) as caught:
        callable_(request, metadata=tuple(headers.items()), timeout=10)
    call = caught.value
    assert isinstance(call, grpc.Call)
    trailers = dict(call.trailing_metadata() or ())
    details = trailers["grpc-status-details-bin"]
    assert isinstance(details, bytes)
    return call.code(), call.details() or "", status_pb2.Status.FromString(details)


def assert_error(
    error: tuple[grpc.StatusCode, str, status_pb2.Status],
    code: grpc.StatusCode,
    reason: str,
    message: str,
) -> None:
    info = ErrorInfo()
    assert error[2].details[0].Unpack(info)
    assert error[:2] == (code, message)
    assert (error[2].code, error[2].message) == (code.value[0], message)
    assert (info.reason, info.domain) == (f"ERROR_REASON_{reason}", "analytics.sessions.v1")


def test_calls_pass_through(channel: grpc.Channel) -> None:
    stub = SessionServiceStub(channel)
    response = stub.ListSessions(pb.ListSessionsRequest(website_id="site_1", limit=1))
    assert response.sessions[0].session_id == "sess_xyz789"


@pytest.mark.parametrize("te", [None, "trailers", "gzip"])
def test_a_call_need_not_say_that_it_takes_trailers(edge: Gateway, te: str | None) -> None:
    """Over HTTP/1.1, since gRPC's own client always says so."""
    message = pb.ListSessionsRequest(website_id="site_1", limit=1).SerializeToString()
    headers = {"content-type": "application/grpc"} | KEY | ({"te": te} if te else {})
    connection = HTTPConnection("127.0.0.1", edge.port, timeout=20)
    with closing(connection):
        path = f"{PACKAGE}.SessionService/ListSessions"
        framed = b"\0" + len(message).to_bytes(4, "big") + message
        connection.request("POST", path, body=framed, headers=headers)
        response = connection.getresponse()
        assert response.status == 200
        assert response.headers.get("grpc-status", "0") == "0"
        assert b"sess_xyz789" in response.read()


def test_large_answers_pass_through_uncompressed(channel: grpc.Channel) -> None:
    stub = SessionServiceStub(channel)
    call = stub.ListSessions.with_call(
        pb.ListSessionsRequest(website_id="site_large"), metadata=(("accept-encoding", "gzip"),)
    )
    assert len(call[0].sessions) == 100
    assert "content-encoding" not in dict(call[1].initial_metadata())


def test_an_error_of_a_worker_passes_through(channel: grpc.Channel) -> None:
    request = pb.ListSessionsRequest(website_id="site_error").SerializeToString()
    error = error_of(channel, f"{PACKAGE}.SessionService/ListSessions", request)
    assert error[2] == rich_error()


def test_health_is_asked_through_envoy(channel: grpc.Channel) -> None:
    check: grpc.UnaryUnaryMultiCallable[bytes, bytes]
    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    reply = HealthCheckResponse.FromString(check(b"", timeout=10))
    assert reply.status == HealthCheckResponse.SERVING


@pytest.mark.parametrize(
    "method", ["/no.such.Service/Call", f"{PACKAGE}.SessionService/NoSuchCall"]
)
def test_no_such_method(channel: grpc.Channel, method: str) -> None:
    message = "there is nothing at this path with this verb"
    error = error_of(channel, method)
    assert_error(error, grpc.StatusCode.UNIMPLEMENTED, "ROUTE_NOT_FOUND", message)


def test_a_message_that_is_too_large(channel: grpc.Channel) -> None:
    error = error_of(channel, f"{PACKAGE}.WriteService/Write", b"a" * 4_200_000)
    message = "the request is larger than 4194304 bytes"
    assert_error(error, grpc.StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE", message)


@pytest.mark.parametrize("count", [1, 120])
def test_headers_that_are_too_large_end_the_call_and_not_the_connection(
    channel: grpc.Channel, count: int
) -> None:
    stub = SessionServiceStub(channel)
    many = {f"large{number}": "a" * (200_000 // count) for number in range(count)}
    error = error_of(channel, f"{PACKAGE}.SessionService/ListSessions", b"", **many)
    message = "the headers are larger than 131072 bytes or more than 100"
    assert_error(error, grpc.StatusCode.RESOURCE_EXHAUSTED, "HEADERS_TOO_LARGE", message)
    assert stub.ListSessions(pb.ListSessionsRequest()).sessions


def test_a_worker_that_takes_too_long(channel: grpc.Channel) -> None:
    request = pb.ListSessionsRequest(website_id="site_slow").SerializeToString()
    error = error_of(channel, f"{PACKAGE}.SessionService/ListSessions", request)
    message = "deadline exceeded"
    assert_error(error, grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", message)


def test_a_stream_of_events_outlives_the_deadline_of_calls(channel: grpc.Channel) -> None:
    def requests() -> Iterator[bytes]:
        yield b"first"
        time.sleep(REQUEST_TIMEOUT + 1.3)
        yield b"second"

    call: grpc.StreamStreamMultiCallable[bytes, bytes]
    call = channel.stream_stream(f"{PACKAGE}.EventService/StreamEvents")
    assert list(call(requests(), timeout=10)) == [b"first", b"second"]

"""Workers come and go: reads go on while one is left, and errors are precise when none is."""

from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from analytics_sessions.v1 import session_service_pb2 as pb
from analytics_sessions.v1.session_service_pb2_grpc import SessionServiceStub
from google.rpc import status_pb2
from google.rpc.error_details_pb2 import RetryInfo

from tests.gateway.harness import (
    Gateway,
    Reply,
    Worker,
    eventually,
    running_gateway,
    running_worker,
)

SESSIONS = "/api/websites/site_1/sessions"
UNAVAILABLE = {
    "code": 14,
    "message": "the service is unavailable, try again",
    "details": [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ERROR_REASON_SERVICE_UNAVAILABLE",
            "domain": "analytics.sessions.v1",
            "metadata": {},
        },
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retry_delay": "1s"},
    ],
}


def start(stack: ExitStack, folder: Path, count: int) -> tuple[Gateway, list[Worker]]:
    """Workers, and an Envoy that knows all of them as healthy."""
    workers = [stack.enter_context(running_worker()) for _ in range(count)]
    ports = [worker.port for worker in workers]
    edge = stack.enter_context(running_gateway(folder, ports))
    healthy = f"cluster.workers.membership_healthy: {count}"
    eventually(lambda: healthy in edge.admin("/stats?filter=membership_healthy").body.decode())
    return edge, workers


def test_calls_of_one_connection_go_to_all_workers(tmp_path: Path) -> None:
    with ExitStack() as stack:
        edge, workers = start(stack, tmp_path, 2)
        stub = SessionServiceStub(stack.enter_context(edge.channel()))
        request = pb.ListSessionsRequest(website_id="site_port")
        seen = {stub.ListSessions(request).next_cursor.string_value for _ in range(40)}
        assert seen == {str(worker.port) for worker in workers}


def test_reads_outlive_a_worker_that_dies_in_the_middle_of_a_call(tmp_path: Path) -> None:
    with ExitStack() as stack:
        edge, (victim, survivor) = start(stack, tmp_path, 2)
        fatal = f"/api/websites/site_fatal{victim.port}/sessions"
        while victim.is_alive:
            assert edge.request(fatal).status == 200
        assert [edge.request(SESSIONS).status for _ in range(20)] == [200] * 20
        assert edge.request("/healthz").json == {"status": "SERVING"}

        survivor.process.kill()
        assert_unavailable(edge.request(SESSIONS))
        eventually(lambda: edge.request("/healthz").status == 503)
        assert_unavailable(edge.request("/healthz"))
        for size in (0, 300_000):
            assert_unavailable_over_grpc(edge, "x" * size)


def assert_unavailable(reply: Reply) -> None:
    assert (reply.status, reply.json) == (503, UNAVAILABLE)
    assert reply.headers["retry-after"] == "1"


def assert_unavailable_over_grpc(edge: Gateway, cursor: str) -> None:
    with edge.channel() as channel, pytest.raises(grpc.RpcError) as caught:
        SessionServiceStub(channel).ListSessions(pb.ListSessionsRequest(cursor=cursor))
    assert isinstance(caught.value, grpc.Call)
    trailers = dict(caught.value.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    retry = RetryInfo()
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert caught.value.details() == UNAVAILABLE["message"]
    assert status.details[1].Unpack(retry)
    assert retry.retry_delay.seconds == 1


def test_a_write_that_a_worker_took_to_its_grave_is_not_repeated(tmp_path: Path) -> None:
    with ExitStack() as stack:
        edge, workers = start(stack, tmp_path, 2)
        reply = edge.request("/api/websites/site_fatal/writes", method="POST", body=b'{"items":[]}')
        assert_unavailable(reply)
        eventually(lambda: sum(worker.is_alive for worker in workers) == 1)
        # A write that reaches no worker is none: it goes to the one that is left.
        for _ in range(10):
            reply = edge.request("/api/websites/site_1/writes", method="POST", body=b'{"items":[]}')
            assert reply.status == 200


def test_workers_that_do_not_serve_still_answer_in_their_own_words(tmp_path: Path) -> None:
    with (
        running_worker("--not-serving") as worker,
        running_gateway(tmp_path, [worker.port]) as edge,
    ):
        eventually(lambda: edge.request("/healthz").status == 503)
        reply = edge.request("/api/websites/site_error/sessions")
        assert reply.json["message"] == 'limit: "é" is negative'

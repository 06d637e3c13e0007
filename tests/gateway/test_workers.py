"""Workers come and go: reads go on while one is left, and errors are precise when none is."""

import json
import queue
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from analytics_sessions.v1 import event_service_pb2
from analytics_sessions.v1 import session_service_pb2 as pb
from analytics_sessions.v1.event_service_pb2_grpc import EventServiceStub
from analytics_sessions.v1.session_service_pb2_grpc import SessionServiceStub
from google.rpc import status_pb2
from google.rpc.error_details_pb2 import RetryInfo
from sessions import gateway
from sessions.standalone.data_dir import write_private

from tests.gateway.harness import (
    Gateway,
    Reply,
    Worker,
    eventually,
    on_ports,
    running_envoy,
    running_gateway,
    running_worker,
)
from tests.support.name_server import running_name_server

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
    eventually(lambda: edge.count("membership_healthy") == count)
    return edge, workers


def port_of(stub: SessionServiceStub) -> int:
    """The port of the worker that answers a call."""
    request = pb.ListSessionsRequest(website_id="site_port")
    return int(stub.ListSessions(request).next_cursor.string_value)


def test_calls_of_one_connection_go_to_all_workers(tmp_path: Path) -> None:
    with ExitStack() as stack:
        edge, workers = start(stack, tmp_path, 2)
        stub = SessionServiceStub(stack.enter_context(edge.channel()))
        assert {port_of(stub) for _ in range(40)} == {worker.port for worker in workers}


@pytest.mark.parametrize("path", ["", "/sess_1"])
def test_a_worker_that_dies_behind_the_headers_of_its_answer_is_an_error_in_json(
    tmp_path: Path, path: str
) -> None:
    with ExitStack() as stack:
        edge, _ = start(stack, tmp_path, 1)
        reply = edge.request(f"/api/websites/site_half/sessions{path}")
        assert (reply.status, reply.json) == (503, UNAVAILABLE)
        assert reply.headers["cache-control"] == "no-store"


def test_a_worker_that_stops_behind_the_headers_of_its_answer_is_an_error_in_json(
    tmp_path: Path,
) -> None:
    with ExitStack() as stack:
        edge, _ = start(stack, tmp_path, 1)
        reply = edge.request("/api/websites/site_stuck/sessions")
        assert (reply.status, reply.json["code"]) == (504, 4)


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


def test_one_worker_that_is_left_of_many_gets_all_calls(tmp_path: Path) -> None:
    """Those that can't be reached are not asked, many as they are."""
    with ExitStack() as stack:
        others = [stack.enter_context(socket.socket()) for _ in range(9)]
        for each in others:  # bound, so that nobody else listens there
            each.bind(("127.0.0.1", 0))
        worker = stack.enter_context(running_worker())
        ports = [worker.port, *(each.getsockname()[1] for each in others)]
        edge = stack.enter_context(running_gateway(tmp_path, ports))
        assert [edge.request(SESSIONS).status for _ in range(40)] == [200] * 40
        assert edge.count("upstream_rq_retry") == 0


def test_a_worker_that_breaks_calls_off_gets_none_until_it_is_checked(tmp_path: Path) -> None:
    with ExitStack() as stack:
        edge, (victim, _) = start(stack, tmp_path, 2)
        victim.process.kill()
        assert [edge.request(SESSIONS).status for _ in range(60)] == [200] * 60
        # Envoy would try half of them in vain until it has checked twice.
        assert edge.count("upstream_rq_retry") <= 4
        assert edge.count("outlier_detection.ejections_active") == 1


def test_reads_of_a_frozen_worker_are_sent_to_another_one(tmp_path: Path) -> None:
    """As those of a host that is cut off: nobody closes its connections."""
    with ExitStack() as stack:
        workers = [stack.enter_context(running_worker()) for _ in range(2)]
        ports = [worker.port for worker in workers]
        edge = stack.enter_context(running_gateway(tmp_path, ports, request_timeout=30.0))
        eventually(lambda: edge.count("membership_healthy") == 2)
        # Connections to both of them are open.
        with edge.channel() as channel:
            assert {port_of(SessionServiceStub(channel)) for _ in range(40)} == set(ports)
        workers[0].process.send_signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            assert [edge.request(SESSIONS).status for _ in range(20)] == [200] * 20
            assert time.monotonic() - began < 9
        finally:
            workers[0].process.send_signal(signal.SIGCONT)


def test_a_stream_on_which_nothing_is_sent_stays_open(tmp_path: Path) -> None:
    """Workers do not mind that Envoy asks again and again whether the connection is alive."""
    with (
        running_worker() as worker,
        running_gateway(tmp_path, [worker.port]) as edge,
        edge.channel() as channel,
    ):
        stream = Stream(channel)
        assert stream.echo(1) == 1
        time.sleep(11)
        assert stream.echo(2) == 2
        stream.close()


class Stream:
    """A stream of events, on which the worker answers each message with itself."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._requests = queue.SimpleQueue[event_service_pb2.StreamEventsRequest | None]()
        requests = iter(self._requests.get, None)
        self._answers = EventServiceStub(channel).StreamEvents(requests)

    def echo(self, batch: int) -> int:
        self._requests.put(event_service_pb2.StreamEventsRequest(batch=batch))
        return next(self._answers).batch

    def close(self) -> None:
        self._requests.put(None)


def test_workers_come_and_go_with_the_file_of_workers(tmp_path: Path) -> None:
    """A worker that is not in the file any more is well, and gets no more calls."""
    file = tmp_path / "workers.json"

    def put(*workers: Worker) -> None:
        write_private(file, gateway.worker_endpoints(on_ports([each.port for each in workers])))

    with running_worker() as old, running_worker() as new, ExitStack() as stack:
        put(old)
        edge = stack.enter_context(running_gateway(tmp_path, file))
        channel = stack.enter_context(edge.channel())
        stub = SessionServiceStub(channel)
        assert port_of(stub) == old.port
        stream = Stream(channel)
        assert stream.echo(1) == 1
        put(old, new)
        eventually(lambda: port_of(stub) == new.port)
        put(new)
        eventually(lambda: edge.count("membership_total") == 1)
        assert {port_of(stub) for _ in range(40)} == {new.port}
        # What it has begun, it finishes.
        assert stream.echo(2) == 2
        stream.close()
        assert edge.count("upstream_rq_retry") == 0


def test_all_addresses_of_a_name_get_calls(tmp_path: Path) -> None:
    """A name is asked for every 5 seconds; what is not in an answer any more stays while well."""
    known = ["127.0.0.2", "127.0.0.3"]
    with running_worker("--anywhere") as worker, running_name_server(known) as names:
        config = gateway.render(
            host="127.0.0.1",
            port=0,
            workers=[("worker.example.com", worker.port)],
            request_timeout=10,
        )
        with running_envoy(tmp_path, with_resolver(config, names.port)) as edge:
            eventually(lambda: edge.count("membership_healthy") == 2)
            names.addresses = ["127.0.0.3", "127.0.0.4"]
            eventually(lambda: edge.count("membership_healthy") == 3)
            assert edge.request(SESSIONS).status == 200
            worker.process.kill()
            eventually(lambda: edge.count("membership_total") == 2)


def with_resolver(config: str, port: int) -> str:
    """The configuration of an Envoy that asks a name server of this test."""
    changed = json.loads(config)
    [cluster] = changed["static_resources"]["clusters"]
    kind = "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig"
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    cluster["typed_dns_resolver_config"] = {
        "name": "envoy.network.dns_resolver.cares",
        "typed_config": {"@type": f"type.googleapis.com/{kind}", "resolvers": [address]},
    }
    return json.dumps(changed)

"""What is tried again and when, counted by a server that fails as it is told."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import pytest
from analytics_sessions import Session, _calls, errors
from analytics_sessions.v1.session_service_pb2 import ListSessionsResponse
from google.protobuf.struct_pb2 import NullValue, Value

from tests.sdk.python.calls import CALLS
from tests.sdk.python.clients import AnyClient
from tests.sdk.python.conftest import Connect
from tests.sdk.python.server import Server, status

GONE = status("UNAVAILABLE")
SLACK = 20.0
"""Seconds that a busy machine may take for nothing."""


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_retry_unavailable(
    connect: Connect, server: Server, call: Callable[[AnyClient], Any]
) -> None:
    server.script = [GONE, GONE, GONE]
    call(connect(server.address, "key"))
    assert len(server.calls) == 4
    assert all(call.request == server.calls[0].request for call in server.calls)
    shortest = [0.1, 0.2, 0.4]
    for pause, least in zip(server.pauses, shortest, strict=True):
        assert pause >= least


def test_retry_delay_of_server(connect: Connect, server: Server) -> None:
    server.script = [status("UNAVAILABLE", retry_seconds=0.7)]
    connect(server.address, "key").session("site", "sess")
    [pause] = server.pauses
    assert pause >= 0.7


def test_a_delay_of_nothing_is_none(connect: Connect, server: Server) -> None:
    server.script = [status("UNAVAILABLE", retry_seconds=0)]
    connect(server.address, "key").session("site", "sess")
    assert server.pauses[0] >= 0.1


def test_pauses_double_up_to_two_seconds() -> None:
    assert list(islice(_calls.backoff(), 7)) == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_retry_ends(connect: Connect, server: Server) -> None:
    server.script = [GONE] * 100
    began = time.monotonic()
    with pytest.raises(errors.Unavailable):
        connect(server.address, "key", retry=1).session("site", "sess")
    assert time.monotonic() - began < 1 + SLACK
    assert 1 <= len(server.calls) <= 4


def test_retries_can_be_turned_off(connect: Connect, server: Server) -> None:
    server.script = [GONE]
    with pytest.raises(errors.Unavailable):
        connect(server.address, "key", retry=0).session("site", "sess")
    assert len(server.calls) == 1


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_retry_deadline(connect: Connect, server: Server, call: Callable[[AnyClient], Any]) -> None:
    server.script = [status("DEADLINE_EXCEEDED")]
    call(connect(server.address, "key"))
    assert len(server.calls) == 2


def test_retry_resource_exhausted(connect: Connect, server: Server) -> None:
    client = connect(server.address, "key")
    server.script = [status("RESOURCE_EXHAUSTED", retry_seconds=0.3)]
    client.session("site", "sess")
    assert server.pauses[0] >= 0.3
    server.script = [status("RESOURCE_EXHAUSTED")]
    with pytest.raises(errors.ResourceExhausted):
        client.session("site", "sess")
    assert len(server.calls) == 3


@pytest.mark.parametrize("code", ["INTERNAL", "NOT_FOUND", "ABORTED", "CANCELLED"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_retry_nothing_else(
    connect: Connect, server: Server, code: str, call: Callable[[AnyClient], Any]
) -> None:
    server.script = [status(code)]
    with pytest.raises(errors.SessionsError, match=f"^{code}: this is {code}$"):
        call(connect(server.address, "key"))
    assert len(server.calls) == 1


def test_attempt_has_deadline(connect: Connect, server: Server) -> None:
    server.script = [GONE, GONE]
    connect(server.address, "key", timeout=60).session("site", "sess")
    connect(server.address, "key").session("site", "sess")
    *long, usual = (call.seconds_left for call in server.calls)
    assert len(long) == 3
    assert all(60 - SLACK < seconds < 60.5 for seconds in long)  # gRPC rounds up
    assert usual < 10.5


def test_options_of_a_call(connect: Connect, server: Server) -> None:
    client = connect(server.address, "key", timeout=60)
    server.script = [0.5]
    with pytest.raises(errors.DeadlineExceeded):
        client.with_options(timeout=0.2, retry=0).session("site", "sess")
    assert len(server.calls) <= 1
    client.with_options(request_id="mine").session("site", "sess")
    client.session("site", "sess")
    mine, usual = server.calls[-2:]
    assert mine.metadata["x-request-id"] == "mine"
    assert usual.metadata["x-request-id"] != "mine"
    assert min(mine.seconds_left, usual.seconds_left) > 60 - SLACK


def test_request_ids(connect: Connect, server: Server) -> None:
    client = connect(server.address, "key")
    server.script = [GONE]
    client.session("site", "sess")
    client.session("site", "sess")
    first, again, other = (call.metadata["x-request-id"] for call in server.calls)
    assert first == again != other
    assert len(first) == 36


def test_reads_what_it_recorded(connect: Connect, server: Server) -> None:
    client = connect(server.address, "key")
    server.positions = ["0000000000000010", "000000000000000f"]
    client.record("site", [{"event_type": "pageview", "url": "/"}])
    client.erase_visitor("site", visitor_id="visitor")
    client.with_options(timeout=5).session("site", "sess")
    known = [call.metadata.get("x-sessions-position") for call in server.calls]
    assert known == [None, "0000000000000010", "0000000000000010"]


def test_walk_over_pages(connect: Connect, server: Server) -> None:
    def page(name: str, cursor: Value) -> ListSessionsResponse:
        return ListSessionsResponse(sessions=[Session(session_id=name)], next_cursor=cursor)

    empty = ListSessionsResponse(next_cursor=Value(string_value="third"))
    last = page("b", Value(null_value=NullValue.NULL_VALUE))
    server.script = [page("a", Value(string_value="second")), GONE, empty, last]
    found = connect(server.address, "key").sessions("site", filter_os=["iOS", ""])
    assert [session.session_id for session in found] == ["a", "b"]
    cursors = [call.request.cursor for call in server.calls]
    assert cursors == ["", "second", "second", "third"]
    assert {tuple(call.request.filter_os) for call in server.calls} == {("iOS", "")}
    assert {call.request.limit for call in server.calls} == {100}


def test_lost_connection(connect: Connect, server: Server) -> None:
    with way_to(server.address) as way:
        client = connect(way.address, "key", retry=120)
        way.is_open = False
        opening = threading.Thread(target=open_after_attempts, args=(way, 4))
        opening.start()
        client.session("site", "sess")
        opening.join()
    assert len(server.calls) == 1


def open_after_attempts(way: "Way", attempts: int) -> None:
    while len(way.sockets) < 2 * attempts:
        time.sleep(0.05)
    way.is_open = True


def test_unanswered_connecting(connect: Connect) -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        socket.create_connection(full.getsockname()),  # Linux lets whoever comes now wait
    ):
        client = connect(f"127.0.0.1:{full.getsockname()[1]}", "key", timeout=60, retry=6)
        began = time.monotonic()
        with pytest.raises(errors.Unavailable):
            client.session("site", "sess")
        assert time.monotonic() - began >= 4.9


def test_dead_connection(connect: Connect, server: Server) -> None:
    with way_to(server.address) as way:
        client = connect(way.address, "key", timeout=20)
        client.session("site", "sess")
        time.sleep(2)  # gRPC measures the connection at first, and would notice by chance
        way.dead = list(way.sockets)
        client.session("site", "sess")
    assert len(server.calls) == 2


@dataclass
class Way:
    """A way to a server that can hang up on whoever comes, and lose what is sent."""

    address: str
    is_open: bool = True
    sockets: list[socket.socket] = field(default_factory=list)
    dead: list[socket.socket] = field(default_factory=list)
    """Takes bytes and loses them."""

    def accept(self, listener: socket.socket, target: tuple[str, int]) -> None:
        with suppress(OSError):
            while True:
                near, far = listener.accept()[0], socket.create_connection(target)
                self.sockets += (near, far)
                if not self.is_open:
                    near.shutdown(socket.SHUT_RDWR)
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self.forward, args=pair).start()

    def forward(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if source not in self.dead:
                    sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def way_to(address: str) -> Iterator[Way]:
    url = urlsplit(address)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        way = Way(f"127.0.0.1:{listener.getsockname()[1]}")
        target = (str(url.hostname), int(url.port or 0))
        accepting = threading.Thread(target=way.accept, args=(listener, target))
        accepting.start()
        yield way
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
    for each in way.sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()

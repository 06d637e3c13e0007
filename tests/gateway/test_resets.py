"""Calls that are taken back at once cost next to nothing, and end the connection."""

import socket
import time

import h2.connection
import h2.errors

from tests.gateway.harness import KEY, Gateway, eventually

_HEADERS = [
    (":method", "GET"),
    (":path", "/api/websites/site_0000000000/sessions"),
    (":scheme", "http"),
    (":authority", "a"),
    *KEY.items(),
]


def _counted(edge: Gateway, name: str) -> int:
    """A number of Envoy's statistics."""
    page = edge.admin(f"/stats?usedonly&filter=^{name}$").body.decode()
    return int(page.rpartition(": ")[2] or 0)


def test_calls_that_are_taken_back_are_not_passed_on(edge: Gateway) -> None:
    taken_back, passed_on = "http.edge.downstream_rq_rx_reset", "http.edge.rq_total"
    before = [_counted(edge, name) for name in (taken_back, passed_on)]
    with socket.create_connection(("127.0.0.1", edge.port), timeout=10) as connection:
        http2 = h2.connection.H2Connection()
        http2.initiate_connection()
        for _ in range(90):
            stream = http2.get_next_available_stream_id()
            http2.send_headers(stream, _HEADERS, end_stream=True)
            http2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        connection.sendall(http2.data_to_send())
        eventually(lambda: _counted(edge, taken_back) - before[0] == 90)
    assert _counted(edge, passed_on) - before[1] <= 2


def test_a_connection_that_takes_most_calls_back_is_closed(edge: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", edge.port), timeout=10) as connection:
        http2 = h2.connection.H2Connection()
        http2.initiate_connection()
        deadline = time.monotonic() + 10
        sent = 0
        try:
            while time.monotonic() < deadline:
                stream = http2.get_next_available_stream_id()
                http2.send_headers(stream, _HEADERS, end_stream=True)
                http2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
                connection.sendall(http2.data_to_send())
                sent += 1
                time.sleep(0.002)
        except OSError:
            assert sent < 1_000
            return
    raise AssertionError(f"{sent} calls were taken back")

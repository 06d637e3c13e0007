"""Ports are ours alone, and stay so while a child restarts."""

import socket

import pytest
from sessions.settings import Settings
from sessions.standalone.console import StartError
from sessions.standalone.ports import ReservedPort
from sessions.standalone.workers import reserved_ports

from tests.support.processes import free_range, listen


def test_a_child_can_listen_again_and_again() -> None:
    with ReservedPort("127.0.0.1", 0, "SESSIONS_PORT") as port:
        for _ in range(2):
            with listen(port.port, share=True), socket.create_connection(("127.0.0.1", port.port)):
                pass
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port.port))


def test_nobody_else_gets_the_port() -> None:
    with ReservedPort("127.0.0.1", 0, "SESSIONS_PORT") as port:
        with pytest.raises(OSError, match="in use"):
            listen(port.port, share=False)
        with (
            listen(port.port, share=True),
            pytest.raises(StartError, match=rf"127.0.0.1:{port.port} .* set SESSIONS_PORT"),
        ):
            ReservedPort("127.0.0.1", port.port, "SESSIONS_PORT")


def test_a_host_that_is_not_ours_is_said() -> None:
    with pytest.raises(StartError, match=r"can't listen on 192\.0\.2\.1:0"):
        ReservedPort("192.0.2.1", 0, "SESSIONS_PORT")


_ANYWHERE = "0.0.0.0"  # noqa: S104


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1:"), (_ANYWHERE, "127.0.0.1:"), ("::1", "[::1]:")],
)
def test_the_address_can_be_reached(host: str, address: str) -> None:
    with ReservedPort(host, 0, "SESSIONS_PORT") as port:
        assert port.address == f"{address}{port.port}"


def test_configured_ports_are_taken_in_order() -> None:
    first = free_range(3)
    for text in (f"{first}", f"{first}-{first + 2}"):
        settings = Settings(workers=3, worker_ports=text)
        with reserved_ports(settings, free=True) as ports:
            assert [port.port for port in ports] == [first, first + 1, first + 2]


def test_without_configuration_ports_are_free_ones() -> None:
    with reserved_ports(Settings(workers=2), free=True) as ports:
        assert len({port.port for port in ports}) == 2


@pytest.mark.parametrize("text", ["many", "0", "70000", "50054-50051", "50051-50052", "-1"])
def test_ports_that_make_no_sense_are_said(text: str) -> None:
    settings = Settings(workers=3, worker_ports=text)
    with (
        pytest.raises(StartError, match="SESSIONS_WORKER_PORTS"),
        reserved_ports(settings, free=True),
    ):
        pass

"""Starts real workers and a real Envoy for a test, and stops them whatever happens."""

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import grpc
import h2.connection
import h2.events
from grpc_tools import protoc  # type: ignore[import-untyped]
from sessions import gateway
from sessions.standalone import envoy

KEY = {"authorization": "Bearer spk_selfhosted_test"}
REQUEST_TIMEOUT = 0.2
"""Seconds that a worker would give a call; Envoy waits one second more."""

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Reply:
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body; fails unless it says that it is JSON."""
        assert self.headers.get("content-type") == "application/json", self
        return json.loads(self.body)


@dataclass(frozen=True)
class Gateway:
    """A running Envoy."""

    port: int
    admin_port: int
    process: subprocess.Popen[bytes]

    def request(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] = KEY,
        body: bytes | None = None,
        port: int | None = None,
    ) -> Reply:
        """One HTTP/1.1 request on a connection of its own, with a key unless told otherwise."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=10)
        with closing(connection):
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("content-length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            lower = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, lower, response.read())

    def request_http2(
        self, path: str, *, method: str = "GET", headers: Mapping[str, str] = KEY
    ) -> Reply:
        """One HTTP/2 request without a body, on a connection of its own."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            http2 = h2.connection.H2Connection()
            http2.initiate_connection()
            pseudo = {":method": method, ":path": path, ":scheme": "http", ":authority": "a"}
            http2.send_headers(1, [*pseudo.items(), *headers.items()], end_stream=True)
            return _http2_reply(connection, http2)

    def raw(self, request: bytes) -> Reply:
        """The answer to bytes that need not be HTTP."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request)
            with closing(http.client.HTTPResponse(connection)) as response:
                response.begin()
                lower = {name.lower(): value for name, value in response.getheaders()}
                return Reply(response.status, lower, response.read())

    def admin(self, path: str) -> Reply:
        """A page for operators."""
        return self.request(path, port=self.admin_port)

    def count(self, name: str) -> int:
        """What Envoy counts of the cluster of workers."""
        found = self.admin(f"/stats?filter=^cluster.workers.{name}$").body
        return int(found.rpartition(b": ")[2])

    @contextmanager
    def channel(self) -> Iterator[grpc.Channel]:
        """A gRPC channel to the same port; it neither retries nor shares connections."""
        options = [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(f"127.0.0.1:{self.port}", options) as channel:
            yield channel


@dataclass(frozen=True)
class Worker:
    """A running worker."""

    port: int
    process: subprocess.Popen[str]

    @property
    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self.process.poll() is None


@contextmanager
def running_worker(*arguments: str) -> Iterator[Worker]:
    """A worker process on a free port."""
    command = [sys.executable, "-m", "tests.gateway.worker", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield Worker(int(process.stdout.readline()), process)
        finally:
            process.kill()


@contextmanager
def running_gateway(
    folder: Path,
    workers: Sequence[int] | Path,
    *,
    cors_origins: Sequence[str] = (),
    host: str = "127.0.0.1",
    request_timeout: float = REQUEST_TIMEOUT,
    tls: gateway.CallerTls | None = None,
    worker_tls: gateway.WorkerTls | None = None,
) -> Iterator[Gateway]:
    """An Envoy on a free port, once it is up, in front of workers on ports, or in a file."""
    config = gateway.render(
        host=host,
        port=0,
        workers=workers if isinstance(workers, Path) else on_ports(workers),
        request_timeout=request_timeout,
        cors_origins=cors_origins,
        tls=tls,
        worker_tls=worker_tls,
        descriptors=_descriptors(folder),
    )
    with running_envoy(folder, config) as edge:
        yield edge


@contextmanager
def running_envoy(folder: Path, text: str) -> Iterator[Gateway]:
    """An Envoy with a configuration, once it is up."""
    config, log = folder / "envoy.json", folder / "envoy.log"
    config.write_text(text)
    command = [*envoy.command(config), "--log-path", str(log), "--concurrency", "1"]
    with subprocess.Popen(command) as process:
        try:
            yield _when_up(gateway.admin_address_file(config), process)
        finally:
            process.kill()
    assert "lua" not in log.read_text(), log.read_text()


def on_ports(ports: Sequence[int]) -> list[tuple[str, int]]:
    """The workers of this machine on some ports."""
    return [("127.0.0.1", port) for port in ports]


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Waits until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def _when_up(address_file: Path, process: subprocess.Popen[bytes]) -> Gateway:
    eventually(lambda: address_file.exists() and ":" in address_file.read_text())
    admin_port = int(address_file.read_text().rpartition(":")[2])
    admin = Gateway(0, admin_port, process)
    eventually(lambda: admin.admin("/ready").status == 200)
    listeners = json.loads(admin.admin("/listeners?format=json").body)["listener_statuses"]
    return Gateway(
        listeners[0]["local_address"]["socket_address"]["port_value"], admin_port, process
    )


def _http2_reply(connection: socket.socket, http2: h2.connection.H2Connection) -> Reply:
    answered: dict[str, str] = {}
    body = b""
    while True:
        connection.sendall(http2.data_to_send())
        received = connection.recv(65_536)
        assert received, "the connection was closed"
        for event in http2.receive_data(received):
            match event:
                case h2.events.ResponseReceived(headers=headers):
                    answered = {name.decode(): value.decode() for name, value in headers}
                case h2.events.DataReceived(data=data, flow_controlled_length=length):
                    body += data
                    http2.acknowledge_received_data(length, 1)
                case h2.events.StreamEnded():
                    return Reply(int(answered.pop(":status")), answered, body)
                case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                    raise AssertionError(event)


def _descriptors(folder: Path) -> Path:
    """The API's descriptors and those of `write_service.proto`."""
    google = distribution("googleapis-common-protos").locate_file("")
    extra, both = folder / "extra.pb", folder / "descriptors.pb"
    imports = (_HERE, _HERE.parents[1] / "protos", google, _well_known())
    arguments = ["protoc", *(f"-I{each}" for each in imports)]
    arguments += ["write_service.proto", "google/api/httpbody.proto"]
    assert not protoc.main([*arguments, f"--descriptor_set_out={extra}"])
    both.write_bytes(gateway.DESCRIPTORS.read_bytes() + extra.read_bytes())
    return both


def _well_known() -> Path:
    assert protoc.__file__
    return Path(protoc.__file__).parent / "_proto"

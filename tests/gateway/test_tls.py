"""TLS at the front door and to the workers: what is spoken, who is let in, and new certificates."""

import asyncio
import operator
import socket
import ssl
import threading
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_health.v1.health_pb2_grpc import HealthStub
from OpenSSL import SSL
from sessions import gateway
from sessions.certificates import CertificateFiles
from sessions.standalone.data_dir import write_private
from sessions.worker.tls import add_port
from trustme import KeyType

from tests.gateway.harness import Gateway, Worker, eventually, running_gateway
from tests.support.tls import Authority, serial_number

_MODERN = {
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    *(
        f"ECDHE-{kind}-{cipher}"
        for kind in ("ECDSA", "RSA")
        for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    ),
}


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder)


def put(file: Path, files: CertificateFiles) -> None:
    """What Envoy takes the certificate from, replaced at once."""
    pair = files.certificate.read_text(), files.key.read_text()
    write_private(file, gateway.certificate_secret(*pair))


def context(trusted: Authority, own: CertificateFiles | None = None) -> ssl.SSLContext:
    """What a client is set up with."""
    made = ssl.create_default_context(cafile=trusted.file)
    if own:
        made.load_cert_chain(own.certificate, own.key)
    return made


def healthz(port: int, client: ssl.SSLContext, host: str = "127.0.0.1") -> bytes:
    """The answer over a connection of its own."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    with plain, client.wrap_socket(plain, server_hostname=host) as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\nHost: a\r\n\r\n")
        answer = b""
        # Envoy closes a second later.
        while b"SERVING" not in answer and (received := connection.recv(65_536)):
            answer += received
        return answer


@contextmanager
def running(folder: Path, worker: Worker, tls: gateway.CallerTls) -> Iterator[Gateway]:
    """An Envoy with TLS, once it has found its worker healthy."""
    with running_gateway(folder, [worker.port], tls=tls) as edge:
        page = "/stats?filter=^cluster.workers.membership_healthy$"
        eventually(lambda: edge.admin(page).body.endswith(b": 1\n"))
        yield edge


@pytest.fixture(scope="module")
def edge(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, worker: Worker
) -> Iterator[Gateway]:
    own = tmp_path_factory.mktemp("tls")
    put(own / "certificate.json", authority.issue("127.0.0.1"))
    with running(own, worker, gateway.CallerTls(own / "certificate.json")) as edge:
        yield edge


def test_only_modern_protocols_and_ciphers_are_spoken(
    edge: Gateway, worker: Worker, authority: Authority, tmp_path: Path
) -> None:
    def spoken(port: int) -> Iterator[tuple[str, str]]:
        anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anything.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
        names = [each["name"] for each in anything.get_ciphers() if "TLS_" not in each["name"]]
        assert len(names) > 60
        for version in list(ssl.TLSVersion)[2:-1]:
            for name in names if version < ssl.TLSVersion.TLSv1_3 else ["ALL"]:
                if found := _negotiated(port, version, name):
                    yield found

    put(tmp_path / "rsa.json", authority.issue("127.0.0.1", "rsa", key_type=KeyType.RSA))
    found = set(spoken(edge.port))
    with running(tmp_path, worker, gateway.CallerTls(tmp_path / "rsa.json")) as other:
        found |= set(spoken(other.port))
    assert {version for version, _ in found} == {"TLSv1.2", "TLSv1.3"}
    assert {cipher for version, cipher in found if version == "TLSv1.2"} == {
        name for name in _MODERN if name.startswith("ECDHE")
    }
    assert {cipher for _, cipher in found} <= _MODERN


def _negotiated(port: int, version: ssl.TLSVersion, cipher: str) -> tuple[str, str] | None:
    """What a client gets that offers one protocol and one cipher of it."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    with _without_warnings():
        client.minimum_version = client.maximum_version = version
    client.set_ciphers(f"{cipher}:@SECLEVEL=0")
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    try:
        with plain, client.wrap_socket(plain) as connection:
            negotiated = connection.cipher()
            assert negotiated is not None
            return str(connection.version()), negotiated[0]
    except (ssl.SSLError, ConnectionError):
        return None


@contextmanager
def _without_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        # That old protocols are deprecated is why they are tried.
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def test_nobody_can_ask_for_another_handshake(edge: Gateway) -> None:
    client = SSL.Context(SSL.TLS_CLIENT_METHOD)
    client.set_max_proto_version(SSL.TLS1_2_VERSION)
    with socket.create_connection(("127.0.0.1", edge.port), timeout=10) as plain:
        plain.settimeout(None)
        connection = SSL.Connection(client, plain)
        connection.set_connect_state()
        connection.do_handshake()
        assert connection.renegotiate()
        with pytest.raises(SSL.Error):
            connection.do_handshake()


def test_plain_http_is_not_answered(edge: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", edge.port), timeout=10) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"HTTP" not in plain.recv(1_000)


def test_rest_and_grpc_share_the_port(edge: Gateway, authority: Authority) -> None:
    assert b"SERVING" in healthz(edge.port, context(authority))
    credentials = grpc.ssl_channel_credentials(authority.file.read_bytes())
    with grpc.secure_channel(f"127.0.0.1:{edge.port}", credentials) as channel:
        stub: Any = HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_a_client_refuses_another_host_than_it_asked_for(
    edge: Gateway, authority: Authority
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for 'localhost'"):
        healthz(edge.port, context(authority), "localhost")


def test_callers_show_a_certificate_that_is_valid(
    folder: Path, tmp_path: Path, worker: Worker, authority: Authority
) -> None:
    clients = Authority(tmp_path, "clients")
    good = clients.issue("dashboard.example.com")
    revoked = clients.issue("revoked.example.com")
    crl = clients.revoke(revoked).read_text()
    names = ["dashboard.example.com", "revoked.example.com", "expired.example.com"]
    put(tmp_path / "certificate.json", authority.issue("127.0.0.1"))
    (tmp_path / "validation.json").write_text(
        gateway.validation_secret(clients.file.read_text(), crl=crl, names=names)
    )
    tls = gateway.CallerTls(tmp_path / "certificate.json", tmp_path / "validation.json")
    refused = {
        "none": None,
        "expired": clients.issue_expired("expired.example.com"),
        "wrong host": clients.issue("other.example.com"),
        "revoked": revoked,
        "of another authority": Authority(tmp_path, "foreign").issue("dashboard.example.com", "x"),
    }
    with running(tmp_path, worker, tls) as edge:
        assert b"SERVING" in healthz(edge.port, context(authority, good))
        for what, files in refused.items():
            with pytest.raises((ssl.SSLError, ConnectionError)):
                print(what, healthz(edge.port, context(authority, files)))

        # What is revoked from now on is refused from now on.
        crl = clients.revoke(revoked, good).read_text()
        secret = gateway.validation_secret(clients.file.read_text(), crl=crl, names=names)
        write_private(tmp_path / "validation.json", secret)

        def is_refused() -> bool:
            try:
                return not healthz(edge.port, context(authority, good))
            except (ssl.SSLError, ConnectionError):
                return True

        eventually(is_refused)


def test_a_certificate_is_replaced_under_load_without_a_failed_call(
    tmp_path: Path, worker: Worker, authority: Authority
) -> None:
    first, second = (authority.issue("127.0.0.1", name) for name in ("first", "second"))
    put(tmp_path / "certificate.json", first)
    stop, failures, calls = threading.Event(), list[Exception](), [0, 0]

    def connect_again_and_again(port: int) -> None:
        while not stop.is_set():
            try:
                assert b"SERVING" in healthz(port, context(authority))
                calls[0] += 1
            except Exception as error:
                failures.append(error)

    def call_over_one_connection(port: int) -> None:
        credentials = grpc.ssl_channel_credentials(authority.file.read_bytes())
        with grpc.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
            stub: Any = HealthStub(channel)
            while not stop.is_set():
                try:
                    stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
                    calls[1] += 1
                except grpc.RpcError as error:
                    failures.append(error)

    with running(tmp_path, worker, gateway.CallerTls(tmp_path / "certificate.json")) as edge:
        callers = [
            threading.Thread(target=each, args=(edge.port,))
            for each in (connect_again_and_again, call_over_one_connection)
        ]
        for caller in callers:
            caller.start()
        try:
            for files in (second, first, second):
                enough = [count + 20 for count in calls]
                while any(map(operator.lt, calls, enough)) and not failures:
                    time.sleep(0.01)
                put(tmp_path / "certificate.json", files)
                while _served(edge.port) != serial_number(files):
                    time.sleep(0.01)
        finally:
            stop.set()
            for caller in callers:
                caller.join()
    assert not failures
    assert min(calls) > 60


def _served(port: int) -> int:
    """The serial number of the certificate that is served now."""
    pem = ssl.get_server_certificate(("127.0.0.1", port))
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


@asynccontextmanager
async def tls_worker(files: CertificateFiles) -> AsyncIterator[int]:
    """A worker with TLS that is healthy and nothing else."""
    server = grpc.aio.server()
    status = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    await status.set("", health_pb2.HealthCheckResponse.SERVING)
    port = add_port(server, "127.0.0.1:0", files)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


async def test_envoy_and_workers_know_each_other_by_certificates(
    tmp_path: Path, authority: Authority
) -> None:
    files = authority.issue("worker.example.com")._replace(authorities=authority.file)
    put(tmp_path / "own.json", authority.issue("envoy.example.com"))
    put(tmp_path / "foreign.json", Authority(tmp_path, "foreign").issue("envoy.example.com", "f"))
    trusted = authority.file.read_text()
    for name in ("worker.example.com", "other.example.com"):
        secret = gateway.validation_secret(trusted, names=[name])
        (tmp_path / f"{name}.json").write_text(secret)

    def healthy(port: int, name: str, own: str | None) -> bool:
        certificate = tmp_path / own if own else None
        tls = gateway.WorkerTls(tmp_path / f"{name}.json", certificate)
        folder = tmp_path / f"{name}-{own}"
        folder.mkdir()
        with running_gateway(folder, [port], worker_tls=tls) as edge:
            # Envoy is ready once it has asked the worker.
            return edge.request("/healthz").status == 200

    async with tls_worker(files) as port:
        for name, own, expected in (
            ("worker.example.com", "own.json", True),
            ("worker.example.com", "foreign.json", False),
            ("worker.example.com", None, False),
            ("other.example.com", "own.json", False),
        ):
            found = await asyncio.to_thread(healthy, port, name, own)
            assert found is expected, (name, own)


async def test_a_worker_takes_its_new_certificate(tmp_path: Path, authority: Authority) -> None:
    files = authority.issue("worker.example.com")
    async with tls_worker(files) as port:
        assert await asyncio.to_thread(_served, port) == serial_number(files)
        files.key.write_text("half of a key")
        assert await asyncio.to_thread(_served, port) != 0
        authority.issue("worker.example.com")
        assert await asyncio.to_thread(_served, port) == serial_number(files)

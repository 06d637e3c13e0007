"""`sessions up` and `sessions serve` with TLS: their certificates, and new ones in their place."""

import asyncio
import json
import os
import signal
import ssl
import subprocess
import sys
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from cryptography import x509
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from sessions.certificates import CertificateFiles
from sessions.settings import Settings
from sessions.standalone.console import StartError
from sessions.standalone.envoy_certificates import EnvoyCertificates, caller_certificates
from sessions.standalone.following import together
from sessions.standalone.self_signed import authority_file, with_self_signed
from sessions.standalone.supervisor import Supervisor
from sessions.standalone.up import up

from tests.support.processes import PATIENCE, SESSIONS, eventually, free_range
from tests.support.stack import Stack, running_stack
from tests.support.tls import Authority, serial_number

_CALL = """
import sys
from analytics_sessions import Client
from analytics_sessions.errors import Unauthenticated
try:
    Client(sys.argv[1], "spk_selfhosted_x").sessions("site_0000000000").page()
except Unauthenticated as error:
    print(error.reason)
"""


def _context(authority: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority)


def _healthz(stack: Stack, context: ssl.SSLContext) -> int:
    connection = HTTPSConnection(urlsplit(stack.address).netloc, context=context, timeout=10)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_certificate_is_made_to_try_tls_out(private_dir: Path) -> None:
    with running_stack(private_dir, "--tls-self-signed", SESSIONS_WORKERS="1") as stack:
        assert stack.address.startswith("https://127.0.0.1:")
        authority = authority_file(private_dir)
        assert _healthz(stack, _context(authority)) == 200
        environment = {**os.environ, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(authority)}
        command = [sys.executable, "-c", _CALL, stack.address]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout == "ERROR_REASON_CREDENTIALS_INVALID\n"
        for secret in private_dir.glob("*tls*.pem"):
            assert secret.stat().st_mode & 0o077 == 0


def test_workers_on_other_machines_speak_tls(tmp_path: Path, private_dir: Path) -> None:
    authority = Authority(tmp_path)
    own, envoy = authority.issue("worker.example.com"), authority.issue("envoy.example.com")
    with running_stack(private_dir, SESSIONS_WORKERS="1") as stack:
        environment = {
            **stack.environment,
            "DATABASE_URL": stack.database_url,
            "SESSIONS_WORKER_PORTS": str(free_range(1)),
            "SESSIONS_WORKER_TLS_CERTIFICATE": str(own.certificate),
            "SESSIONS_WORKER_TLS_KEY": str(own.key),
            "SESSIONS_WORKER_TLS_CLIENT_CA": str(authority.file),
        }
        with subprocess.Popen(
            [*SESSIONS, "serve"], env=environment, stdout=subprocess.PIPE, text=True
        ) as serve:
            assert serve.stdout
            address = serve.stdout.readline().strip()
            assert _health(address, authority, envoy) == HealthCheckResponse.SERVING
            with pytest.raises(grpc.RpcError, match="UNAVAILABLE"):
                _health(address, authority, None)
            serve.send_signal(signal.SIGTERM)
            assert serve.wait(PATIENCE) == 0


async def test_up_refuses_settings_for_workers_on_other_machines(tmp_path: Path) -> None:
    own = Authority(tmp_path).issue("worker.example.com")
    pair: dict[str, Any] = {"worker_tls_certificate": own.certificate, "worker_tls_key": own.key}
    for wrong, problem in (
        (pair, "SESSIONS_WORKER_TLS_CERTIFICATE is for `sessions serve`"),
        ({"worker_addresses": "a:1"}, "SESSIONS_WORKER_ADDRESSES is for `sessions envoy`"),
    ):
        with pytest.raises(StartError, match=problem):
            await up(Settings(data_dir=tmp_path, **wrong), demo=False)


def _health(address: str, authority: Authority, own: CertificateFiles | None) -> int:
    pair = (own.key.read_bytes(), own.certificate.read_bytes()) if own else ()
    credentials = grpc.ssl_channel_credentials(authority.file.read_bytes(), *pair)
    options = [("grpc.ssl_target_name_override", "worker.example.com")]
    with grpc.secure_channel(address, credentials, options) as channel:
        stub: Any = HealthStub(channel)
        found: int = stub.Check(HealthCheckRequest(), timeout=10).status
        return found


def test_certificates_are_taken_from_files_and_again_when_they_change(
    tmp_path: Path, private_dir: Path
) -> None:
    authority, clients = Authority(tmp_path), Authority(tmp_path, "clients")
    files = authority.issue("127.0.0.1")
    client = clients.issue("dashboard.example.com")
    with running_stack(
        private_dir,
        SESSIONS_WORKERS="1",
        SESSIONS_TLS_CERTIFICATE=str(files.certificate),
        SESSIONS_TLS_KEY=str(files.key),
        SESSIONS_TLS_CLIENT_CA=str(clients.file),
        SESSIONS_TLS_CLIENT_NAMES="other.example.com, dashboard.example.com",
    ) as stack:
        context = _context(authority.file)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            _healthz(stack, context)
        context.load_cert_chain(client.certificate, client.key)
        assert _healthz(stack, context) == 200

        # Written into the files as they are, as certbot and cp do.
        authority.issue("127.0.0.1")
        host, _, port = urlsplit(stack.address).netloc.rpartition(":")

        async def wait() -> None:
            await eventually(lambda: _served(host, int(port)) == serial_number(files))

        asyncio.run(wait())
        assert _healthz(stack, context) == 200


def _served(host: str, port: int) -> int:
    pem = ssl.get_server_certificate((host, port))
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


def followed(files: CertificateFiles, data_dir: Path) -> EnvoyCertificates:
    """The certificate for callers, as `up` has it."""
    settings = Settings(tls_certificate=files.certificate, tls_key=files.key, data_dir=data_dir)
    found = caller_certificates(settings)
    assert found
    return found


async def test_files_that_do_not_fit_leave_the_certificate_in_use(
    tmp_path: Path, private_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = Authority(tmp_path)
    files, other = authority.issue("a.example.com"), authority.issue("b.example.com")
    certificates = followed(files, private_dir)
    before = certificates.certificate.read_text()
    assert json.dumps(files.certificate.read_text())[1:-1] in before
    following = asyncio.create_task(certificates.follow())
    problem = f"stays: {files.key} is not the private key of {files.certificate}"
    try:
        files.certificate.write_bytes(other.certificate.read_bytes())
        await eventually(lambda: problem in capsys.readouterr().err)
        assert certificates.certificate.read_text() == before
        files.key.write_bytes(other.key.read_bytes())
        await eventually(lambda: certificates.certificate.read_text() != before)
        assert not following.done()
    finally:
        following.cancel()


async def test_up_ends_when_certificates_can_not_be_followed(
    tmp_path: Path, private_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Authority(tmp_path).issue("a.example.com")
    certificates = followed(files, private_dir)

    async def fail() -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(certificates, "_renew", fail)
    async with Supervisor() as supervisor:
        with pytest.raises(RuntimeError, match="unforeseen"):
            await together(supervisor.watch(), certificates.follow())


def test_the_authority_stays_the_same(private_dir: Path) -> None:
    settings = Settings(data_dir=private_dir, host="0.0.0.0")  # noqa: S104
    first = with_self_signed(settings)
    trusted = authority_file(private_dir).read_bytes()
    certificate = first.tls_certificate.read_bytes()  # type: ignore[union-attr]
    assert with_self_signed(settings).tls_certificate == first.tls_certificate
    assert authority_file(private_dir).read_bytes() == trusted
    assert first.tls_certificate.read_bytes() != certificate  # type: ignore[union-attr]
    with pytest.raises(StartError, match="exclude each other"):
        with_self_signed(first)

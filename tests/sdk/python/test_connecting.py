"""Addresses, keys, TLS, proxies, and what a client leaves behind."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import grpc
import pytest
from analytics_sessions import AsyncClient

from tests.sdk.python.clients import AnyClient
from tests.sdk.python.conftest import Connect
from tests.sdk.python.server import Server, running_server


def reached(client: AnyClient) -> bool:
    client.session("site", "sess")
    return True


def test_the_environment_names_address_and_key(
    connect: Connect, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONS_ADDRESS", server.address)
    monkeypatch.setenv("SESSIONS_KEY", "of the environment")
    assert reached(connect())
    assert reached(connect(key="of mine"))
    assert reached(connect("", ""))
    keys = [call.metadata["authorization"] for call in server.calls]
    assert keys == [f"Bearer of {whom}" for whom in ("the environment", "mine", "the environment")]


@pytest.mark.parametrize("name", ["address", "key"])
@pytest.mark.parametrize("empty", [None, ""])
def test_what_is_missing_is_named(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, name: str, empty: str | None
) -> None:
    monkeypatch.delenv(f"SESSIONS_{name.upper()}", raising=False)
    arguments = {"address": "http://127.0.0.1:1", "key": "key"} | {name: empty}
    with pytest.raises(ValueError, match=rf"no {name}: .*SESSIONS_{name.upper()}"):
        connect(**arguments)


@pytest.mark.parametrize("form", ["http://{}", "{}", "http://{}/", "HTTP://{}"])
def test_forms_of_plain_addresses(connect: Connect, server: Server, form: str) -> None:
    where = server.address.removeprefix("http://")
    assert reached(connect(form.format(where), "key"))
    assert reached(connect(form.format(where.replace("127.0.0.1", "localhost")), "key"))


@pytest.mark.parametrize(
    "address",
    [
        "ftp://host:1",
        "http://",
        "localhost",
        "http://host",
        "http://host:1/api",
        "https://host?x=1",
        "unix:/tmp/x",
        "http://me:secret@host:1",
        "http://host:port",
        "http://host:99999",
    ],
)
def test_what_is_no_address_is_refused(connect: Connect, address: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)address|port"):
        connect(address, "key")


def test_tls(tmp_path: Path) -> None:
    key, certificate = certified(tmp_path)
    credentials = grpc.ssl_server_credentials([(key, certificate)])
    script = "import analytics_sessions as s; s.Client(retry=0).session('site', 'sess')"
    with running_server(credentials) as server:
        known = {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(tmp_path / "certificate.pem")}
        environment = os.environ | {"SESSIONS_ADDRESS": server.address, "SESSIONS_KEY": "key"}
        run = [sys.executable, "-c", script]
        subprocess.run(run, env=environment | known, check=True, timeout=120)
        stranger = subprocess.run(
            run, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
    assert "errors.Unavailable" in stranger.stderr
    assert len(server.calls) == 1


def certified(folder: Path) -> tuple[bytes, bytes]:
    """A key, and its certificate for localhost that nobody signed but itself."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "1", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return key.read_bytes(), certificate.read_bytes()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_not_reached_by_a_proxy(
    connect: Connect, server: Server, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    for name in ("grpc_proxy", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert reached(connect(server.address.replace("127.0.0.1", host), "key", retry=0))


def test_the_client_says_who_it_is(connect: Connect, server: Server) -> None:
    reached(connect(server.address, "key"))
    [call] = server.calls
    expected = f"analytics-sessions-python/{version('analytics-sessions')} "
    assert str(call.metadata["user-agent"]).startswith(expected)


def test_close_can_be_repeated(connect: Connect, server: Server) -> None:
    client = connect(server.address, "key")
    reached(client)
    client.close()
    client.close()
    with pytest.raises(Exception, match=r"(?i)closed"):
        reached(client)


def test_an_async_client_needs_a_loop() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        AsyncClient("http://127.0.0.1:1", "key")

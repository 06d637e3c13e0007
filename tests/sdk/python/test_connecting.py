"""Addresses, keys, TLS, proxies, and what a client leaves behind."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
import pytest
from analytics_sessions import AsyncClient, Client, _connection, errors

from tests.sdk.conftest import PLAN
from tests.sdk.python.calls import CALLS
from tests.sdk.python.clients import AnyClient, Blocking
from tests.sdk.python.conftest import Connect
from tests.sdk.python.server import Server, running_server, status

CLOSED = r"^CANCELLED: the client is closed$"


def reached(client: AnyClient) -> bool:
    client.session("site", "sess")
    return True


def test_settings_from_environment(
    connect: Connect, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONS_ADDRESS", server.address)
    monkeypatch.setenv("SESSIONS_KEY", "of-the-environment")
    assert reached(connect())
    assert reached(connect(key="of-mine"))
    assert reached(connect("", ""))
    keys = [call.metadata["authorization"] for call in server.calls]
    assert keys == [f"Bearer of-{whom}" for whom in ("the-environment", "mine", "the-environment")]


@pytest.mark.parametrize("name", ["address", "key"])
@pytest.mark.parametrize("empty", [None, ""])
def test_settings_from_environment_are_named(
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


@pytest.mark.parametrize(("address", "expected"), PLAN["addresses"]["taken"].items())
def test_addresses(connect: Connect, address: str, expected: str) -> None:
    connect(address, "key").close()
    target, _, is_secure = _connection.target(_connection.setting(address, "address"))
    assert f"{target.removeprefix('dns:///')} {'tls' if is_secure else 'plaintext'}" == expected


@pytest.mark.parametrize("address", PLAN["addresses"]["refused"])
def test_addresses_refused(connect: Connect, address: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)address|port"):
        connect(address, "key")


@pytest.mark.parametrize("key", PLAN["keys"]["trimmed"])
def test_keys(connect: Connect, server: Server, key: str) -> None:
    assert reached(connect(server.address, key))
    assert server.calls[0].metadata["authorization"] == "Bearer spk_key"


@pytest.mark.parametrize("key", PLAN["keys"]["refused"])
def test_keys_refused(connect: Connect, key: str) -> None:
    with pytest.raises(ValueError, match=r"^key: has characters other than visible ASCII$"):
        connect("http://127.0.0.1:1", key)


@pytest.mark.parametrize(
    "wrong",
    [{"timeout": 0}, {"timeout": -1}, {"timeout": float("nan")}, {"retry": -1}, {"retry": "1"}],
)
def test_durations_are_checked(connect: Connect, wrong: dict[str, Any]) -> None:
    [name] = wrong
    with pytest.raises(ValueError, match=f"^{name}: .* is not a number of seconds"):
        connect("http://127.0.0.1:1", "key", **wrong)
    with pytest.raises(ValueError, match=f"^{name}: "):
        connect("http://127.0.0.1:1", "key").with_options(**wrong)


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


def test_calls_carry_key_and_agent(connect: Connect, server: Server) -> None:
    reached(connect(server.address, "key"))
    [call] = server.calls
    assert call.metadata["authorization"] == "Bearer key"
    expected = f"analytics-sessions-python/{version('analytics-sessions')} "
    assert str(call.metadata["user-agent"]).startswith(expected)


def test_closed_client(connect: Connect, server: Server) -> None:
    client = connect(server.address, "key")
    reached(client)
    client.close()
    client.close()
    for call in CALLS.values():
        with pytest.raises(errors.SessionsError, match=CLOSED):
            call(client)
    assert len(server.calls) == 1


def test_closed_client_in_a_call(server: Server) -> None:
    client = Client(server.address, "key")
    server.script = [5.0]

    def close() -> None:
        until(lambda: server.calls)
        client.close()

    closing = threading.Thread(target=close)
    closing.start()
    with pytest.raises(errors.SessionsError, match=CLOSED):
        client.session("site", "sess")
    closing.join()
    assert len(server.calls) == 1


async def test_closed_client_in_an_asynchronous_call(server: Server) -> None:
    client = AsyncClient(server.address, "key")
    server.script = [5.0]
    call = asyncio.ensure_future(client.session("site", "sess"))
    await asyncio.to_thread(until, lambda: server.calls)
    await client.close()
    with pytest.raises(errors.SessionsError, match=CLOSED):
        await call


async def test_a_task_that_is_cancelled_stays_so(server: Server) -> None:
    async with AsyncClient(server.address, "key") as client:
        server.script = [5.0]
        call = asyncio.ensure_future(client.session("site", "sess"))
        await asyncio.to_thread(until, lambda: server.calls)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


def until(holds: Callable[[], object]) -> None:
    while not holds():
        time.sleep(0.01)


class Seen(grpc.UnaryUnaryClientInterceptor):
    """Keeps what it sees, and adds to the metadata, as a tracer does."""

    def __init__(self) -> None:
        self.methods: list[str] = []

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        self.methods.append(str(details.method).rpartition("/")[2])
        return continuation(_traced(details), request)


class AsyncSeen(grpc.aio.UnaryUnaryClientInterceptor):
    """The same for asyncio."""

    def __init__(self) -> None:
        self.methods: list[str] = []

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        self.methods.append(details.method.decode().rpartition("/")[2])
        return await continuation(_traced(details), request)


def _traced(details: Any) -> Any:
    return details._replace(metadata=[*details.metadata, ("traceparent", "00-1-2-01")])


@pytest.mark.parametrize(("kind", "seen"), [(Client, Seen()), (Blocking, AsyncSeen())])
def test_interceptors(server: Server, kind: Any, seen: Seen | AsyncSeen) -> None:
    server.script = [status("UNAVAILABLE")]
    with kind(server.address, "key", interceptors=[seen]) as client:
        client.session("site", "sess")
    assert seen.methods == ["GetSession", "GetSession"]
    assert {call.metadata["traceparent"] for call in server.calls} == {"00-1-2-01"}


def test_an_async_client_needs_a_loop() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        AsyncClient("http://127.0.0.1:1", "key")

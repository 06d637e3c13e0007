"""The whole service as its users meet it: `sessions up`, and clients for its front door."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlencode, urlsplit

import grpc
from analytics_sessions.v1.session_service_pb2_grpc import SessionServiceStub

SESSIONS = str(Path(sys.executable).with_name("sessions"))
_STREAMS = ("application/x-ndjson", "text/csv")
_START_SECONDS = 60
_STOP_SECONDS = 120
"""PostgreSQL alone may take 60 to stop, before it is ended without writing everything down."""


@dataclass(frozen=True)
class Reply:
    """An HTTP response; a body of another type than JSON is text in place of it."""

    status: int
    headers: Mapping[str, str]
    json: Any


@dataclass(frozen=True)
class Stack:
    """A running `sessions up`."""

    address: str
    database_url: str
    environment: Mapping[str, str]
    process: subprocess.Popen[str]

    def command(self, *arguments: str, check: bool = True, **options: Any) -> str:
        """Run `sessions <arguments>` beside it and return what it prints on stdout."""
        done = subprocess.run(
            [SESSIONS, *arguments],
            env=self.environment,
            text=True,
            capture_output=True,
            check=False,
            **options,
        )
        assert not check or done.returncode == 0, done.stderr
        printed: str = done.stdout
        return printed.strip()

    def request(
        self,
        path: str,
        parameters: Mapping[str, Any] | Sequence[tuple[str, Any]] = (),
        *,
        key: str | None = None,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 30.0,
        source: str = "127.0.0.1",
    ) -> Reply:
        """Send one request to Envoy; a list as a parameter is sent as repeated ones.

        `source` is the address that it comes from, of those that this machine has.
        """
        query = "?" + urlencode(parameters, doseq=True) if parameters else ""
        sent = dict(headers or {}) | ({"Authorization": f"Bearer {key}"} if key else {})
        connection = http.client.HTTPConnection(
            urlsplit(self.address).netloc, timeout=timeout, source_address=(source, 0)
        )
        try:
            connection.request(method, path + query, headers=sent, body=body)
            response = connection.getresponse()
            content = response.read()
            names = {name.lower(): value for name, value in response.getheaders()}
            is_stream = names.get("content-type", "").startswith(_STREAMS)
            found = content.decode() if is_stream else json.loads(content) if content else None
            return Reply(response.status, names, found)
        finally:
            connection.close()

    @contextmanager
    def stub(self) -> Iterator[SessionServiceStub]:
        """A gRPC client of the same port."""
        with grpc.insecure_channel(urlsplit(self.address).netloc) as channel:
            yield SessionServiceStub(channel)


def metadata(key: str) -> tuple[tuple[str, str], ...]:
    """The credentials of a gRPC call."""
    return (("authorization", f"Bearer {key}"),)


@contextmanager
def running_stack(data_dir: Path, *options: str, **settings: str) -> Iterator[Stack]:
    """Run `sessions up` on a free port; `settings` are environment variables."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("SESSIONS_")
    }
    environment.pop("DATABASE_URL", None)
    environment |= {"SESSIONS_DATA_DIR": str(data_dir), "SESSIONS_PORT": "0"} | settings
    log = data_dir.parent / f"{data_dir.name}.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [SESSIONS, "up", *options],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        state = _wait_for_state(data_dir / "up.json", process, log)
        yield Stack(state["address"], state["database_url"], environment, process)
    finally:
        process.send_signal(signal.SIGTERM)
        _wait_for_end(process, log)


def _wait_for_end(process: subprocess.Popen[str], log: Path) -> None:
    try:
        process.communicate(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise AssertionError(f"`up` does not stop: {log.read_text()[-20_000:]}") from None


def _wait_for_state(path: Path, process: subprocess.Popen[str], log: Path) -> dict[str, str]:
    deadline = monotonic() + _START_SECONDS
    while not path.exists():
        assert process.poll() is None, log.read_text()
        assert monotonic() < deadline, log.read_text()
        sleep(0.05)
    found: dict[str, str] = json.loads(path.read_text())
    return found

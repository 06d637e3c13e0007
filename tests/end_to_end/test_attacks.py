"""Attacks on the front door: what others notice of them, and the memory that they take.

`make attacks SECONDS=60` takes a minute for each; here it is a moment.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit

import grpc
import pytest
from analytics_sessions.v1.session_service_pb2 import ListSessionsRequest
from analytics_sessions.v1.session_service_pb2_grpc import SessionServiceStub
from sessions.composition import open_application
from sessions.domain.api_keys import Scope
from sessions.settings import Settings

from tests.support.attacks import ATTACKS
from tests.support.latency import beside
from tests.support.processes import running_parts
from tests.support.stack import Stack, metadata, running_stack

SECONDS = float(os.environ.get("ATTACK_SECONDS", "2"))
MOST_SECONDS = 10.0
"""How long a call of others may take at the worst, on a machine that is busy with other tests."""
MOST_MIB = 400
"""What an attack may add to the memory of Envoy and the workers together."""


@dataclass(frozen=True)
class Attacked:
    """A service of its own, a website, and a key that attackers have, too."""

    stack: Stack
    website: str
    key: str

    @property
    def authority(self) -> str:
        """Host and port."""
        return urlsplit(self.stack.address).netloc


@pytest.fixture(scope="module")
def attacked() -> Iterator[Attacked]:
    """It writes no line for each call: a disk that is slow is not measured."""
    with (
        tempfile.TemporaryDirectory(prefix="sessions-test-") as folder,
        running_stack(Path(folder) / "data", SESSIONS_LOG_LEVEL="warning") as stack,
    ):

        async def fill() -> tuple[str, str]:
            async with open_application(stack.database_url, Settings()) as application:
                website = await application.websites.create("test")
                return website, await application.api_keys.create("test", list(Scope))

        yield Attacked(stack, *asyncio.run(fill()))


@contextmanager
def attacking(name: str, attacked: Attacked) -> Iterator[None]:
    """Attack for the length of the block, from another process."""
    arguments = name, attacked.authority, attacked.website, attacked.key
    command = [sys.executable, "-m", "tests.support.attacks", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline()
            yield
            assert process.poll() is None
        finally:
            process.kill()


def mebibytes(stack: Stack) -> int:
    """Resident memory of Envoy and the workers."""
    parts = running_parts(stack.process.pid)
    pages = sum(
        int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        for pid in (*parts["Envoy"], *parts["worker"])
    )
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def measure(attacked: Attacked) -> tuple[list[float], list[float], int]:
    """Seconds of calls over one connection, and over a new one each; and the most memory."""
    path = f"/api/websites/{attacked.website}/sessions"
    request = ListSessionsRequest(website_id=attacked.website)

    def anew() -> None:
        assert attacked.stack.request(path, key=attacked.key).status == 200

    with grpc.insecure_channel(attacked.authority) as channel:
        stub = SessionServiceStub(channel)

        def call() -> None:
            stub.ListSessions(request, metadata=metadata(attacked.key), timeout=30)

        call()
        with beside(call) as kept, beside(anew) as new:
            most, until = 0, time.monotonic() + SECONDS
            while time.monotonic() < until:
                most = max(most, mebibytes(attacked.stack))
                time.sleep(0.2)
    return kept, new, most


def p99(seconds: list[float]) -> float:
    """In milliseconds."""
    return quantiles(seconds, n=100)[98] * 1000


@pytest.mark.parametrize("name", ATTACKS)
def test_others_are_answered_during_an_attack(attacked: Attacked, name: str) -> None:
    kept, new, memory = measure(attacked)
    with attacking(name, attacked):
        kept_then, new_then, memory_then = measure(attacked)
    print(
        f"| {name} | {p99(kept):.0f} | {p99(kept_then):.0f} | {p99(new):.0f} | {p99(new_then):.0f} "
        f"| {memory} | {memory_then} | {len(kept_then) + len(new_then)} |"
    )
    assert max(*kept_then, *new_then) < MOST_SECONDS
    assert memory_then - memory < MOST_MIB

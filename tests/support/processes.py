"""Programs and ports for tests that start processes, and waiting for what they do."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psycopg
import pytest

PATIENCE = 60.0
"""Seconds after which a test gives up; far more than anything takes."""


SESSIONS = (sys.executable, "-P", "-m", "sessions")
"""The command line."""


def is_running(pid: int) -> bool:
    """Whether the process runs: one that has ended but was not collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""

    async def attempt() -> bool:
        return condition()

    await eventually_awaited(attempt)


async def eventually_awaited(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until the condition, a coroutine, holds; a database on its way counts as not yet."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(psycopg.OperationalError):
            if await condition():
                return
        await asyncio.sleep(0.02)
    pytest.fail("did not happen in time")


@asynccontextmanager
async def program(source: str, *arguments: object) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run Python source as a process of its own; ended with the block if not before."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", source, *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def line_of(process: asyncio.subprocess.Process) -> str:
    """The next line on stdout."""
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
    if not line and process.stderr is not None:
        pytest.fail((await process.stderr.read()).decode())
    return line.decode().rstrip("\n")


@asynccontextmanager
async def process_with_lock(data_dir: Path, *, is_up: bool) -> AsyncIterator[int]:
    """Another process that holds the lock of a data directory; yields its number."""
    source = """
import sys, time
from pathlib import Path
from sessions.standalone.data_dir import DataDirLock
lock = DataDirLock.try_acquire(Path(sys.argv[1]), is_up=sys.argv[2] == "True")
print(lock is not None, flush=True)
time.sleep(60)
"""
    async with program(source, data_dir, is_up) as process:
        assert await line_of(process) == "True"
        yield process.pid


def kill(pid: int) -> None:
    """End a process that the test started, without giving it a chance."""
    os.kill(pid, signal.SIGKILL)


def listen(port: int, *, share: bool) -> socket.socket:
    """A socket that listens on a port, which it may share with others that do."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, share)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def free_range(count: int) -> int:
    """The first of some ports in a row that are free, far from those of other test processes."""
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    lowest = 20000 + process % 10 * 1000
    for first in range(lowest, lowest + 1000, count):
        try:
            for number in range(first, first + count):
                listen(number, share=False).close()
        except OSError:
            continue
        return first
    raise AssertionError("no free ports")


def running_parts(up: int) -> dict[str, list[int]]:
    """The processes of each kind that a `sessions up` runs now, by the number of its process."""
    found: dict[str, list[int]] = {"worker": [], "Envoy": [], "PostgreSQL": [], "backend": []}
    for pid in child_pids(up):
        program, *arguments = argv(pid)
        if "sessions.worker" in arguments:
            found["worker"].append(pid)
        elif Path(program).name == "envoy":
            found["Envoy"].append(pid)
        elif Path(program).name == "postgres":
            found["PostgreSQL"].append(pid)
            found["backend"] += child_pids(pid)
    return found


def child_pids(pid: int) -> list[int]:
    """The processes that a process has started; none if it has ended."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in text.split()]


def argv(pid: int) -> list[str]:
    """The command line of a process; one empty text if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1] or [""]
    except (FileNotFoundError, ProcessLookupError):
        return [""]

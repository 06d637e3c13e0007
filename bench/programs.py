"""Child processes of a measurement: started, waited for, and always ended."""

import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_PORTS = range(20_000, 32_000)


class Missing(Exception):
    """A program or package that a measurement needs is not installed; says how to get it."""


@contextmanager
def running(
    argv: Sequence[str],
    ready: Callable[[], bool],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the length of the block, from the moment it is ready.

    Raises:
        RuntimeError: it ended or did not get ready in time; tells what it printed.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            argv, env={**os.environ, **(environment or {})}, stdout=output, stderr=output
        )
    try:
        _wait(process, ready, log)
        yield process
    finally:
        _end(process)


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text()}")
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def listens(port: int) -> bool:
    """Whether somebody takes connections on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count: int) -> int:
    """The first of so many free ports in a row, none that a client's end could be given."""
    for first in random.sample(_PORTS, 100):
        if all(map(_is_free, range(first, first + count))):
            return first
    raise RuntimeError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


def find_program(name: str, package: str) -> str:
    """The path of a program.

    Raises:
        Missing: it is not installed.
    """
    path = shutil.which(name)
    if path is None:
        raise Missing(f"{name} is not installed: apt-get install {package}")
    return path

"""Kills the workers of a running `sessions up`, which starts them anew: `restart.py PID`."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path


def workers(parent: int) -> list[int]:
    """The process ids of the workers that this `sessions up` started."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in children if b"sessions.worker" in _arguments(pid)]


def _arguments(pid: str) -> list[bytes]:
    with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return []


if __name__ == "__main__":
    for worker in workers(int(sys.argv[1])):
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)

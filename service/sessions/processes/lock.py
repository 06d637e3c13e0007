"""Who works on a data directory: locks that the kernel lets go of when their holder dies."""

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from sessions.processes.files import make_data_dir


@dataclass(frozen=True)
class Holder:
    """The process that holds the lock of a data directory."""

    pid: int
    is_up: bool

    def __str__(self) -> str:
        return f"{'`sessions up`' if self.is_up else 'another command'} (process {self.pid})"


class DataDirLock:
    """The lock of a data directory: its holder alone starts PostgreSQL there."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def try_acquire(cls, data_dir: Path, *, is_up: bool) -> Self | None:
        """Take the lock, or return None if somebody holds it.

        Raises:
            StartError: the directory can't be made or written.
        """
        descriptor = try_lock(_path(make_data_dir(data_dir)))
        if descriptor is None:
            return None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(Holder(os.getpid(), is_up))).encode(), 0)
        return cls(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def holder_of(data_dir: Path) -> Holder | None:
    """Who holds the lock; None while somebody is taking it."""
    with suppress(FileNotFoundError, ValueError):
        holder = Holder(**json.loads(_path(data_dir).read_text()))
        return holder if is_alive(holder.pid) else None
    return None


def is_alive(pid: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def try_lock(path: Path) -> int | None:
    """Lock the file, made if need be; returns its descriptor, or None if it is locked already.

    Whoever inherits the descriptor shares the lock: it is free when the last of them is gone.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return descriptor


def _path(data_dir: Path) -> Path:
    return data_dir / "lock"

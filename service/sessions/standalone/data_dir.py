"""The data directory: its private files, its lock, and the `up` that runs on it."""

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from sessions.standalone.console import StartError


def make_data_dir(path: Path) -> Path:
    """Make the data directory, private, if there is none; returns its absolute path.

    Raises:
        StartError: it can't be made or written.
    """
    path = path.absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(path, error.strerror) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise _unusable(path, "Permission denied")
    return path


def _unusable(path: Path, reason: str | None) -> StartError:
    return StartError(f"can't use {path} ({reason}): set SESSIONS_DATA_DIR to a folder of yours")


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else can read; a crash leaves the old one or the new one."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    # O_EXCL: never through a link that somebody else has put here.
    file_descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file_descriptor, "w") as file:
        file.write(text)
        file.flush()
        # Otherwise a power cut right after the rename could leave an empty file.
        os.fsync(file.fileno())
    unfinished.rename(path)


def read_if_there(path: Path) -> str:
    """The text of a file, or nothing if there is none."""
    return path.read_text() if path.exists() else ""


@dataclass(frozen=True)
class LockHolder:
    """The process that holds the lock of a data directory."""

    pid: int
    is_up: bool

    def __str__(self) -> str:
        return f"{'`sessions up`' if self.is_up else 'another command'} (process {self.pid})"


class DataDirLock:
    """The lock of a data directory: its holder alone starts PostgreSQL there.

    It is a lock of the kernel (flock), which releases it when the holder dies, however that
    happens.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def try_acquire(cls, data_dir: Path, *, is_up: bool) -> Self | None:
        """Take the lock, or return None if somebody holds it.

        Raises:
            StartError: the directory can't be made or written.
        """
        descriptor = try_lock(_lock_file(make_data_dir(data_dir)))
        if descriptor is None:
            return None
        # For messages only: the lock itself is held by the kernel.
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(LockHolder(os.getpid(), is_up))).encode(), 0)
        return cls(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def lock_holder(data_dir: Path) -> LockHolder | None:
    """Who holds the lock; None while somebody is taking it."""
    with suppress(FileNotFoundError, ValueError):
        holder = LockHolder(**json.loads(_lock_file(data_dir).read_text()))
        return holder if _is_alive(holder.pid) else None
    return None


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


def _lock_file(data_dir: Path) -> Path:
    return data_dir / "lock"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # The process exists and belongs to another user.
    except PermissionError:
        return True
    return True


@dataclass(frozen=True)
class RunningUp:
    """A running `up` and how to reach it, as `up.json` says it to one-shot commands."""

    pid: int
    database_url: str = field(repr=False)
    address: str


def write_running_up(data_dir: Path, running: RunningUp) -> None:
    """Say that `up` runs."""
    write_private(_up_file(data_dir), json.dumps(asdict(running)))


def remove_running_up(data_dir: Path) -> None:
    """Say that it does not, or clear away what a crash left; only under the directory's lock."""
    _up_file(data_dir).unlink(missing_ok=True)


def read_running_up(data_dir: Path) -> RunningUp | None:
    """The `up` that runs on this directory, if any; means something only while it is locked."""
    with suppress(FileNotFoundError):
        running = RunningUp(**json.loads(_up_file(data_dir).read_text()))
        return running if _is_alive(running.pid) else None
    return None


def _up_file(data_dir: Path) -> Path:
    return data_dir / "up.json"

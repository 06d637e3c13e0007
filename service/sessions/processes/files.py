"""The data directory and the small private files in it."""

import os
from pathlib import Path

from sessions.processes.errors import StartError


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
    file_descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file_descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)


def read_if_there(path: Path) -> str:
    """The text of a file, or nothing if there is none."""
    return path.read_text() if path.exists() else ""

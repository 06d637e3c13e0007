"""The data directory has one owner at a time, and its files are private."""

import json
import os
from pathlib import Path

from sessions.standalone.data_dir import (
    DataDirLock,
    RunningUp,
    lock_holder,
    read_running_up,
    remove_running_up,
    write_running_up,
)

from tests.support.processes import eventually, process_with_lock


async def test_the_lock_is_free_when_its_holder_was_killed(private_dir: Path) -> None:
    async with process_with_lock(private_dir, is_up=False) as pid:
        assert str(lock_holder(private_dir)) == f"another command (process {pid})"
        assert DataDirLock.try_acquire(private_dir, is_up=False) is None

    def free() -> bool:
        lock = DataDirLock.try_acquire(private_dir, is_up=False)
        if lock:
            lock.__exit__()
        return lock is not None

    await eventually(free)


def test_what_up_says_of_itself_is_private(private_dir: Path) -> None:
    private_dir.mkdir()
    running = RunningUp(os.getpid(), "postgresql://me:secret@/db", "http://127.0.0.1:1")
    write_running_up(private_dir, running)
    assert read_running_up(private_dir) == running
    path = private_dir / "up.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["pid"] == os.getpid()
    remove_running_up(private_dir)
    remove_running_up(private_dir)
    assert read_running_up(private_dir) is None

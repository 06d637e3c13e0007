"""One-shot commands find a database, one at a time or together."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sessions.processes.database import database
from sessions.processes.errors import StartError
from sessions.processes.lock import DataDirLock, holder_of
from sessions.processes.state import State, read_state, remove_state, write_state
from sessions.processes.up import up
from sessions.settings import Settings

from tests.processes.conftest import PATIENCE, ask, eventually, line_of, program


def _settings(data_dir: Path, database_url: str = "") -> Settings:
    settings = Settings(data_dir=data_dir, port=0, workers=1)
    return settings.model_copy(update={"database_url": database_url})


@asynccontextmanager
async def _other_process_with_lock(data_dir: Path, *, is_up: bool) -> AsyncIterator[int]:
    source = """
import sys, time
from pathlib import Path
from sessions.processes.lock import DataDirLock
lock = DataDirLock.try_acquire(Path(sys.argv[1]), is_up=sys.argv[2] == "True")
print(lock is not None, flush=True)
time.sleep(60)
"""
    async with program(source, data_dir, is_up) as process:
        assert await line_of(process) == "True"
        yield process.pid


async def test_a_configured_database_is_used_as_it_is(private_dir: Path) -> None:
    async with database(_settings(private_dir, "postgresql://me@there/db")) as url:
        assert url == "postgresql://me@there/db"
    assert holder_of(private_dir) is None


async def test_it_is_started_migrated_and_stopped(private_dir: Path) -> None:
    async with database(_settings(private_dir)) as url:
        assert await ask(url, "SELECT count(*) FROM websites") == 0
    assert not (private_dir / "postgres" / "postmaster.pid").exists()


async def test_two_commands_take_turns(
    private_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finished = asyncio.Event()
    waiting = f"waiting for another command (process {os.getpid()})"

    async def second() -> int:
        async with database(_settings(private_dir)) as url:
            assert finished.is_set()
            return int(await ask(url, "SELECT count(*) FROM done"))

    async with database(_settings(private_dir)) as url:
        task = asyncio.create_task(second())
        await ask(url, "CREATE TABLE done (at timestamptz)")
        await eventually(lambda: waiting in capsys.readouterr().err)
        finished.set()
    assert await asyncio.wait_for(task, PATIENCE) == 0


async def test_a_running_up_is_used(private_dir: Path) -> None:
    async with _other_process_with_lock(private_dir, is_up=True) as pid:
        waiting = asyncio.create_task(_url_of(private_dir))
        await asyncio.sleep(0.2)
        assert not waiting.done(), "it is still starting"
        write_state(private_dir, State(pid, "postgresql://running", "http://127.0.0.1:1"))
        assert await asyncio.wait_for(waiting, PATIENCE) == "postgresql://running"
        with pytest.raises(StartError, match=rf"process {pid}\).*at http://127.0.0.1:1"):
            await up(_settings(private_dir), demo=False)


async def _url_of(data_dir: Path) -> str:
    async with database(_settings(data_dir)) as url:
        return url


async def test_a_second_up_says_that_the_first_is_starting(private_dir: Path) -> None:
    async with _other_process_with_lock(private_dir, is_up=True):
        with pytest.raises(StartError, match=r"`sessions up` .* and is starting"):
            await up(_settings(private_dir), demo=False)


async def test_what_a_killed_up_left_behind_means_nothing(private_dir: Path) -> None:
    async with _other_process_with_lock(private_dir, is_up=True) as pid:
        write_state(private_dir, State(pid, "postgresql://gone", "http://127.0.0.1:1"))
    assert (await _url_of(private_dir)).startswith("postgresql://sessions:")
    assert not (private_dir / "up.json").exists()


async def test_the_lock_is_free_when_its_holder_was_killed(private_dir: Path) -> None:
    async with _other_process_with_lock(private_dir, is_up=False) as pid:
        assert str(holder_of(private_dir)) == f"another command (process {pid})"
        assert DataDirLock.try_acquire(private_dir, is_up=False) is None

    def free() -> bool:
        lock = DataDirLock.try_acquire(private_dir, is_up=False)
        if lock:
            lock.__exit__()
        return lock is not None

    await eventually(free)


def test_the_state_is_private(private_dir: Path) -> None:
    private_dir.mkdir()
    state = State(os.getpid(), "postgresql://me:secret@/db", "http://127.0.0.1:1")
    write_state(private_dir, state)
    assert read_state(private_dir) == state
    path = private_dir / "up.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["pid"] == os.getpid()
    remove_state(private_dir)
    remove_state(private_dir)
    assert read_state(private_dir) is None


async def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match=r"\(Not a directory\): set SESSIONS_DATA_DIR"):
        await _url_of(tmp_path / "file" / "data")

"""One-shot commands find a database, one at a time or together."""

import asyncio
import os
from pathlib import Path

import pytest
from sessions.settings import Settings
from sessions.standalone.command_database import command_database
from sessions.standalone.console import StartError
from sessions.standalone.data_dir import (
    RunningUp,
    lock_holder,
    write_running_up,
)
from sessions.standalone.up import up

from tests.support.databases import ask
from tests.support.processes import PATIENCE, eventually, process_with_lock


def _settings(data_dir: Path, database_url: str = "") -> Settings:
    settings = Settings(data_dir=data_dir, port=0, workers=1)
    return settings.model_copy(update={"database_url": database_url})


async def test_a_configured_database_is_used_as_it_is(private_dir: Path) -> None:
    async with command_database(_settings(private_dir, "postgresql://me@there/db")) as url:
        assert url == "postgresql://me@there/db"
    assert lock_holder(private_dir) is None


async def test_it_is_started_migrated_and_stopped(private_dir: Path) -> None:
    async with command_database(_settings(private_dir)) as url:
        assert await ask(url, "SELECT count(*) FROM websites") == 0
    assert not (private_dir / "postgres" / "postmaster.pid").exists()


async def test_two_commands_take_turns(
    private_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finished = asyncio.Event()
    waiting = f"waiting for another command (process {os.getpid()})"

    async def second() -> int:
        async with command_database(_settings(private_dir)) as url:
            assert finished.is_set()
            return int(await ask(url, "SELECT count(*) FROM done"))

    async with command_database(_settings(private_dir)) as url:
        task = asyncio.create_task(second())
        await ask(url, "CREATE TABLE done (at timestamptz)")
        await eventually(lambda: waiting in capsys.readouterr().err)
        finished.set()
    assert await asyncio.wait_for(task, PATIENCE) == 0


async def test_a_running_up_is_used(private_dir: Path) -> None:
    async with process_with_lock(private_dir, is_up=True) as pid:
        waiting = asyncio.create_task(_url_of(private_dir))
        await asyncio.sleep(0.2)
        assert not waiting.done(), "it is still starting"
        write_running_up(private_dir, RunningUp(pid, "postgresql://running", "http://127.0.0.1:1"))
        assert await asyncio.wait_for(waiting, PATIENCE) == "postgresql://running"
        with pytest.raises(StartError, match=rf"process {pid}\).*at http://127.0.0.1:1"):
            await up(_settings(private_dir), demo=False)


async def _url_of(data_dir: Path) -> str:
    async with command_database(_settings(data_dir)) as url:
        return url


async def test_a_second_up_says_that_the_first_is_starting(private_dir: Path) -> None:
    async with process_with_lock(private_dir, is_up=True):
        with pytest.raises(StartError, match=r"`sessions up` .* and is starting"):
            await up(_settings(private_dir), demo=False)


async def test_what_a_killed_up_left_behind_means_nothing(private_dir: Path) -> None:
    async with process_with_lock(private_dir, is_up=True) as pid:
        write_running_up(private_dir, RunningUp(pid, "postgresql://gone", "http://127.0.0.1:1"))
    assert (await _url_of(private_dir)).startswith("postgresql://sessions:")
    assert not (private_dir / "up.json").exists()


async def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match=r"\(Not a directory\): set SESSIONS_DATA_DIR"):
        await _url_of(tmp_path / "file" / "data")

"""The embedded PostgreSQL starts again after anything, as root and otherwise."""

import os
import shutil
import stat
from pathlib import Path

import psycopg
import pytest
from sessions.standalone.cluster import open_cluster
from sessions.standalone.console import StartError
from sessions.standalone.postgres import running_postgres, server_settings, usable_memory

from tests.support.databases import ask
from tests.support.processes import (
    eventually,
    eventually_awaited,
    is_running,
    kill,
    line_of,
    program,
)

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about root")


def _postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _owner(path: Path) -> int:
    return path.stat().st_uid


async def _start_and_count(data_dir: Path) -> int:
    """Start, add a row to a table and count its rows."""
    async with running_postgres(data_dir, durable=False) as url:
        await ask(url, "CREATE TABLE IF NOT EXISTS starts (at timestamptz DEFAULT now())")
        await ask(url, "INSERT INTO starts DEFAULT VALUES")
        return int(await ask(url, "SELECT count(*) FROM starts"))


async def test_what_is_stored_is_there_after_a_restart(private_dir: Path) -> None:
    assert await _start_and_count(private_dir) == 1
    assert await _start_and_count(private_dir) == 2


async def test_it_is_safe_and_private_by_default(private_dir: Path) -> None:
    async with running_postgres(private_dir) as url:
        for name, value in {
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "data_checksums": "on",
            "listen_addresses": "",
            "server_encoding": "UTF8",
            "jit": "off",
            "is_superuser": "off",
        }.items():
            assert await ask(url, f"SHOW {name}") == value, name
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            await ask(url.replace("sessions:", "sessions:x"), "SELECT 1")
    assert _mode(private_dir / "postgres-password") == 0o600


async def test_a_killed_server_is_started_again(private_dir: Path) -> None:
    async with running_postgres(private_dir, durable=False) as url:
        before = _postmaster(private_dir)
        kill(before)

        async def answers() -> bool:
            return bool(await ask(url, "SELECT true")) and _postmaster(private_dir) != before

        await eventually_awaited(answers)


_HOLDER = """
import asyncio, sys
from pathlib import Path
from sessions.standalone.postgres import running_postgres
async def main():
    async with running_postgres(Path(sys.argv[1]), durable=False) as url:
        print(url, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_the_server_dies_with_its_killed_parent(private_dir: Path) -> None:
    async with program(_HOLDER, private_dir) as holder:
        await line_of(holder)
        postmaster = _postmaster(private_dir)
        holder.kill()
        await eventually(lambda: not is_running(postmaster))
    assert await _start_and_count(private_dir) == 1


async def test_the_next_start_waits_for_a_server_that_is_still_ending(private_dir: Path) -> None:
    async with program(_HOLDER, private_dir) as holder:
        await line_of(holder)
        holder.kill()
        assert await _start_and_count(private_dir) == 1


async def test_everything_killed_at_once(private_dir: Path) -> None:
    async with program(_HOLDER, private_dir) as holder:
        await line_of(holder)
        postmaster = _postmaster(private_dir)
        holder.kill()
        kill(postmaster)
    assert await _start_and_count(private_dir) == 1


async def test_process_ids_of_the_dead_that_live_again_are_no_obstacle(private_dir: Path) -> None:
    await _start_and_count(private_dir)
    pid_file = f"{os.getpid()}\n{private_dir / 'postgres'}\n0\n5432\n"
    (private_dir / "postgres" / "postmaster.pid").write_text(pid_file)
    (private_dir / "socket" / ".s.PGSQL.5432.lock").write_text(pid_file)
    assert await _start_and_count(private_dir) == 2


_INITIALISER = """
import asyncio, sys
from pathlib import Path
from sessions.standalone.cluster import open_cluster
asyncio.run(open_cluster(Path(sys.argv[1])))
"""


async def test_a_half_made_cluster_is_made_anew(private_dir: Path) -> None:
    async with program(_INITIALISER, private_dir) as initialiser:
        await eventually((private_dir / "postgres.new" / "base").exists)
        initialiser.kill()
    assert not (private_dir / "postgres").exists()
    assert await _start_and_count(private_dir) == 1
    assert not (private_dir / "postgres.new").exists()


async def test_a_long_path_gets_its_socket_elsewhere(private_dir: Path) -> None:
    data_dir = private_dir / ("long" * 20) / ("longer" * 20)
    socket_dir = (await open_cluster(data_dir, durable=False)).socket_dir
    try:
        assert data_dir not in socket_dir.parents
        assert _mode(socket_dir) == 0o700
        assert await _start_and_count(data_dir) == 1
        socket_dir.chmod(0o755)
        with pytest.raises(StartError, match="should be a private folder"):
            await open_cluster(data_dir)
    finally:
        shutil.rmtree(socket_dir)


async def test_something_else_in_its_place_is_kept(private_dir: Path) -> None:
    (private_dir / "postgres").mkdir(parents=True)
    (private_dir / "postgres" / "thesis.txt").write_text("years of work")
    with pytest.raises(StartError, match="is in the way"):
        await open_cluster(private_dir, durable=False)
    assert (private_dir / "postgres" / "thesis.txt").read_text() == "years of work"


async def test_a_lost_password_is_said(private_dir: Path) -> None:
    await open_cluster(private_dir, durable=False)
    (private_dir / "postgres-password").unlink()
    with pytest.raises(StartError, match="postgres-password is missing"):
        await open_cluster(private_dir)


async def test_a_server_that_refuses_says_why(private_dir: Path) -> None:
    await open_cluster(private_dir, durable=False)
    (private_dir / "postgres" / "global" / "pg_control").unlink()
    with pytest.raises(StartError, match=r"postgres ended (.*\n)*.*could not find the database"):
        await _start_and_count(private_dir)


@only_root
async def test_root_uses_a_system_user_where_it_can(open_dir: Path) -> None:
    parent_mode = _mode(open_dir.parent)
    assert await _start_and_count(open_dir) == 1
    assert _owner(open_dir / "postgres") != 0
    assert _owner(open_dir) == 0
    assert _mode(open_dir) == 0o711
    assert _mode(open_dir.parent) == parent_mode


@only_root
async def test_root_hides_in_a_namespace_where_others_cannot_reach(private_dir: Path) -> None:
    assert await _start_and_count(private_dir) == 1
    assert _owner(private_dir / "postgres") == 0
    assert _mode(private_dir) == 0o700


@only_root
async def test_a_cluster_keeps_its_owner(private_dir: Path) -> None:
    await _start_and_count(private_dir)
    private_dir.parent.chmod(0o755)
    assert await _start_and_count(private_dir) == 2
    assert _owner(private_dir / "postgres") == 0


@only_root
async def test_a_cluster_whose_owner_cannot_reach_it_any_more(open_dir: Path) -> None:
    await open_cluster(open_dir, durable=False)
    open_dir.parent.chmod(0o700)
    with pytest.raises(StartError, match=f"can't run as root.* {open_dir} .*DATABASE_URL"):
        await open_cluster(open_dir)


_GB = 2**30


@pytest.mark.parametrize(
    ("memory", "shared_buffers", "work_mem"),
    [(_GB // 2, "128MB", "4MB"), (8 * _GB, "2048MB", "20MB"), (512 * _GB, "8192MB", "64MB")],
)
def test_sizes_follow_the_memory_within_bounds(
    memory: int, shared_buffers: str, work_mem: str
) -> None:
    settings = server_settings(memory, connections=100)
    assert settings["shared_buffers"] == shared_buffers
    assert settings["work_mem"] == work_mem


def test_only_tests_forget() -> None:
    assert "fsync" not in server_settings(_GB, 100)
    assert server_settings(_GB, 100, durable=False)["fsync"] == "off"


def test_this_machine_has_memory() -> None:
    assert usable_memory() > 2**26

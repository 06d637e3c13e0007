"""`sessions up` as its user meets it: one process that brings all others."""

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

from sessions.settings import Settings
from sessions.standalone.command_database import command_database
from sessions.standalone.data_dir import lock_holder
from sessions.standalone.envoy import http_get
from sessions.worker.health import is_serving

from tests.support.databases import ask
from tests.support.processes import (
    PATIENCE,
    SESSIONS,
    eventually,
    eventually_awaited,
    free_range,
    is_running,
    kill,
    line_of,
)

_STARTED_AGAIN_WITHIN = 40.0
"""Seconds on a busy machine, where 2 are usual; whoever waits for what a dead process left
behind waits for longer."""
_PATH = "/api/websites/site_0000000000/sessions"


def _environment(data_dir: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SESSIONS_")}
    kept.pop("DATABASE_URL", None)
    ours = {"DATA_DIR": str(data_dir), "PORT": str(port), "WORKERS": "2"}
    return kept | {f"SESSIONS_{name}": value for name, value in ours.items()}


def _up(data_dir: Path, port: int = 0) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
    return _sessions("up", _environment(data_dir, port))


@asynccontextmanager
async def _sessions(
    command: str, environment: dict[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(*SESSIONS, command),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def _address(up: asyncio.subprocess.Process) -> str:
    """Wait for the message on stdout; the address in it."""
    while True:
        if found := re.search(r"up at http://(\S+)", await line_of(up)):
            return found[1]


def _children(pid: int) -> dict[int, str]:
    """The command lines of the direct children of a process."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        # It may end meanwhile.
        with suppress(FileNotFoundError, ProcessLookupError):
            found[int(child)] = Path(f"/proc/{child}/cmdline").read_text()
    return found


async def _answers(address: str) -> bool:
    status, body = await http_get(address, _PATH)
    return status == 401 and json.loads(body)["code"] == 16


async def test_up_from_start_to_stop(private_dir: Path) -> None:
    async with _up(private_dir) as up:
        address = await _address(up)
        assert await _answers(address)
        state = json.loads((private_dir / "up.json").read_text())
        assert (state["pid"], state["address"]) == (up.pid, f"http://{address}")

        settings = Settings(data_dir=private_dir).model_copy(update={"database_url": ""})
        async with command_database(settings) as url:
            assert url == state["database_url"]
            assert await ask(url, "SELECT count(*) FROM websites") == 0

        children = _children(up.pid)
        assert len(children) == 4
        up.send_signal(signal.SIGINT)
        _, said = await asyncio.wait_for(up.communicate(), PATIENCE)
    assert up.returncode == 0
    steps = re.findall(r"^sessions: stopping (\w+)$", said.decode(), re.MULTILINE)
    assert steps == ["Envoy", "workers", "PostgreSQL"]
    assert not any(is_running(pid) for pid in children)
    assert not (private_dir / "up.json").exists()


async def test_a_second_up_and_a_port_in_use_are_said(private_dir: Path) -> None:
    async with _up(private_dir) as up:
        address = await _address(up)
        async with _up(private_dir) as second:
            out, said = await asyncio.wait_for(second.communicate(), PATIENCE)
        assert (second.returncode, out) == (1, b"")
        assert f"(process {up.pid}) already runs on {private_dir}, at http://{address}" in str(said)

        port = int(address.rpartition(":")[2])
        async with _up(private_dir.parent / "other", port) as other:
            out, said = await asyncio.wait_for(other.communicate(), PATIENCE)
        assert (other.returncode, out) == (1, b"")
        assert re.fullmatch(
            rf"sessions: can't listen on \S+:{port} .*SESSIONS_PORT.*\n", said.decode()
        )


async def test_killed_children_are_replaced(private_dir: Path) -> None:
    async with _up(private_dir) as up:
        address = await _address(up)
        children = _children(up.pid)
        for pid in children:
            kill(pid)
        await eventually(lambda: not any(is_running(pid) for pid in children))
        await eventually(lambda: len(_children(up.pid)) == len(children))
        await eventually_awaited(lambda: _answers(address))


async def test_workers_alone(database_url: str, private_dir: Path) -> None:
    first = free_range(2)
    environment = _environment(private_dir, 0) | {
        "DATABASE_URL": database_url,
        "SESSIONS_WORKER_PORTS": f"{first}-{first + 1}",
    }
    async with _sessions("serve", environment) as serve:
        for port in (first, first + 1):
            assert await line_of(serve) == f"127.0.0.1:{port}"
            assert await is_serving(f"127.0.0.1:{port}")
        serve.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(serve.wait(), PATIENCE) == 0
    assert lock_holder(private_dir) is None


async def test_no_orphans_and_a_quick_start_after_a_kill(private_dir: Path) -> None:
    async with _up(private_dir) as up:
        await _address(up)
        children = _children(up.pid)
        up.kill()
        await eventually(lambda: not any(is_running(pid) for pid in children))
    assert (private_dir / "up.json").exists()
    began = time.monotonic()
    async with _up(private_dir) as up:
        assert await _answers(await _address(up))
        assert time.monotonic() - began < _STARTED_AGAIN_WITHIN

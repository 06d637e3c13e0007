"""Children are restarted, stopped in order, and never outlive their parent."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sessions.standalone.child import Child
from sessions.standalone.console import StartError
from sessions.standalone.supervisor import Supervisor, until_signal

from tests.support.processes import PATIENCE, eventually, is_running, kill, line_of, program

_CHILD = """
import os, signal, sys, time
name, folder, manners = sys.argv[1:]
def stop(*_):
    if manners == "polite":
        open(f"{folder}/stopped", "a").write(name + "\\n")
        os._exit(0)
signal.signal(signal.SIGTERM, stop)
print("hello from", name, flush=True)
open(f"{folder}/{name}.new", "w").write(str(os.getpid()))
os.rename(f"{folder}/{name}.new", f"{folder}/{name}.pid")
while True:
    time.sleep(60)
"""


def _child(folder: Path, name: str, manners: str = "polite", **changes: Any) -> Child:
    argv = [sys.executable, "-c", _CHILD, name, str(folder), manners]
    return Child(name=name, argv=argv, **{"ready": _exists(folder / f"{name}.pid"), **changes})


def _exists(path: Path) -> Callable[[], Awaitable[bool]]:
    async def exists() -> bool:
        return await asyncio.to_thread(path.exists)

    return exists


def _pid(folder: Path, name: str) -> int:
    path = folder / f"{name}.pid"
    return int(path.read_text()) if path.exists() else 0


async def test_steps_stop_in_reverse_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Supervisor() as supervisor:
        for name in ("first", "second", "third"):
            await supervisor.start(f"the {name}", _child(tmp_path, name))

    assert (tmp_path / "stopped").read_text().split() == ["third", "second", "first"]
    said = capsys.readouterr().err
    assert said.index("stopping the third") < said.index("stopping the first")
    assert "second    | hello from second\n" in said


async def test_a_killed_child_is_started_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Supervisor() as supervisor:
        await supervisor.start("it", _child(tmp_path, "it"))
        before = _pid(tmp_path, "it")
        kill(before)
        await eventually(lambda: _pid(tmp_path, "it") != before)
        after = _pid(tmp_path, "it")
        assert is_running(after)
    assert not is_running(after)
    assert "it was ended by SIGKILL, starting it again" in capsys.readouterr().err


async def test_a_child_that_never_starts_is_an_error_with_the_end_of_its_output() -> None:
    async def never() -> bool:
        return False

    source = "import sys; sys.exit('port is nonsense')"
    child = Child(name="it", argv=[sys.executable, "-c", source], ready=never)
    async with Supervisor() as supervisor:
        with pytest.raises(StartError, match=r"it ended with status 1: port is nonsense"):
            await supervisor.start("it", child)


async def test_a_program_that_is_not_there_is_an_error() -> None:
    async def never() -> bool:
        return False

    async with Supervisor() as supervisor:
        with pytest.raises(StartError, match="/nowhere/program: No such file"):
            await supervisor.start("it", Child(name="it", argv=["/nowhere/program"], ready=never))


async def test_a_child_that_is_never_ready_is_an_error(tmp_path: Path) -> None:
    child = _child(tmp_path, "it", ready=_exists(tmp_path / "nothing"), start_timeout=0.5)
    async with Supervisor() as supervisor:
        with pytest.raises(StartError, match="it is not ready after"):
            await supervisor.start("it", child)
        assert not is_running(_pid(tmp_path, "it"))


async def test_a_child_that_does_not_stop_is_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Supervisor() as supervisor:
        await supervisor.start("it", _child(tmp_path, "it", "stubborn", stop_timeout=0.2))
        pid = _pid(tmp_path, "it")
    assert not is_running(pid)
    assert "it does not stop" in capsys.readouterr().err


async def test_a_before_stop_that_fails_does_not_keep_it_alive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def goodbye() -> None:
        raise ValueError("no words")

    async with Supervisor() as supervisor:
        await supervisor.start("one", _child(tmp_path, "one"))
        await supervisor.start("two", _child(tmp_path, "two", before_stop=goodbye))
    assert (tmp_path / "stopped").read_text().split() == ["two", "one"]
    assert "two is stopped at once: ValueError('no words')" in capsys.readouterr().err


async def test_a_signal_leaves_the_block_and_stops_the_children(tmp_path: Path) -> None:
    with until_signal():
        async with Supervisor() as supervisor:
            await supervisor.start("it", _child(tmp_path, "it"))
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(supervisor.watch(), PATIENCE)
    assert (tmp_path / "stopped").read_text().split() == ["it"]


async def test_a_step_gets_a_signal(tmp_path: Path) -> None:
    async with Supervisor() as supervisor:
        for name in ("one", "two"):
            await supervisor.start(name, _child(tmp_path, name))
        pids = {name: _pid(tmp_path, name) for name in ("one", "two")}
        supervisor.send_signal("one", signal.SIGKILL)
        await eventually(lambda: _pid(tmp_path, "one") != pids["one"])
        assert _pid(tmp_path, "two") == pids["two"]


async def test_a_cancellation_from_elsewhere_passes() -> None:
    async def body() -> None:
        with until_signal():
            await asyncio.sleep(PATIENCE)

    task = asyncio.create_task(body())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


_PARENT = """
import asyncio, sys
from pathlib import Path
from sessions.standalone.supervisor import Supervisor
from tests.standalone.test_supervisor import _child
async def main():
    async with Supervisor() as supervisor:
        await supervisor.start("it", _child(Path(sys.argv[1]), "it", "stubborn"))
        print("ready", flush=True)
        await supervisor.watch()
asyncio.run(main())
"""


async def test_children_die_with_a_killed_parent(tmp_path: Path) -> None:
    async with program(_PARENT, tmp_path) as parent:
        assert await line_of(parent) == "ready"
        pid = _pid(tmp_path, "it")
        assert is_running(pid)
        parent.kill()
        await eventually(lambda: not is_running(pid))

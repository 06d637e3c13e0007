"""One child process: what to run, the running of it, and its output."""

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sessions.standalone import launch

_TAIL_LINES = 20


@asynccontextmanager
async def _no_descriptors() -> AsyncIterator[Sequence[int]]:
    yield ()


async def _immediately() -> bool:
    return True


async def _noop() -> None:
    return


@dataclass(frozen=True, kw_only=True)
class Child:
    """A program that is kept running.

    Attributes:
        name: short name for messages and in front of each line of its output.
        argv: the program (absolute path) and its arguments.
        env: its whole environment; None hands on that of this process.
        run_as: `same`, `user:UID:GID` or `namespace`; see `sessions.standalone.launch`.
        quiet: keep the output to ourselves, unless the start fails.
        prepare: entered before every start; yields file descriptors to hand on to the child.
        ready: asked again and again after every start, until it says yes.
        waits_for: what follows its name in the message where its start takes long.
        start_timeout: seconds until it has to be ready; None waits as long as it lives.
        before_stop: awaited before `stop_signal` is sent, as part of `stop_timeout`.
        stop_signal: asks it to end.
        stop_timeout: seconds that it gets to end.
        kill_signal: ends it after that.
        death_signal: what the kernel sends it when this process dies, however that happens.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    run_as: str = "same"
    quiet: bool = False
    prepare: Callable[[], AbstractAsyncContextManager[Sequence[int]]] = _no_descriptors
    ready: Callable[[], Awaitable[bool]] = _immediately
    waits_for: str = "to be ready"
    start_timeout: float | None = 60.0
    before_stop: Callable[[], Awaitable[None]] = _noop
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout: float = 10.0
    kill_signal: signal.Signals = signal.SIGKILL
    death_signal: signal.Signals = signal.SIGKILL


class Output:
    """Hands the lines of a child on to stderr, each behind its name, and keeps the last few."""

    def __init__(self, name: str, quiet: bool = False) -> None:
        self._name = name
        self._quiet = quiet
        self._lines: deque[str] = deque(maxlen=_TAIL_LINES)

    @property
    def output_tail(self) -> str:
        """For the message about a failed start: the last lines, or one if all were shown."""
        return "\n".join(self._lines) if self._quiet else "".join([*self._lines][-1:])

    async def follow(self, pipe: int) -> None:
        """Read `pipe` until nobody writes to it any more."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", buffering=0)
        )
        try:
            rest = b""
            # Not by readline(), which refuses long lines.
            while chunk := await reader.read(65536):
                *lines, rest = (rest + chunk).split(b"\n")
                self._forward(lines)
            self._forward([rest] if rest else [])
        finally:
            transport.close()

    def _forward(self, lines: list[bytes]) -> None:
        texts = [line.decode(errors="replace") for line in lines]
        self._lines.extend(texts)
        if texts and not self._quiet:
            # Whatever became of our stderr: a child must never block on a full pipe.
            with suppress(OSError, ValueError):
                named = (f"{self._name:<10}| {text}\n" for text in texts)
                print("".join(named), end="", file=sys.stderr, flush=True)


async def spawn(
    child: Child,
    output: Output,
    *,
    pass_fds: Sequence[int] = (),
    stdin: int = asyncio.subprocess.DEVNULL,
) -> tuple[asyncio.subprocess.Process, asyncio.Task[None]]:
    """Start the child once; returns the process and the task that follows its output.

    To be called in the main thread: the kernel ties a child to the thread that started it.
    """
    reading, writing = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            # Isolated and without site-packages: the launcher starts in milliseconds.
            *(sys.executable, "-I", "-S", str(Path(launch.__file__))),
            *(str(os.getpid()), str(int(child.death_signal)), child.run_as),
            *child.argv,
            env=child.env,
            stdin=stdin,
            stdout=writing,
            stderr=writing,
            pass_fds=pass_fds,
            # Ctrl-C in a terminal is ours alone: children are stopped in order.
            start_new_session=True,
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        # The child has its own copy. With ours open, the reader would never see the end.
        os.close(writing)
    following = asyncio.create_task(output.follow(reading), name=f"output of {child.name}")
    return process, following


async def run(child: Child, *, pass_fds: Sequence[int] = (), stdin: bytes = b"") -> tuple[int, str]:
    """Run the child to its end; returns its exit status and the end of its output."""
    output = Output(child.name, quiet=True)
    process, following = await spawn(
        child, output, pass_fds=pass_fds, stdin=asyncio.subprocess.PIPE
    )
    try:
        await process.communicate(stdin)
        await following
    finally:
        if process.returncode is None:
            # This was cancelled: leave no process behind.
            process.kill()
            await process.wait()
        following.cancel()
    return process.returncode or 0, output.output_tail

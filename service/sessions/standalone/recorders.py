"""Processes that record for an import: each stores the events of its share of the visitors.

What runs in them is `ingest/recorder.py`.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from sessions.domain.events import Event
from sessions.ingest import recorder
from sessions.ingest.importer import InThisProcess, Recorded, divided
from sessions.ingest.recorder import Answer, Setup, read_frame, write_frame
from sessions.standalone.child import Child, Output, spawn
from sessions.standalone.supervisor import describe_exit

MOST_BY_DEFAULT = 4
"""More would wait for the process that reads and checks events."""
# An idle process ends at once when it is told to.
_END_SECONDS = 5.0


def default_processes() -> int:
    """How many record unless somebody says: one for each core that this process may use."""
    return min(len(os.sched_getaffinity(0)), MOST_BY_DEFAULT)


class Recorders:
    """Records in processes of their own, which are started when a first full batch comes.

    Each has its share of the visitors, so that they never wait for each other. What is smaller
    than a batch is recorded in this process. Use as `async with`.

    Args:
        count: how many processes.
        setup: what they have to know.
        in_this_process: records what is smaller.
    """

    at_a_time = 2  # so that none has to wait for the slowest of a batch

    def __init__(self, count: int, setup: Setup, in_this_process: InThisProcess) -> None:
        self.parts = count
        self._setup = setup
        self._in_this_process = in_this_process
        self._turn = asyncio.Lock()
        self._started: list[_Recorder] = []

    async def __aenter__(self) -> "Recorders":
        return self

    async def __aexit__(self, failure: type[BaseException] | None, *_: object) -> None:
        # After a failure, what they do is broken off.
        await _end(self._started, at_once=failure is not None)

    async def __call__(
        self, events: list[Event], *, is_full: bool
    ) -> Sequence[Recorded | BaseException]:
        """Record a batch; a part of it fails where its process has ended.

        Raises:
            OSError: a process can't be started.
        """
        async with self._turn:  # the next batch comes while processes are started for this one
            if is_full and not self._started:
                await self._start()
            if not self._started:
                return await self._in_this_process(events)
            parts = list(map(msgspec.msgpack.encode, divided(events, self.parts)))
            del events  # which take three times the memory
            recording = [each.record(part) for each, part in zip(self._started, parts, strict=True)]
            outcomes = asyncio.gather(*recording, return_exceptions=True)
        return await outcomes

    async def _start(self) -> None:
        """Start all processes, or none."""
        setup = msgspec.msgpack.encode(self._setup)
        started: list[_Recorder] = []
        try:
            for number in range(self.parts):
                started.append(await _Recorder.start(f"recorder {number + 1}", setup))
        except BaseException:
            await _end(started, at_once=True)
            raise
        self._started = started


async def _end(recorders: Sequence["_Recorder"], *, at_once: bool) -> None:
    if at_once:
        for each in recorders:
            each.kill()
    await asyncio.gather(*(each.end() for each in recorders))


class _Recorder:
    """One process, and the socket between it and this one."""

    def __init__(
        self,
        name: str,
        process: asyncio.subprocess.Process,
        output: asyncio.Task[None],
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._name = name
        self._process = process
        self._output = output
        self._reader, self._writer = streams
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls, name: str, setup: bytes) -> "_Recorder":
        """Start a process; `setup` is the first message to it.

        Raises:
            OSError: it can't be started.
        """
        here, there = socket.socketpair()
        streams = await asyncio.open_connection(sock=here)
        with there:
            argv = [sys.executable, "-P", "-m", recorder.__name__, str(there.fileno())]
            child = Child(name=name, argv=argv)
            process, output = await spawn(child, Output(name), pass_fds=[there.fileno()])
        write_frame(streams[1], setup)
        return cls(name, process, output, streams)

    def kill(self) -> None:
        """End the process at once."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def end(self) -> None:
        """Wait for the process to end, which it does because nothing more comes."""
        self._writer.close()
        try:
            await asyncio.wait_for(self._process.wait(), _END_SECONDS)
        except TimeoutError:
            self.kill()
        await self._process.wait()
        await self._output

    async def record(self, part: bytes) -> Answer:
        """Record the events of a part, after those that it was given before.

        Raises:
            DomainError: none of it was recorded.
            ChildProcessError: the process has ended; whether it was recorded is not known.
        """
        write_frame(self._writer, part)
        async with self._turn:  # in the order of the calls
            try:
                frame = await read_frame(self._reader)
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                raise ChildProcessError(await self._ending()) from error
        answer = msgspec.msgpack.decode(frame, type=Answer)
        if refused := answer.error():
            raise refused
        return answer

    async def _ending(self) -> str:
        status = await self._process.wait()
        text = f"{self._name} {describe_exit(status)}; importing again adds what is missing"
        if status == -signal.SIGKILL:
            text += ". The system sends it where memory runs out: fewer --processes take less"
        return text

"""Keeps one child running: starts it, waits until it is ready, starts it again when it ends."""

import asyncio
import signal
import time
from contextlib import suppress

from sessions.processes.child import Child, Output, spawn
from sessions.processes.errors import StartError
from sessions.processes.waiting import POLL_SECONDS, Patience, report

_START_ATTEMPTS = 3
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 5.0
_STABLE_SECONDS = 10.0
"""A child that ran this long gets its next start at once again."""
_LAST_WORDS_SECONDS = 1.0


class Keeper:
    """The life of one child, over all its restarts."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self._was_ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._output = Output(child.name, child.quiet)

    async def start(self) -> None:
        """Start the child and wait until it is ready.

        Raises:
            StartError: it ended again and again before it was ready, or was never ready.
        """
        self._task = asyncio.create_task(self._keep(), name=f"keeper of {self.child.name}")
        ready = asyncio.create_task(self._was_ready.wait())
        try:
            await asyncio.wait({self._task, ready}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if self._task.done():
            await self._task

    def tell(self, number: signal.Signals) -> None:
        """Send the child a signal, if it runs."""
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def failed(self) -> None:
        """Return never, unless keeping the child turns out to be impossible: then raise why."""
        if self._task:
            await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Stop the child for good; does nothing where it does not run."""
        if self._task:
            self._task.cancel()
            # Why it failed, if it did, is raised by `start` and `failed`.
            await asyncio.wait({self._task})

    async def _keep(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            ending = await self._live()
            failures = 1 if time.monotonic() - began > _STABLE_SECONDS else failures + 1
            if failures == _START_ATTEMPTS and not self._was_ready.is_set():
                raise StartError(f"{self.child.name} {ending}: {self._output.last_words}")
            delay = min(_FIRST_DELAY * 2 ** (failures - 1), _LONGEST_DELAY)
            report(f"{self.child.name} {ending}, starting it again in {delay:.1f} s")
            await asyncio.sleep(delay)

    async def _live(self) -> str:
        """One life of the child, from start to end; returns how it ended."""
        try:
            async with self.child.prepare() as pass_fds:
                process, following = await spawn(self.child, self._output, pass_fds=pass_fds)
        except OSError as error:
            return f"can't be started ({error})"
        self._process = process
        try:
            await self._until_ready(process)
            return _ending(await process.wait())
        finally:
            await self._end(process)
            await asyncio.wait({following}, timeout=_LAST_WORDS_SECONDS)
            following.cancel()

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        patience = Patience()
        try:
            async with asyncio.timeout(self.child.start_timeout):
                while process.returncode is None and not await self.child.ready():
                    patience.tell(f"{self.child.name} to be ready")
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            if not self._was_ready.is_set():
                seconds = f"{self.child.start_timeout:.0f} seconds"
                message = f"{self.child.name} is not ready after {seconds}"
                raise StartError(f"{message}: {self._output.last_words}") from None
            await self._end(process)
        if process.returncode is None:
            self._was_ready.set()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is not None:
            return
        try:
            async with asyncio.timeout(self.child.stop_timeout):
                await self.child.before_stop()
        except Exception as error:
            report(f"{self.child.name} is stopped at once: {error!r}")
        if await self._ended_by(process, self.child.stop_signal, self.child.stop_timeout):
            return
        report(f"{self.child.name} does not stop, ending it")
        await self._ended_by(process, self.child.kill_signal, None)

    async def _ended_by(
        self, process: asyncio.subprocess.Process, number: signal.Signals, seconds: float | None
    ) -> bool:
        with suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
        except TimeoutError:
            return False
        return True


def _ending(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"

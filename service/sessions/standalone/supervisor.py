"""Starts child processes step by step, keeps them running, and stops them in reverse order."""

import asyncio
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Self

from sessions.standalone.child import Child, Output, spawn
from sessions.standalone.console import POLL_SECONDS, SlowWaitNotice, StartError, report

_START_ATTEMPTS = 3
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 5.0
# A child that ran this long gets its next start at once again.
_STABLE_SECONDS = 10.0
_OUTPUT_SECONDS = 1.0


class ProcessMonitor:
    """Starts one child, waits until it is ready, and starts it again when it ends."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.restarts = 0
        self._was_ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._output = Output(child.name, child.quiet)

    async def start(self) -> None:
        """Start the child and wait until it is ready.

        Raises:
            StartError: it ended again and again before it was ready, or was never ready.
        """
        self._task = asyncio.create_task(self._keep_running(), name=f"monitor of {self.child.name}")
        ready = asyncio.create_task(self._was_ready.wait())
        try:
            await asyncio.wait({self._task, ready}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if self._task.done():
            await self._task

    @property
    def pid(self) -> int | None:
        """The child's process, while it runs."""
        running = self._process and self._process.returncode is None
        return self._process.pid if self._process and running else None

    def send_signal(self, number: signal.Signals) -> None:
        """Send the child a signal, if it runs."""
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def failed(self) -> None:
        """Return never, unless keeping the child turns out to be impossible: then raise why."""
        if self._task:
            # Shielded: whoever waits here may be cancelled, the child is stopped by `stop` only.
            await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Stop the child for good; does nothing where it does not run."""
        if self._task:
            self._task.cancel()
            # Why it failed, if it did, is raised by `start` and `failed`.
            await asyncio.wait({self._task})

    async def _keep_running(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            ending = await self._run_once()
            # A child that was stable for a while begins again with the shortest delay.
            failures = 1 if time.monotonic() - began > _STABLE_SECONDS else failures + 1
            # Give up at the first start only: then the configuration is probably wrong. Later,
            # what failed may come back.
            if failures == _START_ATTEMPTS and not self._was_ready.is_set():
                raise StartError(f"{self.child.name} {ending}: {self._output.output_tail}")
            delay = min(_FIRST_DELAY * 2 ** (failures - 1), _LONGEST_DELAY)
            report(f"{self.child.name} {ending}, starting it again in {delay:.1f} s")
            await asyncio.sleep(delay)
            self.restarts += 1

    async def _run_once(self) -> str:
        """Start the child and wait for its end; returns how it ended."""
        try:
            async with self.child.prepare() as pass_fds:
                process, following = await spawn(self.child, self._output, pass_fds=pass_fds)
        except OSError as error:
            return f"can't be started ({error})"
        self._process = process
        try:
            await self._until_ready(process)
            return describe_exit(await process.wait())
        finally:
            await self._terminate(process)
            await asyncio.wait({following}, timeout=_OUTPUT_SECONDS)
            following.cancel()

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        notice = SlowWaitNotice()
        try:
            async with asyncio.timeout(self.child.start_timeout):
                while process.returncode is None and not await self.child.ready():
                    notice.show(f"{self.child.name} {self.child.waits_for}")
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            # At the first start this is an error; later the child is ended, and started again.
            if not self._was_ready.is_set():
                seconds = f"{self.child.start_timeout:.0f} seconds"
                message = f"{self.child.name} is not ready after {seconds}"
                raise StartError(f"{message}: {self._output.output_tail}") from None
            await self._terminate(process)
        if process.returncode is None:
            self._was_ready.set()

    async def _terminate(self, process: asyncio.subprocess.Process) -> None:
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


def describe_exit(status: int) -> str:
    """How a process ended, as what follows its name."""
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


class Supervisor:
    """Holds the children of this process; use as `async with Supervisor() as supervisor`.

    Leaving the block, for whatever reason, stops all of them.
    """

    def __init__(self) -> None:
        self._steps: list[tuple[str, list[ProcessMonitor]]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for step, monitors in reversed(self._steps):
            if not all(monitor.child.quiet for monitor in monitors):
                report(f"stopping {step}")
            await asyncio.gather(*(monitor.stop() for monitor in monitors))

    @property
    def monitors(self) -> Sequence[ProcessMonitor]:
        """Those of all children that were started, in order."""
        return [monitor for _, monitors in self._steps for monitor in monitors]

    async def start(self, step: str, *children: Child) -> None:
        """Start the children of one step side by side and wait until all are ready.

        Raises:
            StartError: one of them can't be started.
        """
        monitors = [ProcessMonitor(child) for child in children]
        self._steps.append((step, monitors))
        await asyncio.gather(*(monitor.start() for monitor in monitors))

    def send_signal(self, step: str, number: signal.Signals) -> None:
        """Send a signal to the children of a step."""
        for name, monitors in self._steps:
            for monitor in monitors if name == step else ():
                monitor.send_signal(number)

    async def watch(self) -> None:
        """Stay until cancelled, while the children run.

        Raises:
            Exception: what makes it impossible to keep a child running.
        """
        await asyncio.gather(*(monitor.failed() for monitor in self.monitors))


@contextmanager
def until_signal() -> Iterator[None]:
    """Leave the block early, and quietly, at Ctrl-C, SIGTERM or SIGHUP.

    The block is cancelled once; whatever it does in its `finally` runs to its end.
    """
    task = asyncio.current_task()
    assert task is not None, "only inside a coroutine"  # noqa: S101
    loop = asyncio.get_running_loop()
    received: list[int] = []

    def cancel_once(number: int) -> None:
        # A second signal must not cancel the `finally` of the block.
        if not received:
            task.cancel()
        received.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, cancel_once, number)
    try:
        yield
    except asyncio.CancelledError:
        if not received:
            raise
        # The cancellation was ours, and ends here.
        task.uncancel()
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)

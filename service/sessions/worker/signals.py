"""The signals that a worker reacts to, for the worker itself and for whoever sends them."""

import asyncio
import signal
from contextlib import suppress

GRACEFUL_STOP = signal.SIGTERM
"""Stop after the lame-duck period."""
IMMEDIATE_STOP = signal.SIGUSR1
"""Stop without a lame-duck period. SIGINT does the same, but not while Python is still starting:
there it gives a traceback, or is ignored where a shell has put the parent in the background."""
END_STREAMS = signal.SIGUSR2
"""End the streams after the batch at hand; everything else goes on."""

LAME_DUCK_SECONDS = 2.5
"""How long a worker takes new calls after SIGTERM although it reports NOT_SERVING: Envoy checks
the health of each worker once a second, and goes on sending calls until a check fails."""


class StopSignals:
    """Receives the signals of this process; to be made inside of the event loop.

    Attributes:
        stopping: set by the first signal that stops the worker.
        draining: set when streams have to end, by `END_STREAMS` or by the worker itself.
    """

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.draining = asyncio.Event()
        self._immediate = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(END_STREAMS, self.draining.set)
        for number in (GRACEFUL_STOP, IMMEDIATE_STOP, signal.SIGINT):
            loop.add_signal_handler(number, self._receive, number)

    def _receive(self, number: signal.Signals) -> None:
        # A second signal, whichever it is, ends the lame-duck period.
        if self.stopping.is_set() or number != GRACEFUL_STOP:
            self._immediate.set()
        self.stopping.set()

    async def lame_duck(self, seconds: float) -> None:
        """Wait for the lame-duck period to end, which an immediate stop cuts short."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._immediate.wait(), seconds)

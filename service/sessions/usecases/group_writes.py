"""Batches of one website that wait at the same time are written in one transaction.

Nearly any two batches of a busy website have visitors in common, so that one waits for the locks
of the other. What waits anyway costs less together: fewer commits, statements and waits.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextvars import Context, copy_context
from functools import partial
from typing import NamedTuple

from sessions.domain.errors import DomainError
from sessions.domain.events import Event
from sessions.domain.limits import MAX_EVENTS
from sessions.domain.websites import Website
from sessions.storage.positions import Commits, noted_commits
from sessions.usecases.write_events import EventWriter, Recorded

# Of the requests whose batches go together: a request may have as many.
_MOST_BYTES = 4 * 1024 * 1024
# A write may wait for a lock that others hold for long: then the next one starts beside it.
_PATIENCE = 0.1


class _Batch(NamedTuple):
    events: Sequence[Event]
    size: int
    answer: asyncio.Future[Recorded]
    context: Context
    commits: Commits | None


class GroupWrites:
    """Records batches, those of a website that wait at the same time together.

    Args:
        write_events: writes a group.
    """

    def __init__(self, write_events: EventWriter) -> None:
        self._write_events = write_events
        self._queues: dict[int, _Queue] = {}

    async def __call__(self, website: Website, events: Sequence[Event], size: int) -> Recorded:
        """Record a batch, of a request of `size` bytes: all of it, or nothing.

        A caller that goes away does not take the others with it: what is being written goes on
        as long as somebody waits for it.

        Raises:
            NotFound, Unavailable, DeadlineExceeded: as `EventWriter`.
        """
        queue = self._queues.get(website.key)
        if queue is None:
            queue = self._queues[website.key] = _Queue(self, website)
        return await queue.record(events, size)

    async def write(self, website: Website, group: Sequence[_Batch]) -> None:
        """Write a group, and answer each of its batches."""
        try:
            recorded = await self._write_events.together(website, [each.events for each in group])
        except DomainError as error:
            _refuse(group, error)
        except Exception as error:
            if len(group) == 1:
                _refuse(group, error)
            # Nobody is to fail for what another one has sent.
            else:
                for each in group:
                    await self.write(website, [each])
        else:
            _answer(group, recorded)

    def forget(self, website: Website) -> None:
        """Drop the queue of a website for which nothing is left to do."""
        self._queues.pop(website.key, None)


class _Queue:
    """The batches of one website that wait, and how many groups are being written."""

    def __init__(self, writes: GroupWrites, website: Website) -> None:
        self._writes = writes
        self._website = website
        self._waiting: deque[_Batch] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def record(self, events: Sequence[Event], size: int) -> Recorded:
        """Wait until a batch is recorded."""
        loop = asyncio.get_running_loop()
        batch = _Batch(events, size, loop.create_future(), copy_context(), noted_commits())
        self._waiting.append(batch)
        if not self._running:
            self._start()
        self._watch()
        return await batch.answer

    def _watch(self) -> None:
        """Start what waits, too, unless a write ends soon."""
        if self._waiting and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PATIENCE, self._start_all)

    def _start_all(self) -> None:
        """Write whatever waits: how much that may be at a time, the pool of connections tells."""
        self._timer = None
        # What takes so long is waited for no more, by those that come later neither.
        self._running.clear()
        while self._waiting:
            self._start()

    def _start(self) -> None:
        """Write those that have waited longest."""
        if group := self._next_group():
            # Its spans and positions are those of the first call.
            writing = asyncio.get_running_loop().create_task(
                self._writes.write(self._website, group), context=group[0].context
            )
            self._running.add(writing)
            writing.add_done_callback(self._ended)
            for batch in group:
                batch.answer.add_done_callback(partial(self._left, group, writing))

    def _next_group(self) -> list[_Batch]:
        group: list[_Batch] = []
        events = size = 0
        while self._waiting:
            batch = self._waiting[0]
            events, size = events + len(batch.events), size + batch.size
            if group and (events > MAX_EVENTS or size > _MOST_BYTES):
                break
            self._waiting.popleft()
            if not batch.answer.done():  # its caller is still there
                group.append(batch)
        return group

    def _left(self, group: Sequence[_Batch], writing: asyncio.Task[None], _: object) -> None:
        """Stop writing what nobody waits for any more."""
        if all(batch.answer.cancelled() for batch in group):
            writing.cancel()
            # The server may take long to notice.
            self._ended(writing)

    def _ended(self, writing: asyncio.Task[None]) -> None:
        if writing not in self._running:
            return
        self._running.remove(writing)
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._start()
        self._watch()
        if not self._running:
            self._writes.forget(self._website)


def _answer(group: Sequence[_Batch], recorded: Sequence[Recorded]) -> None:
    noted = noted_commits()  # of the first call, in whose context this runs
    for batch, each in zip(group, recorded, strict=True):
        if noted and batch.commits:
            batch.commits.add(noted.position)
        if not batch.answer.done():
            batch.answer.set_result(each)


def _refuse(group: Sequence[_Batch], error: Exception) -> None:
    for batch in group:
        if not batch.answer.done():
            batch.answer.set_exception(error)

"""The importer: files in, events recorded batch by batch, everything counted."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

from sessions.domain.enrichment import Enricher, restored
from sessions.domain.errors import InvalidArgument
from sessions.domain.event_identity import Ordinals, number_ties
from sessions.domain.events import Event, EventInput, RestoredEvent
from sessions.ingest.entries import Comment, Entry, Format, Outcome, Refused, UnusableFile
from sessions.ingest.lines import MAX_LINE, Source, UnreadableFile, open_source

PART = 16_000
"""Events of a transaction: many more than in a request, so that fewer sessions change twice."""
BATCH_BYTES = 32 * 1024 * 1024
"""Of lines or records from which a batch is made, where they are long."""
AT_ONCE = 2
"""Into so many parts is a batch divided where one process records it."""
MAX_SHOWN = 100
"""Refused lines that are remembered with their reason; all are counted."""
_AT_A_TIME, _BYTES_AT_A_TIME = 500, 1024 * 1024
"""Entries that are looked at together, and the bytes of these where they are long."""
_TIES_REMEMBERED = 32_768
"""Visitors and timestamps, so that rotated files of one second keep their order; 20 MB."""


class Recorded(Protocol):
    """The outcome of a batch."""

    @property
    def new(self) -> int:
        """Events that weren't there before."""

    @property
    def known(self) -> int:
        """Events that were, so that nothing changed."""


_MAY_BE_CUT_OFF = "has no line end, so that it may be cut off; held back (--complete takes it)"


class RefusedLine(NamedTuple):
    """A line that became no event, or a record of several lines."""

    file: str
    number: int
    reason: str
    last: int = 0
    """Number of the last line where there are several, otherwise 0."""

    def __str__(self) -> str:
        lines = f"{self.number}-{self.last}" if self.last else str(self.number)
        return f"{self.file}:{lines}: {self.reason}"


@dataclass(slots=True)
class Tally:
    """What has been done so far; true at any moment, also when an import fails."""

    entries: int = 0
    """Lines that aren't blank, or records where one takes several lines."""
    events: int = 0
    """Valid events; of these, `new` and `known` are recorded for good."""
    new: int = 0
    known: int = 0
    skipped: int = 0
    """Good lines that aren't wanted, such as no page requests."""
    comments: int = 0
    """Lines about the file, as `#` begins them in logs."""
    refused: int = 0
    shown: list[RefusedLine] = field(default_factory=list)
    """The first of the refused lines."""
    held_back: list[RefusedLine] = field(default_factory=list)
    """Last lines that may be cut off; they are in no other count."""

    def count(self, recorded: Iterable[Recorded | BaseException]) -> None:
        """Count what was recorded; raises the first failure, after counting the others."""
        failures = []
        for outcome in recorded:
            if isinstance(outcome, BaseException):
                failures.append(outcome)
            else:
                self.new += outcome.new
                self.known += outcome.known
        if failures:
            raise failures[0]

    def refuse(self, lines: Sequence[RefusedLine]) -> None:
        """Count refused lines."""
        self.refused += len(lines)
        self.shown += sorted(lines, key=attrgetter("number"))[: MAX_SHOWN - len(self.shown)]


class Recorder(Protocol):
    """Stores events: batch by batch, each in parts that are recorded at the same time."""

    @property
    def parts(self) -> int:
        """Into how many a batch is divided."""

    @property
    def at_a_time(self) -> int:
        """How many batches it may be given before the first of them is recorded."""

    def __call__(
        self, events: list[Event], *, is_full: bool
    ) -> Coroutine[Any, Any, Sequence[Recorded | BaseException]]:
        """The outcome of each part of a batch; what is counted is durable.

        `is_full` tells that more is likely to come.
        """


def divided(events: Iterable[Event], count: int) -> list[list[Event]]:
    """Parts with visitors of their own, always the same: the writers never wait for each other.

    A part may be empty.
    """
    parts: list[list[Event]] = [[] for _ in range(count)]
    for event in events:
        # The hash differs from process to process, which does not matter: one process divides.
        parts[hash(event.visitor_id) % count].append(event)
    return parts


class InThisProcess:
    """Records in two parts: while PostgreSQL stores the one, Python works on the other.

    Args:
        record: stores events; when it returns, they are durable.
    """

    parts = AT_ONCE
    at_a_time = 1

    def __init__(self, record: Callable[[list[Event]], Awaitable[Recorded]]) -> None:
        self._record = record

    async def __call__(
        self, events: list[Event], *, is_full: bool = False
    ) -> Sequence[Recorded | BaseException]:
        """Record a batch."""
        parts = filter(None, divided(events, self.parts))
        return await asyncio.gather(*map(self._record, parts), return_exceptions=True)


class _Batch(NamedTuple):
    events: list[Event]
    size: int
    """Bytes on disk that were read for it."""
    is_full: bool = False


class _Recordings:
    """The batches that are being recorded, each counted as soon as it is.

    Leaving the block waits for them. Also after a failure: what was handed over is recorded.
    """

    def __init__(self, record: Recorder, tally: Tally, progress: Callable[[int], object]) -> None:
        self._record = record
        self._tally = tally
        self._progress = progress
        self._running = deque[asyncio.Task[None]]()

    async def add(self, batch: _Batch) -> None:
        """Begin with another batch, as soon as there are not too many; raises a failure."""
        if len(self._running) == self._record.at_a_time:
            await self._running.popleft()
        recording = self._record(batch.events, is_full=batch.is_full)
        self._running.append(asyncio.create_task(self._count(recording, batch.size)))

    async def _count(
        self, recording: Coroutine[Any, Any, Sequence[Recorded | BaseException]], size: int
    ) -> None:
        self._tally.count(await recording)
        self._progress(size)

    async def __aenter__(self) -> "_Recordings":
        return self

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error and not isinstance(error, Exception):  # interrupted
            for recording in self._running:
                recording.cancel()
        outcomes = await asyncio.gather(*self._running, return_exceptions=True)
        failures = [outcome for outcome in outcomes if outcome]
        if failures and not error:
            raise failures[0]


@dataclass(frozen=True, slots=True)
class Importer:
    """Makes events of files for one website."""

    website_id: str
    format: Format
    enricher: Enricher
    record: Recorder
    complete: bool = False
    """Whether a last line without a line end is taken too, instead of being held back."""
    keeps_sequences: bool = False
    """Whether events have the sequences that they were stored with, and their order is no other."""

    async def __call__(
        self, files: Iterable[str], tally: Tally, progress: Callable[[int], object]
    ) -> None:
        """Import files in order, counting in `tally`.

        `progress` is called with how many more bytes on disk are done.

        A file imported again, or one that has grown, adds only what is new.

        Raises:
            UnreadableFile, UnusableFile: what came before that place is recorded.
            DomainError: from `record`; earlier batches are recorded.
        """
        ties = Ordinals(_TIES_REMEMBERED)
        for file in files:
            with open_source(file) as source:
                try:
                    await self._import(self._batches(source, tally, ties), tally, progress)
                except UnusableFile as error:
                    raise UnusableFile(f"{file}: {error}") from error

    async def _import(
        self, batches: Iterator[_Batch], tally: Tally, progress: Callable[[int], object]
    ) -> None:
        """One file: while batches are recorded, a thread parses the next one."""
        async with _Recordings(self.record, tally, progress) as recordings:
            # In a thread: parsing takes longer than the event loop may stand still.
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                await recordings.add(batch)
                del batch  # or it is held in memory while the next one is parsed

    def _batches(self, source: Source, tally: Tally, ties: Ordinals) -> Iterator[_Batch]:
        """The valid events of a file; a file that breaks off gives those before, then raises."""
        events: list[Event] = []
        done = held = 0
        failure: UnreadableFile | UnusableFile | None = None
        try:
            for some, size in self._events(source, tally):
                events += some
                held += size
                if len(events) >= self.record.parts * PART or held >= BATCH_BYTES:
                    self._number_ties(events, ties)
                    position = source.position()
                    yield _Batch(events, position - done, is_full=True)
                    events, done, held = [], position, 0
        except (UnreadableFile, UnusableFile) as error:
            failure = error
        self._number_ties(events, ties)
        yield _Batch(events, source.position() - done)
        if failure:
            raise failure

    def _number_ties(self, events: list[Event], ties: Ordinals) -> None:
        if not self.keeps_sequences:
            number_ties(events, ties)

    def _events(self, source: Source, tally: Tally) -> Iterator[tuple[list[Event], int]]:
        """The valid events of a file, some at a time, and their bytes; all else is counted."""
        refused: list[RefusedLine] = []

        def too_long(number: int) -> None:
            tally.entries += 1
            text = f"is longer than {MAX_LINE:,} bytes"
            refused.append(RefusedLine(source.name, number, text))

        ordinals = Ordinals()
        lines = source.lines(too_long, complete=self.complete)
        try:
            for entries in _some(self.format.entries(lines)):
                outcomes = self._outcomes(entries, ordinals)
                events = [outcome for outcome in outcomes if isinstance(outcome, Event)]
                tally.entries += len(entries)
                tally.events += len(events)
                if len(events) < len(entries):
                    refused += _count_others(source.name, entries, outcomes, tally)
                tally.refuse(refused)
                refused.clear()
                yield events, sum(len(entry.content) for entry in entries)
        finally:
            # Also where the file breaks off.
            tally.refuse(refused)
        if source.held_back:
            tally.held_back.append(RefusedLine(source.name, source.held_back, _MAY_BE_CUT_OFF))

    def _outcomes(self, entries: Sequence[Entry], ordinals: Ordinals) -> list[Event | Outcome]:
        """What entries are, with events checked and enriched."""
        now = datetime.now(UTC)
        sent = [(e.outcome, e.content) for e in entries if isinstance(e.outcome, EventInput)]
        stored = [e.outcome for e in entries if isinstance(e.outcome, RestoredEvent)]
        # A file has events of one kind only.
        made = restored(stored, now) if stored else self._enriched(sent, ordinals, now)
        coming = iter(made)
        return [
            _refused(next(coming)) if isinstance(each.outcome, _EVENTS) else each.outcome
            for each in entries
        ]

    def _enriched(
        self, sent: Sequence[tuple[EventInput, bytes]], ordinals: Ordinals, now: datetime
    ) -> list[Event | InvalidArgument]:
        if not sent:
            return []
        inputs, lines = zip(*sent, strict=True)
        return self.enricher.enrich_lines(
            inputs, lines, website_id=self.website_id, received_at=now, ordinals=ordinals
        )


_EVENTS = (EventInput, RestoredEvent)


def _refused(made: Event | InvalidArgument) -> Event | Refused:
    if isinstance(made, Event):
        return made
    return Refused("; ".join(map(str, made.violations)))


def _some(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Some entries at a time; what comes before a failure is given before it."""
    some: list[Entry] = []
    size = 0
    failure: UnreadableFile | UnusableFile | None = None
    try:
        for entry in entries:
            some.append(entry)
            size += len(entry.content)
            if len(some) == _AT_A_TIME or size >= _BYTES_AT_A_TIME:
                yield some
                some, size = [], 0
    except (UnreadableFile, UnusableFile) as error:
        failure = error
    if some:
        yield some
    if failure:
        raise failure


def _count_others(
    file: str, entries: Sequence[Entry], outcomes: Sequence[Event | Outcome], tally: Tally
) -> Iterator[RefusedLine]:
    """Count what did not become an event, and give the refused lines."""
    for entry, outcome in zip(entries, outcomes, strict=True):
        if isinstance(outcome, Refused):
            yield RefusedLine(file, entry.number, outcome.reason, entry.last)
        elif isinstance(outcome, Comment):
            tally.comments += 1
        elif not isinstance(outcome, Event):
            tally.skipped += 1

"""The importer: files in, events recorded batch by batch, everything counted."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from sessions.domain.enrichment import Enricher, restored
from sessions.domain.errors import InvalidArgument
from sessions.domain.event_identity import Ordinals, number_ties
from sessions.domain.events import Event, EventInput, RestoredEvent
from sessions.ingest.entries import (
    Comment,
    Entry,
    Format,
    Outcome,
    Refused,
    UnusableFile,
)
from sessions.ingest.lines import MAX_LINE, Source, UnreadableFile, open_source

BATCH = 16_000
"""Events recorded together: more than in a request, so that fewer sessions are written twice."""
AT_ONCE = 2
"""Into so many parts is a batch divided, which are recorded at the same time."""
MAX_SHOWN = 100
"""Refused lines that are remembered with their reason; all are counted."""
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

    def refuse(self, line: RefusedLine) -> None:
        """Count a refused line."""
        self.refused += 1
        if len(self.shown) < MAX_SHOWN:
            self.shown.append(line)


def _parts(events: list[Event]) -> list[list[Event]]:
    """Parts with visitors of their own, for two cores: the writers never wait for each other.

    While PostgreSQL stores the one, Python works on the other.
    """
    parts: list[list[Event]] = [[] for _ in range(AT_ONCE)]
    for event in events:
        # The hash differs from process to process, which does not matter: nothing depends on the
        # parts.
        parts[hash(event.visitor_id) % AT_ONCE].append(event)
    return [part for part in parts if part]


class _Batch(NamedTuple):
    events: list[Event]
    size: int
    """Bytes on disk that were read for it."""


@dataclass(frozen=True, slots=True)
class Importer:
    """Makes events of files for one website."""

    website_id: str
    format: Format
    enricher: Enricher
    record: Callable[[list[Event]], Awaitable[Recorded]]
    """Stores events; when it returns, they are durable. Called for `AT_ONCE` parts together."""
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
        """One file: while a batch is recorded, a thread parses the next one."""
        # In a thread, because parsing a batch takes longer than the event loop may stand still.
        batch = await asyncio.to_thread(next, batches, None)
        while batch is not None:
            # All are waited for: what was parsed before a failure is to be recorded
            recorded, [following] = await asyncio.gather(
                asyncio.gather(*map(self.record, _parts(batch.events)), return_exceptions=True),
                asyncio.gather(asyncio.to_thread(next, batches, None), return_exceptions=True),
            )
            tally.count(recorded)
            if isinstance(following, BaseException):
                raise following
            progress(batch.size)
            batch = following

    def _batches(self, source: Source, tally: Tally, ties: Ordinals) -> Iterator[_Batch]:
        """The valid events of a file; a file that breaks off gives those before, then raises."""
        events: list[Event] = []
        done = 0
        failure: UnreadableFile | None = None
        try:
            for event in self._events(source, tally):
                events.append(event)
                if len(events) == BATCH:
                    self._number_ties(events, ties)
                    position = source.position()
                    yield _Batch(events, position - done)
                    events, done = [], position
        except UnreadableFile as error:
            failure = error
        self._number_ties(events, ties)
        yield _Batch(events, source.position() - done)
        if failure:
            raise failure

    def _number_ties(self, events: list[Event], ties: Ordinals) -> None:
        if not self.keeps_sequences:
            number_ties(events, ties)

    def _events(self, source: Source, tally: Tally) -> Iterator[Event]:
        """The valid events of a file; all else is counted."""

        def too_long(number: int) -> None:
            tally.entries += 1
            tally.refuse(RefusedLine(source.name, number, f"is longer than {MAX_LINE:,} bytes"))

        ordinals = Ordinals()
        for entry in self.format.entries(source.lines(too_long, complete=self.complete)):
            tally.entries += 1
            outcome = self._outcome(entry, ordinals)
            if isinstance(outcome, Event):
                tally.events += 1
                yield outcome
            elif isinstance(outcome, Refused):
                tally.refuse(RefusedLine(source.name, entry.number, outcome.reason, entry.last))
            elif isinstance(outcome, Comment):
                tally.comments += 1
            else:
                tally.skipped += 1
        if source.held_back:
            tally.held_back.append(RefusedLine(source.name, source.held_back, _MAY_BE_CUT_OFF))

    def _outcome(self, entry: Entry, ordinals: Ordinals) -> Event | Outcome:
        sent = entry.outcome
        if not isinstance(sent, EventInput | RestoredEvent):
            return sent
        try:
            if isinstance(sent, RestoredEvent):
                return restored(sent, datetime.now(UTC))
            return self.enricher.enrich(
                sent,
                website_id=self.website_id,
                received_at=datetime.now(UTC),
                ordinals=ordinals,
                line=entry.content,
            )
        except InvalidArgument as error:
            return Refused("; ".join(str(each) for each in error.violations))

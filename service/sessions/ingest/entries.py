"""What a format makes of a line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from sessions.domain.events import EventInput, RestoredEvent
from sessions.ingest.lines import Line


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that can't be an event, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A good line that isn't wanted, such as the request for an image."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A line that says something about the file, and is not data."""


Outcome = EventInput | RestoredEvent | Refused | Skipped | Comment
"""What a line is."""


class Entry(Struct, gc=False):
    """The outcome of one line, or of one record that takes several."""

    number: int
    content: bytes
    """The bytes of the record: what identifies an event that has no id of its own."""
    outcome: Outcome
    last: int = 0
    """Number of the last line of a record that takes several, otherwise 0."""


class Format(Protocol):
    """Turns the lines of files into entries, one at a time and in order."""

    def entries(self, lines: Iterable[Line]) -> Iterator[Entry]:
        """The entries of one file: each line is in one of them, or blank.

        May raise UnusableFile when none of it can be used.
        """
        ...


class UnusableFile(ValueError):
    """A file as a whole doesn't fit the format or its options."""

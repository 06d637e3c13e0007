"""Comma-separated values (RFC 4180), the first record naming the columns.

Columns are matched to the fields of an event by name, or by `--map
field=column`; all other columns are left alone. An empty cell counts as not
sent. Where no `event_type` is mapped, a row with an `event_name` is an `event`
and any other a `pageview`. A timestamp without offset is UTC.
"""

import csv
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from sessions.domain.events import EventInput
from sessions.domain.timestamps import rfc3339_or_utc
from sessions.ingest.entries import Entry, Outcome, Refused, UnusableFile
from sessions.ingest.formats.fields import (
    EVENT_DATA,
    READERS,
    SEQUENCE,
    TIMESTAMP,
    WrongValue,
    shown,
)
from sessions.ingest.lines import Line

MAX_RECORD = 128 * 1024
"""Bytes of a record that takes several lines; in a longer one a quotation mark is missing."""


@dataclass(frozen=True, slots=True)
class Csv:
    """The format `csv`; `columns` maps fields of an event to names of columns."""

    columns: Mapping[str, str] = field(default_factory=dict)

    def entries(self, lines: Iterable[Line]) -> Iterator[Entry]:
        """One entry a record. Raises UnusableFile when columns are missing."""
        header, records = read_table(lines)
        if not header:
            return
        indexes = self._indexes(header)
        for record in records:
            yield record.entry(_event(record.cells, indexes))

    def _indexes(self, header: list[str]) -> dict[str, int]:
        """Field → index of its column."""
        wanted = {name: name for name in header if name in READERS} | dict(self.columns)
        missing = [column for column in wanted.values() if column not in header]
        if missing:
            there = ", ".join(map(shown, header))
            raise UnusableFile(f"no column {', '.join(missing)}; there are {there}")
        if TIMESTAMP not in wanted:
            hint = f"--map {TIMESTAMP}=COLUMN"
            raise UnusableFile(f"no column {TIMESTAMP}: name it with {hint}")
        check_unambiguous(header, wanted.values())
        return {name: header.index(column) for name, column in wanted.items()}


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a table, with as many cells as the header, or why it is none."""

    number: int
    last: int
    content: bytes
    cells: list[str] | Refused

    def entry(self, outcome: Outcome) -> Entry:
        """The record as an entry."""
        last = self.last if self.last > self.number else 0
        return Entry(self.number, self.content, outcome, last)


def check_unambiguous(header: Iterable[str], wanted: Collection[str]) -> None:
    """Raise UnusableFile when one of the wanted columns is there more than once."""
    repeated = [name for name, times in Counter(header).items() if times > 1 and name in wanted]
    if repeated:
        raise UnusableFile(f"has more than one column {', '.join(repeated)}; rename all but one")


def read_table(lines: Iterable[Line]) -> tuple[list[str], Iterator[Record]]:
    """The names of the columns, none if the file is empty, and the rows.

    Raises UnusableFile when the header is broken.
    """
    lines = iter(lines)
    header = next(_records(lines), None)
    if header is None:
        return [], iter(())
    if isinstance(header.cells, Refused):
        raise UnusableFile(f"the header is broken: {header.cells.reason}")
    return header.cells, _rows(lines, header.cells)


def _rows(lines: Iterator[Line], header: list[str]) -> Iterator[Record]:
    for record in _records(lines, len(header)):
        # as where files were put together
        yield replace(record, cells=_REPEATS_HEADER) if record.cells == header else record


_REPEATS_HEADER = Refused("repeats the header")


def _records(lines: Iterator[Line], width: int = 0) -> Iterator[Record]:
    """Records with the bytes of all their lines, each of `width` cells unless that is 0.

    A broken record is refused and the next one read. One that takes several lines mostly
    begins with a quotation mark too many, and the lines after it are good rows: only its
    first line is refused, the others are read again.
    """
    taken: list[Line] = []
    again: deque[Line] = deque()
    reader = csv.reader(_text(lines, again, taken), strict=True)
    while True:
        cells: list[str] | Refused
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = Refused(f"not CSV: {str(error).partition(' - ')[0]}")
            # A reader that has raised can't go on.
            reader = csv.reader(_text(lines, again, taken), strict=True)
        if not taken[0].is_blank:
            if width and not isinstance(cells, Refused) and len(cells) != width:
                cells = Refused(f"has {len(cells)} columns where the header has {width}")
            if isinstance(cells, Refused) and len(taken) > 1:
                end = taken[-1].number
                cells = Refused(f"{cells.reason} (up to line {end}: a quotation mark too many?)")
                # In front of what is waiting, in the order of the file.
                again.extendleft(reversed(taken[1:]))
                del taken[1:]
            content = b"\n".join(each.content for each in taken)
            yield Record(taken[0].number, taken[-1].number, content, cells)
        taken.clear()


def _text(lines: Iterator[Line], again: deque[Line], taken: list[Line]) -> Iterator[str]:
    """Lines as the parser wants them, those of `again` first; each is added to `taken`."""
    size = 0
    while line := again.popleft() if again else next(lines, None):
        size = size + len(line.content) if taken else len(line.content)
        taken.append(line)
        if size > MAX_RECORD and len(taken) > 1:
            raise csv.Error(f"longer than {MAX_RECORD:,} bytes")
        # what is not UTF-8 becomes lone surrogates, which are refused like everywhere
        yield (line.content + (line.end or b"\n")).decode(errors="surrogateescape")


def _event(cells: list[str] | Refused, indexes: Mapping[str, int]) -> EventInput | Refused:
    if isinstance(cells, Refused):
        return cells
    fields: dict[str, Any] = {}
    wrong = []
    for name, index in indexes.items():
        if cells[index]:
            try:
                fields[name] = value_of(name, cells[index])
            except WrongValue as error:
                wrong.append(f"{name}: {error}")
    if not wrong and TIMESTAMP not in fields:
        wrong.append(f"{TIMESTAMP}: is required in a file")
    if wrong:
        return Refused("; ".join(wrong))
    if "event_type" not in indexes:
        fields["event_type"] = "event" if "event_name" in fields else "pageview"
    return EventInput(**fields)


def value_of(name: str, cell: str) -> Any:
    """The value of a field from its cell; raises WrongValue."""
    try:
        if name == TIMESTAMP:
            return rfc3339_or_utc(cell)
        if name == SEQUENCE:
            return int(cell)
        return READERS[name](orjson.loads(cell) if name == EVENT_DATA else cell)
    except WrongValue:
        raise
    except ValueError:
        raise WrongValue(_MUST_BE[name]) from None


_MUST_BE = {
    TIMESTAMP: "must be a time such as 2026-03-03T10:15:00Z or 2026-03-03 10:15:00 (UTC)",
    SEQUENCE: "must be an integer",
    EVENT_DATA: "must be a JSON object",
}

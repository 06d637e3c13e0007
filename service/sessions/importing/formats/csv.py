"""Comma-separated values (RFC 4180), the first record naming the columns.

Columns are matched to the fields of an event by name, or by `--map
field=column`; all other columns are left alone. An empty cell counts as not
sent. Where no `event_type` is mapped, a row with an `event_name` is an `event`
and any other a `pageview`. A timestamp without offset is UTC. Where no
`sequence` is mapped, events of one moment keep the order of the file.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from sessions.domain.events import SentEvent
from sessions.domain.identity import Ordinals
from sessions.importing.entries import Entry, Refused, UnusableFile
from sessions.importing.formats.fields import INTEGER, MOMENT, OBJECT, READERS, WrongValue
from sessions.importing.lines import Line
from sessions.importing.timestamps import rfc3339_or_utc

MOMENTS_REMEMBERED = 4_096
"""Of which the order of the file is kept."""


@dataclass(frozen=True, slots=True)
class Csv:
    """The format `csv`; `columns` maps fields of an event to names of columns."""

    columns: Mapping[str, str] = field(default_factory=dict)

    def entries(self, lines: Iterable[Line]) -> Iterator[Entry]:
        """One entry a record. Raises UnusableFile when columns are missing."""
        header, records = read_table(lines)
        if not header:
            return
        places = self._places(header)
        moments = Ordinals(MOMENTS_REMEMBERED)
        for record in records:
            yield Entry(record.number, record.content, _event(record.cells, places, moments))

    def _places(self, header: list[str]) -> dict[str, int]:
        """Field → index of its column."""
        wanted = {name: name for name in header if name in READERS} | dict(self.columns)
        missing = [column for column in wanted.values() if column not in header]
        if missing:
            raise UnusableFile(f"no column {', '.join(missing)}; there are {', '.join(header)}")
        if MOMENT not in wanted:
            hint = f"--map {MOMENT}=COLUMN"
            raise UnusableFile(f"no column {MOMENT}: name it with {hint}")
        return {name: header.index(column) for name, column in wanted.items()}


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a table, with as many cells as the header, or why it is none."""

    number: int
    content: bytes
    cells: list[str] | Refused


def read_table(lines: Iterable[Line]) -> tuple[list[str], Iterator[Record]]:
    """The names of the columns, none if the file is empty, and the rows.

    Raises UnusableFile when the header is broken.
    """
    records = _records(lines)
    header = next(records, None)
    if header is None:
        return [], records
    if isinstance(header.cells, Refused):
        raise UnusableFile(f"the header is broken: {header.cells.reason}")
    width = len(header.cells)
    return header.cells, (_of_width(record, width) for record in records)


def _of_width(record: Record, width: int) -> Record:
    if isinstance(record.cells, Refused) or len(record.cells) == width:
        return record
    reason = f"has {len(record.cells)} columns where the header has {width}"
    return Record(record.number, record.content, Refused(reason))


def _records(lines: Iterable[Line]) -> Iterator[Record]:
    """Records with the bytes of all their lines; a broken one is refused and the next one read."""
    taken: list[Line] = []

    def text() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            # what is no UTF-8 becomes lone surrogates, which are refused like everywhere
            yield line.content.decode(errors="surrogateescape") + "\n"

    reader = csv.reader(text(), strict=True)
    while True:
        cells: list[str] | Refused
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = Refused(f"not CSV: {error}")
        if taken:
            yield Record(taken[0].number, b"\n".join(each.content for each in taken), cells)
            taken.clear()


def _event(
    cells: list[str] | Refused, places: Mapping[str, int], moments: Ordinals
) -> SentEvent | Refused:
    if isinstance(cells, Refused):
        return cells
    fields: dict[str, Any] = {}
    wrong = []
    for name, place in places.items():
        if cells[place]:
            try:
                fields[name] = value_of(name, cells[place])
            except WrongValue as error:
                wrong.append(f"{name}: {error}")
    if not wrong and MOMENT not in fields:
        wrong.append(f"{MOMENT}: is required in a file")
    if wrong:
        return Refused("; ".join(wrong))
    if "event_type" not in places:
        fields["event_type"] = "event" if "event_name" in fields else "pageview"
    if INTEGER not in places:
        fields[INTEGER] = moments.next(cells[places[MOMENT]].encode(errors="surrogateescape"))
    return SentEvent(**fields)


def value_of(name: str, cell: str) -> Any:
    """The value of a field from its cell; raises WrongValue."""
    try:
        if name == MOMENT:
            return rfc3339_or_utc(cell)
        if name == INTEGER:
            return int(cell)
        return READERS[name](orjson.loads(cell) if name == OBJECT else cell)
    except WrongValue:
        raise
    except ValueError:
        raise WrongValue(_MUST_BE[name]) from None


_MUST_BE = {
    MOMENT: "must be a time such as 2026-03-03T10:15:00Z or 2026-03-03 10:15:00 (UTC)",
    INTEGER: "must be an integer",
    OBJECT: "must be a JSON object",
}

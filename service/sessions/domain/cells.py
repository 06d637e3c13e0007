"""Cells: what leads from a row of an analysis to the sessions that it counts.

A cell is sealed text that names the analysis, its parameters and the row; it fits only the
selection of the call that it comes from. Behind a full stop follows which figure of the row is
meant, where that is not the first one; behind `~` a cell of an analysis that was about a cell.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, NamedTuple

from sessions.domain.cursors import CursorSigner
from sessions.domain.errors import InvalidArgument, Violation
from sessions.domain.selection import Days, Selection, SelectionQuery, select

_NEXT, _FIGURE = "~", "."


class Cell(NamedTuple):
    """A row of an analysis.

    Attributes:
        analysis: which one.
        query: its parameters, but for those of the selection.
        row: what names the row.
        start: the first day of the selection.
        end: its last day.
        figure: which figure of the row is meant; `''` is the first one.
    """

    analysis: str
    query: Mapping[str, Any]
    row: Mapping[str, Any]
    start: date
    end: date
    figure: str = ""

    def pack(self) -> bytes:
        """The cell as bytes, without its figure."""
        days = [self.start.isoformat(), self.end.isoformat()]
        parts = [self.analysis, self.query, self.row, *days]
        return json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def unpack(cls, payload: bytes, figure: str) -> "Cell":
        """The cell that `pack` made."""
        analysis, query, row, start, end = json.loads(payload)
        return cls(analysis, query, row, date.fromisoformat(start), date.fromisoformat(end), figure)


class DrillDown(NamedTuple):
    """What leads to the sessions of a figure, in place of the parameters with the same names."""

    filter: str = ""
    journey: tuple[str, ...] = ()
    not_journey: tuple[str, ...] = ()
    cell: str = ""


class CellSigner:
    """Seals and opens cells, by the keys of cursors."""

    def __init__(self, cursors: CursorSigner) -> None:
        self._cursors = cursors

    def seal(self, query: SelectionQuery, selection: Selection, cell: Cell) -> str:
        """The text of a cell of an analysis of this selection."""
        identity = _identity(selection, query.cell)
        before = f"{query.cell}{_NEXT}" if query.cell else ""
        return before + self._cursors.seal(cell.pack(), identity)

    def open(self, query: SelectionQuery, now: datetime) -> list[Cell]:
        """The cells of a query, each of an analysis of the sessions of the one before.

        Raises:
            InvalidArgument: they are not of this selection.
        """
        return list(self._open(select(query, now), query.cell)) if query.cell else []

    def _open(self, selection: Selection, text: str) -> Iterator[Cell]:
        before = ""
        for part in text.split(_NEXT):
            sealed, _, figure = part.partition(_FIGURE)
            try:
                payload = self._cursors.open(sealed, _identity(selection, before), "cell")
            except InvalidArgument:
                raise unknown_cell() from None
            yield Cell.unpack(payload, figure)
            before = f"{before}{_NEXT}{part}" if before else part

    def dated(self, query: SelectionQuery, now: datetime) -> SelectionQuery:
        """The query with the days that its cell is about: today may have become yesterday since."""
        cells = self.open(query, now)
        if not cells:
            return query
        start, end = cells[-1].start.isoformat(), cells[-1].end.isoformat()
        return replace(query, start_date=start, end_date=end)


def cell_of(analysis: str, query: Mapping[str, Any], row: Mapping[str, Any], days: Days) -> Cell:
    """The cell of a row; parameters that were not sent are left out."""
    sent = {name: value for name, value in query.items() if value or value is False}
    return Cell(analysis, sent, row, days.start, days.end)


def unknown_cell() -> InvalidArgument:
    """The error for a cell that is not one of the query."""
    text = (
        "not a cell of this selection; send it as it came, with the parameters that chose the "
        "sessions of its analysis"
    )
    return InvalidArgument(Violation("cell", text))


def _identity(selection: Selection, before: str) -> bytes:
    return b"cell" + before.encode() + b"\0" + selection.identity

"""What the analyses share: the sessions of a query, read as columns in one snapshot."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sessions.analysis.accumulator import Accumulator
from sessions.domain.cells import Cell, CellSigner, cell_of
from sessions.domain.selection import Days, Range, Selection, SelectionQuery, resolve_days, select
from sessions.usecases.cell_rows import add_cells
from sessions.usecases.read_columns import ReadColumns, Reading
from sessions.usecases.websites import Websites


class Scope(NamedTuple):
    """What an analysis was about: its days, and the moment as of which it counts."""

    days: Days
    as_of: datetime


class SelectionReading:
    """The sessions of a query as they are at one moment."""

    def __init__(
        self,
        reading: Reading,
        selection: Selection,
        days: Days,
        seal: Callable[[Cell], str],
    ) -> None:
        self.snapshot = reading
        self.selection = selection
        self.scope = Scope(days, reading.as_of)
        self._seal = seal

    def cells(self, analysis: str, query: Mapping[str, Any]) -> Callable[..., str]:
        """What gives the cell of a row of an analysis, from what names the row.

        Args:
            analysis: which one.
            query: its parameters, but for those of the selection.
        """
        return lambda **row: self._seal(cell_of(analysis, query, row, self.scope.days))

    async def accumulate(self, accumulator: Accumulator, range_: Range | None = None) -> None:
        """Give an accumulator all sessions, or those that started in another time.

        Raises:
            Unavailable: see `Reading.accumulate`.
        """
        selection = replace(self.selection, range=range_) if range_ else self.selection
        await self.snapshot.accumulate(selection, accumulator)


class AnalysisReader:
    """Reads the sessions of queries."""

    def __init__(
        self,
        read_columns: ReadColumns,
        websites: Websites,
        cells: CellSigner,
        clock: Callable[[], datetime],
    ) -> None:
        self._read_columns = read_columns
        self._websites = websites
        self._cells = cells
        self._clock = clock

    def days(self, query: SelectionQuery) -> Days:
        """The days that a query means.

        Raises:
            InvalidArgument: they can't be told; names the field.
        """
        now = self._clock()
        dated = self._cells.dated(query, now)
        return resolve_days(dated.start_date, dated.end_date, dated.timezone, now)

    @asynccontextmanager
    async def open(self, query: SelectionQuery, days: Days) -> AsyncIterator[SelectionReading]:
        """Wait for a turn, and read the sessions of a query as they are at one moment.

        Raises:
            InvalidArgument: a parameter can't be used; names the field.
            NotFound: there is no such website.
            QueueFull: many analyses are waiting.
            Unavailable: the database can't be reached.
        """
        now = self._clock()
        asked = replace(select(query, now), range=days.range)
        cells = self._cells.open(query, now)
        website = await self._websites.get(query.website_id)
        async with self._read_columns.open(website.key) as reading:
            selection = await add_cells(asked, query, cells, lambda: nullcontext(reading))
            yield SelectionReading(
                reading, selection, days, partial(self._cells.seal, query, asked)
            )

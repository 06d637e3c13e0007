"""What the analyses share: the sessions of a query, read as columns in one snapshot."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sessions.analysis.accumulator import Accumulator
from sessions.domain.selection import Days, Range, Selection, SelectionQuery, resolve_days, select
from sessions.domain.steps import Step, parse_step
from sessions.usecases.read_columns import ReadColumns, Reading
from sessions.usecases.websites import Websites


def parse_goal(text: str) -> Step | None:
    """The step that the parameter `goal` stands for; None where there is none.

    Raises:
        InvalidArgument: it can't be understood.
    """
    return parse_step(text, "goal") if text else None


class Scope(NamedTuple):
    """What an analysis was about: its days, and the moment as of which it counts."""

    days: Days
    as_of: datetime


class SelectionReading:
    """The sessions of a query as they are at one moment."""

    def __init__(self, reading: Reading, selection: Selection, days: Days) -> None:
        self._reading = reading
        self._selection = selection
        self.scope = Scope(days, reading.as_of)

    async def accumulate(self, accumulator: Accumulator, range_: Range | None = None) -> None:
        """Give an accumulator all sessions, or those that started in another time.

        Raises:
            Unavailable: see `Reading.accumulate`.
        """
        selection = replace(self._selection, range=range_) if range_ else self._selection
        await self._reading.accumulate(selection, accumulator)


class AnalysisReader:
    """Reads the sessions of queries."""

    def __init__(
        self, read_columns: ReadColumns, websites: Websites, clock: Callable[[], datetime]
    ) -> None:
        self._read_columns = read_columns
        self._websites = websites
        self._clock = clock

    def days(self, query: SelectionQuery) -> Days:
        """The days that a query means.

        Raises:
            InvalidArgument: they can't be told; names the field.
        """
        return resolve_days(query.start_date, query.end_date, query.timezone, self._clock())

    @asynccontextmanager
    async def open(self, query: SelectionQuery, days: Days) -> AsyncIterator[SelectionReading]:
        """Wait for a turn, and read the sessions of a query as they are at one moment.

        Raises:
            InvalidArgument: a parameter can't be used; names the field.
            NotFound: there is no such website.
            QueueFull: many analyses are waiting.
            Unavailable: the database can't be reached.
        """
        selection = replace(select(query, self._clock()), range=days.range)
        website = await self._websites.get(query.website_id)
        async with self._read_columns.open(website.key) as reading:
            yield SelectionReading(reading, selection, days)

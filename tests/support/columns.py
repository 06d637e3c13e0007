"""Sessions as columns have them, and as the rows do, one text for each."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from sessions.analysis.accumulator import Accumulator
from sessions.analysis.columns import ALL, Columns
from sessions.domain.dimensions import TEXTS
from sessions.domain.predicates import All, Predicate
from sessions.domain.selection import Range, Selection
from sessions.domain.urls import split_url
from sessions.domain.websites import Website
from sessions.storage import blocks
from sessions.storage.database import Connection, Database
from sessions.usecases.fold_blocks import FoldBlocks
from sessions.usecases.read_columns import ReadColumns

ALWAYS = Range(datetime(2000, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC))
EVERYTHING = All()


def selection(
    range_: Range = ALWAYS, predicate: Predicate = EVERYTHING, *, include_bots: bool = True
) -> Selection:
    """The sessions of some time of which a predicate is true."""
    return Selection(range=range_, include_bots=include_bots, predicate=predicate, identity=b"")


_ROWS = """
SELECT concat_ws('|', (extract(epoch FROM started_at) * 1000000)::bigint, visitor_key,
                 (extract(epoch FROM ended_at - started_at) * 1000000)::bigint,
                 pageviews, events, is_bot::integer, country, region, city, browser, os, device,
                 language, hostname, referrer, utm_source, utm_medium, utm_campaign,
                 entry_page, exit_page),
       (SELECT array_agg(ARRAY[
                   CASE WHEN is_pageview THEN 'p' || url ELSE 'e' || event_name END,
                   (extract(epoch FROM occurred_at - s.started_at) * 1000000)::bigint::text]
                   ORDER BY occurred_at, sequence, event_id)
          FROM events e
         WHERE e.website_key = s.website_key AND e.visitor_key = s.visitor_key
           AND e.occurred_at BETWEEN s.started_at AND s.ended_at)
  FROM sessions s
 WHERE website_key = %(website_key)s
"""


async def accumulate(
    reader: ReadColumns, website_key: int, selection: Selection, accumulator: Accumulator
) -> datetime:
    """Give an accumulator all sessions of one selection; returns the moment of which they are."""
    async with reader.open(website_key) as reading:
        await reading.accumulate(selection, accumulator)
    return reading.as_of


async def fold(
    database: Database, website: Website, now: datetime, max_sessions: int = 1_000
) -> list[int]:
    """Bring all blocks up to date, as of some time; how many hours each transaction took."""
    folding = FoldBlocks(database, lambda: now, max_sessions=max_sessions)
    return [hours async for hours in folding.website(website.key)]


class Collected:
    """An accumulator that keeps all selected sessions."""

    columns = ALL

    def __init__(self) -> None:
        self.sessions: list[str] = []
        self.parts = 0

    def add(self, part: Columns) -> None:
        """List the sessions of a part."""
        self.sessions += listed(part)
        self.parts += 1


def listed(columns: Columns) -> list[str]:
    """One text for each selected session, with everything that columns know of it."""
    numbers = [
        columns[name].tolist()
        for name in ("started_at", "visitor_key", "duration", "pageviews", "events", "is_bot")
    ]
    texts = [[columns.words[name][number] for number in columns[name]] for name in TEXTS]
    items = [columns.words["step_item"][number] for number in columns["step_item"]]
    steps = [f"{item}@{at}" for item, at in zip(items, columns.step_offsets.tolist(), strict=True)]
    edges = zip(columns.step_starts.tolist(), columns.step_ends.tolist(), strict=True)
    return [
        "|".join((*map(str, values), *steps[start:end]))
        for *values, (start, end), is_selected in zip(
            *numbers, *texts, edges, columns.selected.tolist(), strict=True
        )
        if is_selected
    ]


async def in_rows(connection: Connection, website_key: int) -> list[str]:
    """The same from the rows that a transaction sees."""
    found = await connection.execute(_ROWS, {"website_key": website_key})
    return sorted(
        "|".join((session, *map(_step, steps or []))) for session, steps in await found.fetchall()
    )


def _step(step: list[str]) -> str:
    word, at = step
    path = f"p{split_url(word[1:]).path}" if word[0] == "p" else word
    return f"{path}@{at}"


class _Within:
    """A database of which there is one transaction only, which is open."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        yield self._connection


async def compare(database: Database, website_key: int) -> tuple[list[str], list[str]]:
    """The sessions that the reader of columns gives and those of the rows, of one moment."""
    collected = Collected()
    async with blocks.read_transaction(database) as connection:
        reader = ReadColumns(_Within(connection))  # type: ignore[arg-type]
        await accumulate(reader, website_key, selection(), collected)
        expected = await in_rows(connection, website_key)
    return sorted(collected.sessions), expected

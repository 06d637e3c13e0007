"""What there is of blocks, and whether they say what the rows say."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sessions.analysis import encoding
from sessions.analysis.columns import Columns, concatenate
from sessions.analysis.encoding import Damaged
from sessions.domain.block_header import BlockHeader
from sessions.domain.hours import hour_start
from sessions.domain.websites import Website
from sessions.storage import blocks, changed_hours, session_arrays
from sessions.storage.database import Database
from sessions.usecases.session_snapshot import SessionSnapshot


class BlockStatus(NamedTuple):
    """The blocks of a website; `changed_hours` are out of date, the current one among them."""

    website_id: str
    blocks: int
    sessions: int
    bytes: int
    changed_hours: int
    folded_at: datetime | None


class Verified(NamedTuple):
    """How many sessions were compared, and the hours of which blocks were wrong."""

    sessions: int
    wrong_hours: list[datetime]


class InspectBlocks:
    """Looks at blocks.

    Args:
        database: for long jobs.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def status(self, websites: Sequence[Website]) -> list[BlockStatus]:
        """What there is of each website.

        Raises:
            Unavailable: the database can't be reached.
        """
        async with self._database.transaction() as connection:
            return [
                BlockStatus(
                    website.website_id,
                    *await blocks.status(connection, website.key, encoding.STORED),
                )
                for website in websites
            ]

    async def verify(self, website_key: int) -> Verified:
        """Compare blocks with the rows, in one snapshot; what is wrong counts as changed then.

        Raises:
            Unavailable: the database can't be reached.
        """
        async with blocks.read_transaction(self._database) as connection:
            snapshot = await SessionSnapshot.open(connection, website_key)
            counts = await session_arrays.count_by_hour(connection, website_key)
            expected = counts.keys() - snapshot.dirty
            in_blocks = {hour for header in snapshot.headers for hour in header.hours}
            wrong = expected - in_blocks
            for header in snapshot.headers:
                wrong |= await _wrong_hours(snapshot, header)
        wrong.update(hour for header in snapshot.damaged for hour in header.hours)
        async with self._database.transaction() as connection:
            await changed_hours.note_hours(connection, website_key, wrong, is_urgent=True)
        return Verified(sum(counts[hour] for hour in expected), sorted(map(hour_start, wrong)))


async def _wrong_hours(snapshot: SessionSnapshot, header: BlockHeader) -> set[int]:
    """The hours of a block that are not what the rows say."""
    hours = set(header.hours) - snapshot.dirty
    try:
        stored = (await snapshot.block(header)).compact()
    except Damaged:
        return hours
    parts = [stored.take(stored["started_at"][:0]), *[part async for part in snapshot.rows(hours)]]
    return await asyncio.to_thread(_differences, stored, concatenate(parts))


def _differences(stored: Columns, rows: Columns) -> set[int]:
    """The hours of which two are not the same."""
    if _same(stored, rows):
        return set()
    hours = {*stored.hours.tolist(), *rows.hours.tolist()}
    return {hour for hour in hours if not _same(stored.hour(hour), rows.hour(hour))}


def _same(one: Columns, other: Columns) -> bool:
    """Whether they make the same block: there is just one for the same sessions."""
    if not len(one) or not len(other):
        return len(one) == len(other)
    return encoding.encode(0, one) == encoding.encode(0, other)

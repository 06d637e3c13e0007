"""Monthly partitions of events and sessions: made when the first row of a month comes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from psycopg import errors, sql

from sessions.storage.database import Connection, Database

LOCK = 7_305_806_142_992
"""Advisory lock under which one process at a time makes or drops partitions."""

PARTITIONED = ("events", "sessions")


class PartitionMissing(Exception):
    """A row belongs to a month whose partition was dropped since it was made."""


class Month(NamedTuple):
    """A month of UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, moment: datetime) -> "Month":
        """The month in which a moment lies."""
        utc = moment.astimezone(UTC)
        return cls(utc.year, utc.month)

    @property
    def start(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return datetime(self.year + self.month // 12, self.month % 12 + 1, 1, tzinfo=UTC)

    def partition(self, table: str) -> str:
        """The name of the partition that holds this month of a table."""
        return f"{table}_{self.year}_{self.month:02}"

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02}"


class Partitions:
    """Makes the partitions that rows need, and remembers which there are."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._made: set[Month] = set()

    @contextmanager
    def expected(self) -> Iterator[None]:
        """Write rows inside this block; none of them is written when it raises.

        Raises:
            PartitionMissing: retention has dropped a partition that was remembered. What was
                remembered is forgotten: `ensure` and write again.
        """
        try:
            yield
        except errors.CheckViolation as error:
            # The error of a missing partition names no constraint; that of a CHECK does.
            if error.diag.constraint_name:
                raise
            self._made.clear()
            raise PartitionMissing from error

    async def ensure(self, moments: Iterable[datetime]) -> None:
        """Make the partitions of the months (UTC) in which these moments lie.

        In a transaction of its own, before the one that needs them: a partition that
        is made inside a long transaction would hold up everybody else.

        Raises:
            Unavailable: the database can't be reached.
        """
        utc = [moment.astimezone(UTC) for moment in moments]
        months = {(moment.year, moment.month) for moment in utc}
        missing = {Month(*month) for month in months} - self._made
        if not missing:
            return
        async with self._database.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            for month in sorted(missing):
                for table in PARTITIONED:
                    await _make(connection, table, month)
        self._made |= missing


async def _make(connection: Connection, table: str, month: Month) -> None:
    """Make one partition unless it is there.

    Attached rather than created in place: that lets readers and writers go on.
    """
    name = month.partition(table)
    # Another process can have made it. IF NOT EXISTS would not tell whether it is attached, too.
    found = await connection.execute("SELECT to_regclass(%s)", (name,))
    if await found.fetchone() != (None,):
        return
    parent, partition = sql.Identifier(table), sql.Identifier(name)
    await connection.execute(
        sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(partition, parent)
    )
    await connection.execute(
        sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            parent, partition, sql.Literal(month.start), sql.Literal(month.end)
        )
    )

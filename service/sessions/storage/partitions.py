"""Monthly partitions of events and sessions, made when the first row of a month comes."""

from collections.abc import Iterable
from datetime import UTC, datetime

from psycopg import sql

from sessions.storage.database import Connection, Database

_LOCK = 7_305_806_142_992
"""Advisory lock under which one process at a time makes partitions."""

PARTITIONED = ("events", "sessions")


class Partitions:
    """Makes the partitions that rows need, and remembers which there are."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._made: set[tuple[int, int]] = set()

    async def ensure(self, moments: Iterable[datetime]) -> None:
        """Make the partitions of the months (UTC) in which these moments lie.

        In a transaction of its own, before the one that needs them: a partition that
        is made inside a long transaction would hold up everybody else.

        Raises:
            Unavailable: the database can't be reached.
        """
        utc = (moment.astimezone(UTC) for moment in moments)
        missing = {(moment.year, moment.month) for moment in utc} - self._made
        if not missing:
            return
        async with self._database.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            for month in sorted(missing):
                for table in PARTITIONED:
                    await _make(connection, table, *month)
        self._made |= missing


async def _make(connection: Connection, table: str, year: int, month: int) -> None:
    """Make one partition unless it is there.

    Attached rather than created in place: that lets readers and writers go on.
    """
    name = f"{table}_{year}_{month:02}"
    found = await connection.execute("SELECT to_regclass(%s)", (name,))
    if await found.fetchone() != (None,):
        return
    parent, partition = sql.Identifier(table), sql.Identifier(name)
    start = datetime(year, month, 1, tzinfo=UTC)
    end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    await connection.execute(
        sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(partition, parent)
    )
    await connection.execute(
        sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            parent, partition, sql.Literal(start), sql.Literal(end)
        )
    )

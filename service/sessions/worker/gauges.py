"""What a worker measures by looking now and then: its pools, folds that wait, and what is stored.

It looks by itself, not when somebody asks for metrics: so that they are there, with the last
values, while the database does not answer.
"""

from sessions.composition import Application
from sessions.instruments import (
    BLOCK_BYTES,
    BLOCK_SESSIONS,
    DATABASE_BYTES,
    FOLD_BACKLOG,
    FOLD_LAG,
)
from sessions.storage.totals import read_totals


async def measure_process(application: Application) -> None:
    """Note what this worker is doing; asks nobody."""
    for database in application.pools:
        database.measure()
    FOLD_LAG.set(application.fold_blocks.lag.total_seconds())


async def measure_stored(application: Application) -> None:
    """Note how much is stored.

    Raises:
        Unavailable: the database can't be reached.
    """
    totals = await read_totals(application.pools.jobs)
    DATABASE_BYTES.set(totals.database_bytes)
    BLOCK_BYTES.set(totals.block_bytes)
    BLOCK_SESSIONS.set(totals.block_sessions)
    FOLD_BACKLOG.set(totals.changed_hours)

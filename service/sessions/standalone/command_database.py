"""A database for a command that does one thing and ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from sessions.settings import Settings
from sessions.standalone.console import poll
from sessions.standalone.data_dir import (
    DataDirLock,
    RunningUp,
    lock_holder,
    read_running_up,
    remove_running_up,
)
from sessions.standalone.postgres import running_postgres
from sessions.storage.migrate import migrate


@asynccontextmanager
async def command_database(settings: Settings) -> AsyncIterator[str]:
    """Give a one-shot command the URL of the database for the length of the block.

    It is `DATABASE_URL` if that is set, or else that of the `up` that runs on the data
    directory. Otherwise PostgreSQL is started, migrated and stopped afterwards. Commands that
    want to do that at the same time take turns, and wait for an `up` that is starting.

    Raises:
        StartError: PostgreSQL can't be started; says why.
        DomainError: it can't be migrated.
    """
    if settings.database_url:
        yield settings.database_url
        return
    data_dir = settings.data_dir
    attempt = partial(_claim, data_dir)
    claim: DataDirLock | RunningUp = await poll(
        attempt, lambda: f"{lock_holder(data_dir)} to finish"
    )
    # Its database is used while it runs: no lock, and nothing to stop.
    if isinstance(claim, RunningUp):
        yield claim.database_url
        return
    with claim:
        async with running_postgres(data_dir) as url:
            await migrate(url)
            yield url


def _claim(data_dir: Path) -> DataDirLock | RunningUp | None:
    """The right to start PostgreSQL here, or a running one, or nothing yet."""
    lock = DataDirLock.try_acquire(data_dir, is_up=False)
    if lock is None:
        return read_running_up(data_dir)
    # The holder of the lock knows that no `up` runs: the file was left by a crash.
    remove_running_up(data_dir)
    return lock

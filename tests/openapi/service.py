"""A running service with what the examples need: a website, and keys of all kinds."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql
from sessions.composition import Application, open_application
from sessions.domain.api_keys import Scope, new_secret
from sessions.domain.key_limits import KeyLimit
from sessions.settings import Settings

from tests.support.databases import without_connections
from tests.support.restart import workers
from tests.support.stack import Stack, running_stack

_VIEW = """
ALTER TABLE websites RENAME TO gone;
CREATE VIEW websites AS
SELECT website_key, website_id, {name}, created_at, retention_days, deleted_at
  FROM gone"""


@dataclass(frozen=True)
class Service:
    """A running service; `keys` are secrets by what is special about them."""

    stack: Stack
    website_id: str
    keys: Mapping[str, str]

    @property
    def key(self) -> str:
        """The key that may do everything."""
        return self.keys["all"]

    def kill_workers(self) -> None:
        """End all workers at once; `up` starts them anew."""
        for pid in workers(self.stack.process.pid):
            os.kill(pid, signal.SIGKILL)

    def without_database(self) -> AbstractContextManager[None]:
        """Let nobody into the database for the length of the block."""
        return without_connections(self.stack.database_url)

    @property
    def workers(self) -> int:
        """How many workers there are."""
        return len(workers(self.stack.process.pid))

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Let every call that needs a table wait for the length of the block."""
        with psycopg.connect(self.stack.database_url) as connection:
            query = sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE")
            connection.execute(query.format(sql.Identifier(table)))
            yield
            connection.rollback()

    @contextmanager
    def slow(self) -> Iterator[None]:
        """Make every call take longer than it may, for the length of the block."""
        with self._other_websites("pg_sleep(12)::text AS name"):
            yield

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Make every call meet what nobody foresaw, for the length of the block."""
        with self._other_websites("(1 / (website_key - website_key))::text AS name"):
            yield

    @contextmanager
    def _other_websites(self, name: LiteralString) -> Iterator[None]:
        """Put a view in place of the websites, in which `name` is something else."""
        with psycopg.connect(self.stack.database_url, autocommit=True) as connection:
            connection.execute(sql.SQL(_VIEW).format(name=sql.SQL(name)))
            yield
            connection.execute("DROP VIEW websites; ALTER TABLE gone RENAME TO websites")


@contextmanager
def running_service(**settings: str) -> Iterator[Service]:
    """A service of one's own, on an embedded PostgreSQL; `settings` are environment variables."""
    with (
        tempfile.TemporaryDirectory(prefix="sessions-test-") as folder,
        running_stack(Path(folder) / "data", **settings) as stack,
    ):
        website_id, keys = asyncio.run(_fill(stack.database_url))
        yield Service(stack, website_id, keys)


async def _fill(database_url: str) -> tuple[str, Mapping[str, str]]:
    async with open_application(database_url, Settings()) as application:
        website_id = await application.websites.create("shop")
        return website_id, await _keys(application, await application.websites.create("other"))


async def _keys(application: Application, elsewhere: str) -> Mapping[str, str]:
    create, everything = application.api_keys.create, list(Scope)
    keys = {
        "all": await create("all", everything),
        "reads": await create("reads", [Scope.SESSIONS_READ]),
        "writes": await create("writes", [Scope.EVENTS_WRITE]),
        "elsewhere": await create("elsewhere", everything, website_id=elsewhere),
        "expired": await create("expired", everything, expires_at=datetime(2026, 1, 1, tzinfo=UTC)),
        "limited": await create("limited", everything, limits={KeyLimit.CALLS: 2}),
        "revoked": await create("revoked", everything),
        "unknown": new_secret(),
    }
    for key in await application.api_keys.list_all():
        if key.name == "revoked":
            await application.api_keys.revoke(key.key_id)
    return keys

"""Behind PgBouncer, in transaction mode: what a connection was told is forgotten each time."""

import asyncio
import os
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import NamedTuple

import pytest
import pytest_asyncio
from sessions.domain.errors import Unavailable
from sessions.storage.database import Database
from sessions.storage.migrate import migrate
from sessions.storage.pools import open_pools

from tests.support.pgbouncer import BINARY, WITHOUT, running_pgbouncer
from tests.support.replica import running_primary

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not BINARY and "CI" not in os.environ, reason=WITHOUT),
]


class Servers(NamedTuple):
    """A server, and the way to it through PgBouncer."""

    direct: str
    pooled: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def servers() -> AsyncIterator[Servers]:
    async with AsyncExitStack() as stack:
        folder, primary, url = await stack.enter_async_context(running_primary())
        pooler = await stack.enter_async_context(running_pgbouncer(primary, folder / "pooler"))
        await migrate(pooler.url)
        yield Servers(url, pooler.url)


async def test_statements_run_on_whichever_connection_is_free(servers: Servers) -> None:
    async with Database(servers.pooled, pool_size=10) as database:

        async def ask(number: int) -> int:
            query = "SELECT %(number)s::int, pg_backend_pid(), pg_sleep(0.01)"
            [(told, pid, _)] = await database.fetch(query, {"number": number})
            assert told == number
            return int(pid)

        pids = set(await asyncio.gather(*map(ask, range(100))))
    assert len(pids) > 1


async def test_a_replica_behind_it_is_refused(servers: Servers) -> None:
    """A connection would outlive the server, and lead to one that is further behind."""
    async with open_pools(
        servers.direct, pool_size=2, request_timeout=2, read_url=servers.pooled
    ) as pools:
        [replica] = pools.replicas._replicas
        with pytest.raises(Unavailable):
            await replica.probe.standing(2)


async def test_statements_are_prepared_only_where_they_last(servers: Servers) -> None:
    async with Database(servers.pooled) as database, database.connection() as connection:
        can_prepare = connection.prepare_threshold is not None
    found = await asyncio.create_subprocess_exec(str(BINARY), "--version", stdout=PIPE)
    printed, _ = await found.communicate()
    version = tuple(map(int, printed.decode().split()[1].split(".")[:2]))
    # Turned on by default from then on.
    assert can_prepare == (version >= (1, 24))
    async with Database(servers.direct) as database, database.connection() as connection:
        assert connection.prepare_threshold is not None

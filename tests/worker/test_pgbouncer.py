"""Callers do not notice that a worker reaches its database through PgBouncer."""

import asyncio
import os
from contextlib import AsyncExitStack

import pytest
from sessions.storage.migrate import migrate

from tests.support.callers import Callers
from tests.support.databases import ask
from tests.support.pgbouncer import BINARY, WITHOUT, running_pgbouncer
from tests.support.replica import running_primary
from tests.support.worker import running_worker

pytestmark = pytest.mark.skipif(not BINARY and "CI" not in os.environ, reason=WITHOUT)


async def test_no_call_fails_where_each_transaction_has_another_connection() -> None:
    async with AsyncExitStack() as stack:
        folder, primary, url = await stack.enter_async_context(running_primary())
        pooler = await stack.enter_async_context(
            # Fewer than the worker has, and each for some calls only.
            running_pgbouncer(
                primary, folder / "pooler", default_pool_size="4", server_lifetime="1"
            )
        )
        await migrate(pooler.url)
        worker = await stack.enter_async_context(running_worker(pooler.url))
        channel = await stack.enter_async_context(worker.channel())
        callers = Callers(worker, channel)
        await callers.record()
        async with callers.running(), callers.running(), callers.running():
            await asyncio.sleep(4)
        assert callers.answered > 100
        assert await callers.count() == callers.recorded
        assert await ask(url, "SELECT sum(pageviews) FROM sessions") == callers.recorded

"""Callers do not notice that a replica freezes, dies or is promoted."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sessions.storage.migrate import migrate

from tests.support.callers import Callers
from tests.support.processes import eventually_awaited
from tests.support.replica import RunningReplica, running_primary, running_replica
from tests.support.worker import Worker, running_worker

_MAX_LAG = 1
_READ = """
SELECT count(*) FROM pg_stat_activity
 WHERE usename = 'sessions' AND state = 'idle' AND query LIKE '%%FROM sessions s%%'
"""


def _all_of(replicas: list[RunningReplica]) -> str:
    """One URL for all of them; they have the same password."""
    given = [conninfo_to_dict(replica.url) for replica in replicas]
    lists = {name: ",".join(str(each[name]) for each in given) for name in ("host", "port")}
    return make_conninfo(replicas[0].url, **lists)


@asynccontextmanager
async def _running(
    replicas: int, **settings: str
) -> AsyncIterator[tuple[Worker, list[RunningReplica]]]:
    async with AsyncExitStack() as stack:
        folder, primary, url = await stack.enter_async_context(running_primary())
        await migrate(url)
        running = [
            await stack.enter_async_context(running_replica(primary, folder / f"replica{number}"))
            for number in range(replicas)
        ]
        settings = {
            "DATABASE_READ_URL": _all_of(running),
            "SESSIONS_MAX_LAG": str(_MAX_LAG),
            # Less than how long a replica is frozen.
            "SESSIONS_REQUEST_TIMEOUT": "5",
        }
        worker = await stack.enter_async_context(running_worker(url, settings=settings))
        yield worker, running


async def test_no_call_fails_when_replicas_do() -> None:
    async with _running(3) as (worker, replicas), worker.channel() as channel:
        callers = Callers(worker, channel)
        await callers.record()
        await asyncio.sleep(_MAX_LAG)

        async def all_are_read() -> bool:
            return all([await replica.administrate(_READ) for replica in replicas])

        async with callers.running():
            await eventually_awaited(all_are_read)
            frozen, killed, promoted = replicas
            frozen.signal(signal.SIGSTOP)
            try:
                await asyncio.sleep(4)
                killed.signal(signal.SIGKILL)
                await asyncio.sleep(2)
                assert await promoted.administrate("SELECT pg_promote()")
                await asyncio.sleep(1)
            finally:
                frozen.signal(signal.SIGCONT)
            await eventually_awaited(lambda: _is_read(frozen))
            await asyncio.sleep(1)
        _, position = await callers.record()
        assert await callers.count(position) == callers.recorded
        assert callers.answered > 100


async def _is_read(replica: RunningReplica) -> bool:
    return bool(await replica.administrate(_READ))

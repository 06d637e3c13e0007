"""A replica takes over under load: callers who retry lose nothing, and nothing is counted twice."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from analytics_sessions import AsyncClient, AsyncWalk, Event
from analytics_sessions.v1.session_pb2 import Session
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sessions.storage.migrate import migrate

from tests.support.databases import ask
from tests.support.processes import eventually_awaited
from tests.support.replica import RunningReplica, running_primary, running_replica
from tests.support.worker import running_worker

_CALLERS = 6
_START = datetime.now(UTC) - timedelta(days=2)


class Caller:
    """Records events of a visitor of its own, and reads them, until told to stop."""

    def __init__(self, client: AsyncClient, website_id: str, number: int) -> None:
        self._client, self._website_id = client, website_id
        self._visitor = f"visitor-{number}"
        self.recorded = 0
        self.is_over = False

    async def __call__(self) -> None:
        while not self.is_over:
            await self._record(self.recorded + 1)
            self.recorded += 1
            # What one client has recorded it reads, whichever server is the primary by then.
            [session] = [each async for each in self._list()]
            assert session.pageviews == self.recorded
            await asyncio.sleep(0.01)

    async def _record(self, number: int) -> None:
        event: Event = {
            "event_id": f"{self._visitor}-{number}",
            "event_type": "pageview",
            "visitor_id": self._visitor,
            "timestamp": _START + timedelta(seconds=number),
            "url": "/",
        }
        await self._client.record(self._website_id, [event])

    def _list(self) -> AsyncWalk[Session]:
        return self._client.sessions(self._website_id, filter=f'visitor_id = "{self._visitor}"')


async def test_nothing_is_lost_or_doubled_when_a_replica_takes_over() -> None:
    async with AsyncExitStack() as stack:
        folder, primary, url = await stack.enter_async_context(running_primary())
        await migrate(url)
        replica = await stack.enter_async_context(running_replica(primary, folder / "replica"))
        await _wait_for_replica_on_commit(url)
        settings = {
            "DATABASE_READ_URL": replica.url,
            "SESSIONS_MAX_LAG": "1",
            "SESSIONS_REQUEST_TIMEOUT": "5",
        }
        both = _both(url, replica)
        worker = await stack.enter_async_context(running_worker(both, settings=settings))
        clients = [
            await stack.enter_async_context(AsyncClient(f"http://{worker.address}", worker.key))
            for _ in range(_CALLERS)
        ]
        callers = [
            Caller(client, worker.website_id, number) for number, client in enumerate(clients)
        ]
        async with asyncio.TaskGroup() as group:
            for caller in callers:
                group.create_task(caller())
            await asyncio.sleep(2)
            before = _total(callers)
            _end(primary)
            await asyncio.sleep(0.2)
            assert await replica.administrate("SELECT pg_promote()")
            after = _total(callers)

            async def goes_on() -> bool:
                return all(caller.recorded for caller in callers) and _total(callers) > after + 100

            await eventually_awaited(goes_on)
            for caller in callers:
                caller.is_over = True
        assert before > _CALLERS
        stored = await ask(replica.url, "SELECT count(*) FROM events")
        counted = await ask(replica.url, "SELECT sum(pageviews) FROM sessions")
        assert stored == counted == _total(callers)


def _total(callers: list[Caller]) -> int:
    return sum(caller.recorded for caller in callers)


def _both(url: str, replica: RunningReplica) -> str:
    """The URL of whichever server is the primary."""
    given = [conninfo_to_dict(each) for each in (url, replica.url)]
    lists = {name: ",".join(str(each[name]) for each in given) for name in ("host", "port")}
    return make_conninfo(url, **lists, target_session_attrs="read-write", connect_timeout="2")


async def _wait_for_replica_on_commit(url: str) -> None:
    """Acknowledge no commit that the replica has not written, or a failover could lose it."""
    administrator = make_conninfo(url, user="postgres")
    await ask(administrator, "ALTER SYSTEM SET synchronous_standby_names = '*'")
    await ask(administrator, "ALTER ROLE sessions SET synchronous_commit = 'on'")
    await ask(administrator, "SELECT pg_reload_conf()")

    async def is_synchronous() -> bool:
        query = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        return bool(await ask(administrator, query))

    await eventually_awaited(is_synchronous)


def _end(data_dir: Path) -> None:
    """Kill a server, which comes back as one that writes nothing."""
    folder = data_dir / "postgres"
    (folder / "standby.signal").touch()
    os.kill(int((folder / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

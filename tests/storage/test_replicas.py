"""Reads from replicas are as fresh as promised, and none fails because a replica does."""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sessions.domain.errors import Unavailable
from sessions.standalone.postgres import running_postgres
from sessions.storage.blocks import read_transaction
from sessions.storage.database import Connection, Database
from sessions.storage.migrate import migrate
from sessions.storage.pools import Pools, open_pools
from sessions.storage.positions import Standing, noting_commits
from sessions.storage.replicas import confirm_on_primary, repeated
from sessions.worker.background import repeat_overlapping
from structlog.testing import capture_logs

from tests.support.databases import ask
from tests.support.processes import eventually_awaited
from tests.support.replica import RunningReplica, running_primary, running_replica

pytestmark = pytest.mark.asyncio(loop_scope="module")

_MAX_LAG = 1.0
_INSERT = "INSERT INTO websites (website_id, name) VALUES (%s, '') RETURNING website_key"
_MANY = """
INSERT INTO websites (website_id, name) SELECT 'many-' || n, '' FROM generate_series(1, 50000) n
"""
_FIND = """
SELECT max(website_key), pg_is_in_recovery() FROM websites WHERE website_id = %(name)s
"""
_NEWEST = "SELECT coalesce(max(website_key), 0), pg_is_in_recovery() FROM websites"


class Servers(NamedTuple):
    """A primary and its replica, and the pools over both."""

    primary: str
    replica: RunningReplica
    pools: Pools

    async def record(self, name: str) -> tuple[int, int]:
        """Commit a row; its key and the position of the commit."""
        with noting_commits() as commits:
            async with self.pools.requests.transaction() as connection:
                found = await connection.execute(_INSERT, [name])
                [(key,)] = await found.fetchall()
        return key, commits.position

    async def newest(self, after: int = 0) -> tuple[int, bool]:
        """The key of the last row, as a call reads it, and whether a replica has told."""
        with self.pools.replicas.reading(after):
            [(key, is_replica)] = await self.pools.reads.fetch(_NEWEST, {})
        return key, is_replica

    async def is_read_from(self) -> bool:
        """Whether calls read from the replica, once it was asked where it stands."""
        await self.pools.replicas.check()
        return (await self.newest())[1]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def servers() -> AsyncIterator[Servers]:
    async with AsyncExitStack() as stack:
        folder, primary, url = await stack.enter_async_context(running_primary())
        await migrate(url)
        replica = await stack.enter_async_context(running_replica(primary, folder / "replica"))
        pools = await stack.enter_async_context(
            open_pools(url, pool_size=4, request_timeout=10, read_url=replica.url, max_lag=_MAX_LAG)
        )
        yield Servers(url, replica, pools)


@asynccontextmanager
async def paused(replica: RunningReplica) -> AsyncIterator[None]:
    """Let the replica replay nothing."""
    await replica.administrate("SELECT pg_wal_replay_pause()")
    try:
        yield
    finally:
        await replica.administrate("SELECT pg_wal_replay_resume()")


@asynccontextmanager
async def meanwhile(*jobs: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Do these until the end of the block."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_run(job)) for job in jobs]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _run(job: Callable[[], Awaitable[None]]) -> None:
    await job()


async def test_what_is_read_is_never_older_than_the_bound(servers: Servers) -> None:
    committed: list[tuple[float, int]] = []
    told = {"replica": 0, "stale": 0, "primary": 0}

    async def write() -> None:
        while True:
            key, _ = await servers.record(f"site_{time.monotonic_ns()}")
            committed.append((time.monotonic(), key))
            await asyncio.sleep(0.005)

    async def check() -> None:
        while True:
            await servers.pools.replicas.check()
            await asyncio.sleep(0.2)

    async def pause() -> None:
        while True:
            async with paused(servers.replica):
                await asyncio.sleep(2 * _MAX_LAG)
            await asyncio.sleep(0.5)

    await eventually_awaited(servers.is_read_from)
    async with meanwhile(write, check, pause):
        end = time.monotonic() + 6
        while (now := time.monotonic()) < end:
            known = max((key for _, key in committed), default=0)
            owed = max((key for when, key in committed if when <= now - _MAX_LAG), default=0)
            key, is_replica = await servers.newest()
            assert key >= owed
            told["replica" if is_replica else "primary"] += 1
            told["stale"] += key < known
            await asyncio.sleep(0.01)
    assert all(count > 10 for count in told.values()), told


async def test_an_idle_primary_makes_no_replica_old(servers: Servers) -> None:
    await eventually_awaited(servers.is_read_from)
    await asyncio.sleep(2 * _MAX_LAG)
    # Nobody knows now, and one question is enough to tell.
    assert not (await servers.newest())[1]
    assert await servers.is_read_from()


async def test_what_was_committed_can_be_read_by_its_position(servers: Servers) -> None:
    await eventually_awaited(servers.is_read_from)
    async with paused(servers.replica):
        key, position = await servers.record("site_position")
        await servers.pools.replicas.check()
        assert (await servers.newest())[0] < key, "the replica is not behind"
        assert await servers.newest(position) == (key, False)

    async def is_there() -> bool:
        await servers.pools.replicas.check()
        return await servers.newest(position) == (key, True)

    await eventually_awaited(is_there)


@pytest.mark.parametrize(
    "change",
    [
        # As when a partition is dropped, and as when what was deleted is cleared away.
        ["DO 'BEGIN LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE; END'"],
        ["DELETE FROM websites WHERE website_id LIKE 'old%'", "VACUUM websites"],
    ],
)
async def test_a_read_that_the_log_cancels_is_repeated_on_the_primary(
    servers: Servers, change: list[str]
) -> None:
    for number in range(50):
        await servers.record(f"old_{number}_{time.monotonic_ns()}")
    await eventually_awaited(servers.is_read_from)
    told: list[bool] = []

    async def count() -> int:
        async with read_transaction(servers.pools.analysis) as connection:
            told.append(await _is_replica(connection))
            if len(told) == 1:
                for statement in change:
                    await ask(servers.primary, statement)
                # What cancels the read is on its way.
                await asyncio.sleep(0.5)
            found = await connection.execute("SELECT count(*) FROM websites")
            [(counted,)] = await found.fetchall()
            return int(counted)

    with servers.pools.replicas.reading(0):
        assert await repeated(count) > 0
    assert told == [True, False]


async def test_a_read_that_waited_for_too_long_turns_to_the_primary(servers: Servers) -> None:
    await eventually_awaited(servers.is_read_from)
    [replica] = servers.pools.replicas._replicas
    pool = replica.pools[servers.pools.analysis._primary]

    async def newest() -> tuple[int, bool]:
        [(key, is_replica)] = await servers.pools.analysis.fetch(_NEWEST, {})
        return key, is_replica

    with servers.pools.replicas.reading(0):
        async with pool.connection(), paused(servers.replica):
            key, _ = await servers.record("site_waited")
            reading = asyncio.create_task(repeated(newest))
            await asyncio.sleep(1.2 * _MAX_LAG)
        assert await reading == (key, False)


async def test_exports_wait_for_their_turn_on_a_replica(servers: Servers) -> None:
    await eventually_awaited(servers.is_read_from)
    [replica] = servers.pools.replicas._replicas
    pool = replica.pools[servers.pools.exports._primary]
    with servers.pools.replicas.reading(0):
        async with meanwhile(partial(repeat_overlapping, 0.2, servers.pools.replicas.check)):
            async with pool.connection(), pool.connection():
                reading = asyncio.create_task(servers.pools.exports.fetch(_NEWEST, {}))
                await asyncio.sleep(1.2 * pool.patience)
            [(_, is_replica)] = await reading
    assert is_replica


async def test_what_a_replica_does_not_find_is_looked_for_on_the_primary(
    servers: Servers,
) -> None:
    await eventually_awaited(servers.is_read_from)
    asked: list[bool] = []

    async def find() -> int:
        found = await servers.pools.reads.fetch(_FIND, {"name": "site_new"})
        asked.append(found[0][1])
        if found[0][0] is None:
            confirm_on_primary()
        return int(found[0][0])

    async with paused(servers.replica):
        key, _ = await servers.record("site_new")
        with servers.pools.replicas.reading(0):
            assert await repeated(find) == key
    assert asked == [True, False]


async def test_a_replica_that_does_not_answer_keeps_no_other_waiting(servers: Servers) -> None:
    with silent_server() as silent, capture_logs() as lines:
        given = conninfo_to_dict(servers.replica.url)
        both = make_conninfo(
            servers.replica.url, host=f"{given['host']},127.0.0.1", port=f"{given['port']},{silent}"
        )
        opened = open_pools(servers.primary, pool_size=1, request_timeout=10, read_url=both)
        async with opened as pools:
            first = asyncio.create_task(pools.replicas.check())
            await asyncio.sleep(0.5)
            asked = time.monotonic()
            await pools.replicas.check()
            healthy, _ = pools.replicas._replicas
            assert healthy.as_of >= asked
            assert not first.done()
            await first
    told = {line["host"]: line.get("reason") for line in lines if "host" in line}
    assert told == {
        f"{given['host']}:{given['port']}": None,
        f"127.0.0.1:{silent}": "it does not answer within 1 s",
    }


@contextmanager
def silent_server() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"dbname": "nowhere"}, 'database "nowhere" does not exist'),
        ({"password": "wrong-one"}, "password authentication failed"),
        ({"dbname": "postgres"}, "names another database"),
        ({}, "it is no replica"),
    ],
)
async def test_the_log_says_once_why_a_replica_is_not_read_from(
    servers: Servers, given: dict[str, str], reason: str
) -> None:
    url = make_conninfo(servers.replica.url if given else servers.primary, **given)
    opened = open_pools(servers.primary, pool_size=1, request_timeout=10, read_url=url)
    with capture_logs() as lines:
        async with opened as pools:
            await pools.replicas.check()
            await pools.replicas.check()
    [line] = lines
    assert line["event"] == "a replica is not read from"
    assert line["host"]
    assert reason in line["reason"]
    assert "wrong-one" not in str(line)


async def test_the_log_says_when_a_replica_is_read_from_again(servers: Servers) -> None:
    await eventually_awaited(servers.is_read_from)
    with capture_logs() as lines:

        async def says(event: str) -> bool:
            await servers.is_read_from()
            return any(line["event"] == event for line in lines)

        async with paused(servers.replica):
            await servers.record("site_log")
            await eventually_awaited(partial(says, "a replica is not read from"))
        await eventually_awaited(partial(says, "a replica is read from"))
    assert [(line["event"], line.get("reason")) for line in lines][:2] == [
        ("a replica is not read from", "it is behind by more than SESSIONS_MAX_LAG"),
        ("a replica is read from", None),
    ]


async def test_connections_of_reads_can_be_broken_off(servers: Servers) -> None:
    await servers.pools.reads.fetch("SELECT 1", {})
    servers.pools.reads.break_off()
    assert await servers.pools.reads.fetch("SELECT 1", {}) == [(1,)]


async def _is_replica(connection: Connection) -> bool:
    found = await connection.execute("SELECT pg_is_in_recovery() FROM websites LIMIT 1")
    [(is_replica,)] = await found.fetchall()
    return bool(is_replica)


async def test_a_server_of_another_primary_is_not_read_from(
    servers: Servers, tmp_path: Path
) -> None:
    """Also where it is further on than ours."""
    other = tmp_path / "primary"
    ours = (await servers.pools.admin.standing(5)).position
    async with running_postgres(other, durable=False) as url:
        await migrate(url)
        await ask(url, _MANY)
        async with running_replica(other, tmp_path / "replica") as foreign:
            for read_url in (url, foreign.url):
                async with open_pools(
                    servers.primary, pool_size=1, request_timeout=10, read_url=read_url
                ) as pools:
                    [replica] = pools.replicas._replicas
                    assert (await replica.probe.standing(5)).position > ours
                    assert not await servers._replace(pools=pools).is_read_from()


async def test_only_replicas_that_follow_the_new_primary_are_read_from(tmp_path: Path) -> None:
    """Of two that followed the old one; the other goes on to follow that, and is ahead."""
    async with AsyncExitStack() as stack:
        old = tmp_path / "old"
        old_url = await stack.enter_async_context(running_postgres(old, durable=False))
        await migrate(old_url)
        new, following, left_behind = [
            await stack.enter_async_context(running_replica(old, tmp_path / name))
            for name in ("new", "following", "left_behind")
        ]
        assert await new.administrate("SELECT pg_promote()")
        conninfo = make_conninfo(new.url, user="postgres").replace("'", "''")
        await following.administrate(f"ALTER SYSTEM SET primary_conninfo = '{conninfo}'")
        await following.administrate("SELECT pg_reload_conf()")
        await ask(old_url, _MANY)
        of_both = {}
        for replica in (following, left_behind):
            opened = open_pools(
                new.url, pool_size=2, request_timeout=10, read_url=replica.url, max_lag=_MAX_LAG
            )
            pools = await stack.enter_async_context(opened)
            of_both[replica] = Servers(new.url, replica, pools)

        async def is_ahead() -> bool:
            ahead = await of_both[left_behind].pools.replicas._replicas[0].probe.standing(5)
            return ahead.position > (await of_both[left_behind].pools.admin.standing(5)).position

        await eventually_awaited(is_ahead)
        assert not await of_both[left_behind].is_read_from()
        # A replica tells the timeline that it follows from its next checkpoint on.
        await new.administrate("CHECKPOINT")
        await of_both[following].record("kept")

        async def is_followed() -> bool:
            await following.administrate("CHECKPOINT")
            return await of_both[following].is_read_from()

        await eventually_awaited(is_followed)
        assert not await of_both[left_behind].is_read_from()


async def test_nobody_waits_long_for_a_replica_that_does_not_answer(servers: Servers) -> None:
    await eventually_awaited(servers.is_read_from)
    opened = open_pools(
        servers.primary, pool_size=1, request_timeout=10, read_url=servers.replica.url
    )
    # It has no connections yet.
    async with opened as pools:
        await pools.replicas.check()
        servers.replica.signal(signal.SIGSTOP)
        try:
            start = time.monotonic()
            with pools.replicas.reading(0):
                asked = (pools.reads, pools.analysis, pools.exports)
                reading = (repeated(partial(each.fetch, "SELECT 1", {})) for each in asked)
                await asyncio.gather(*reading)
            assert 1 < time.monotonic() - start < 5, "the replica is not asked, or for too long"
        finally:
            servers.replica.signal(signal.SIGCONT)


async def test_a_server_that_went_back_is_refused(servers: Servers) -> None:
    """As a replica can after a crash; connections that were there before are lost then."""
    now, later = await servers.pools.admin.standing(5), 2**62
    async with Database(servers.primary, needed=lambda: now.position) as there:
        assert await there.fetch("SELECT 1", {})
    async with Database(servers.primary, needed=lambda: later, patience=0.5) as not_there:
        with pytest.raises(Unavailable):
            await not_there.fetch("SELECT 1", {})


async def test_positions_at_the_start_of_a_page_are_those_of_its_end() -> None:
    page = 8192
    assert Standing.of(5 * page + 40, False, "").position == 5 * page
    assert Standing.of(5 * page + 24, False, "").position == 5 * page
    assert Standing.of(5 * page + 41, False, "").position == 5 * page + 41
    assert Standing.of(None, True, "").position == 0

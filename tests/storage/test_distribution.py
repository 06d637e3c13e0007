"""`sessions migrate --distribute`: which tables go where, and what is refused."""

from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from sessions.domain.errors import DomainError
from sessions.domain.visitors import Visitors
from sessions.storage import distribution
from sessions.storage.database import Database
from sessions.storage.migrate import distribute, migrate
from sessions.storage.partitions import Partitions
from sessions.usecases.write_events import EventWriter

from tests.support import citus
from tests.support.databases import ask, new_database
from tests.support.rows import event, new_website, stored_sessions

_TABLES = """
SELECT array_agg(relname::text)
  FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
   AND relname !~ '_[0-9]+$' -- no shards
"""
# Shards without a key can't be moved while somebody writes.
_WITHOUT_KEY = """
SELECT count(*)
  FROM pg_dist_partition
 WHERE NOT EXISTS (SELECT FROM pg_index WHERE indrelid = logicalrelid AND indisprimary)
"""
_COLOCATIONS = "SELECT count(DISTINCT colocationid) FROM pg_dist_partition WHERE partmethod = 'h'"


async def test_every_table_has_its_place(database_url: str) -> None:
    placed = [*distribution.COPIED, *distribution.DISTRIBUTED, *distribution.LOCAL]
    assert sorted(placed) == sorted(await ask(database_url, _TABLES))


@pytest.mark.skipif(citus.URL is not None, reason="was not run: this database has Citus")
async def test_a_database_without_citus_is_refused(database_url: str) -> None:
    with pytest.raises(DomainError, match=r"has no Citus: .* citus_add_node"):
        await distribute(database_url)


@citus.needs_citus
async def test_what_is_there_is_moved_once(server_url: str) -> None:
    async with new_database(server_url) as name:
        url = make_conninfo(server_url, dbname=name)
        await citus.make_cluster(server_url, name)
        await migrate(url)
        async with Database(url) as database:
            write_events = EventWriter(database, Partitions(database), Visitors(b"secret"))
            website = await new_website(database)
            march = datetime(2026, 3, 3, tzinfo=UTC)
            await write_events(website, [event("ann", march), event("bob", march)])
            before = await stored_sessions(database, website)
            assert await distribute(url) == [*distribution.COPIED, *distribution.DISTRIBUTED]
            assert await distribute(url) == []
            assert await stored_sessions(database, website) == before
            april = datetime(2026, 4, 3, tzinfo=UTC)
            await write_events(website, [event("ann", march), event("ann", april)])
            assert len(await stored_sessions(database, website)) == 3
        assert await ask(url, _WITHOUT_KEY) == 0
        assert await ask(url, _COLOCATIONS) == 1


@citus.needs_citus
async def test_a_cluster_without_nodes_and_a_worker_are_refused(server_url: str) -> None:
    async with new_database(server_url) as name:
        urls = [make_conninfo(url, dbname=name) for url in await citus.node_urls(server_url)]
        for url in urls:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                await connection.execute("CREATE EXTENSION citus")
        await migrate(urls[0])
        with pytest.raises(DomainError, match="no node of the Citus cluster takes shards"):
            await distribute(urls[0])
        async with await psycopg.AsyncConnection.connect(urls[0], autocommit=True) as connection:
            for host, port, is_coordinator in await citus.nodes(server_url):
                if not is_coordinator:
                    await connection.execute("SELECT citus_add_node(%s, %s)", (host, port))
        with pytest.raises(DomainError, match="must be its coordinator"):
            await distribute(urls[1])


@citus.needs_citus
async def test_an_old_citus_is_refused(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribution, "MIN_VERSION", (99, 1))
    async with new_database(server_url) as name:
        await citus.make_cluster(server_url, name)
        with pytest.raises(DomainError, match=r"is too old: 99\.1 or newer is needed"):
            await distribute(make_conninfo(server_url, dbname=name))

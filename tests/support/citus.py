"""The Citus cluster of TEST_CITUS_URL: its coordinator, in a database that knows all nodes."""

import os

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

URL = os.environ.get("TEST_CITUS_URL") or None

needs_citus = pytest.mark.skipif(
    URL is None, reason="was not run: TEST_CITUS_URL names no coordinator of a Citus cluster"
)

_NODES = """
SELECT nodename, nodeport, groupid = 0 FROM pg_dist_node WHERE noderole = 'primary' ORDER BY groupid
"""


async def nodes(url: str) -> list[tuple[str, int, bool]]:
    """Host, port, and whether it is the coordinator, of each node; the coordinator comes first."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        return await (await connection.execute(_NODES)).fetchall()


async def node_urls(url: str) -> list[str]:
    """The URLs of all nodes of the cluster; of a server that is in none its own."""
    if URL is None:
        return [url]
    return [make_conninfo(url, host=host, port=port) for host, port, _ in await nodes(URL)]


async def make_cluster(server_url: str, name: str) -> None:
    """Make databases of this name, which are there on all nodes, one Citus database."""
    for url in await node_urls(server_url):
        await _execute(make_conninfo(url, dbname=name), "CREATE EXTENSION citus")
    coordinator = make_conninfo(server_url, dbname=name)
    for host, port, is_coordinator in await nodes(server_url):
        function = "citus_set_coordinator_host" if is_coordinator else "citus_add_node"
        await _execute(coordinator, f"SELECT {function}('{host}', {port})")


async def close(server_url: str, name: str) -> None:
    """Let nobody into a database of all nodes, so that it can be copied."""
    for url in await node_urls(server_url):
        await _execute(url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        others = "FROM pg_stat_activity WHERE datname = " + f"'{name}'"
        await _execute(url, f"SELECT pg_terminate_backend(pid, 5000) {others}")


async def _execute(url: str, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(statement.encode())

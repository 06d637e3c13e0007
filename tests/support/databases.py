"""Databases of their own for tests, and questions to them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.support import citus


@asynccontextmanager
async def new_database(server_url: str, template: str = "template1") -> AsyncIterator[str]:
    """A database for the length of the block, copied from another one; yields its name.

    On a Citus cluster it is made on every node.
    """
    name = f"test_{uuid4().hex}"
    async with AsyncExitStack() as databases:
        for url in await citus.node_urls(server_url):
            await databases.enter_async_context(_new_database(url, name, template))
        yield name


@asynccontextmanager
async def _new_database(server_url: str, name: str, template: str) -> AsyncIterator[None]:
    async with await psycopg.AsyncConnection.connect(server_url, autocommit=True) as connection:
        await connection.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        try:
            yield
        finally:
            await _drop(connection, name)


async def _drop(connection: psycopg.AsyncConnection, name: str) -> None:
    """Remove a database with all its connections.

    FORCE would not do: only superusers may use it while autovacuum is at work in there.
    """
    await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
        " AND usename = current_user",
        (name,),
    )
    await connection.execute(f"DROP DATABASE {name}")


@contextmanager
def without_connections(url: str) -> Iterator[None]:
    """Let nobody into a database for the length of the block."""
    name = conninfo_to_dict(url)["dbname"]
    administrator = make_conninfo(url, dbname="postgres")
    with psycopg.connect(administrator, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        try:
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


async def quiet_log(url: str) -> None:
    """Turn the server's log off: each interrupted statement makes a line, and nobody reads them.

    The embedded server would come to a halt when the pipe is full.
    """
    administrator = make_conninfo(url, user="postgres")
    with suppress(psycopg.OperationalError):
        async with await psycopg.AsyncConnection.connect(administrator) as connection:
            statement = "ALTER DATABASE {} SET log_min_messages = 'panic'"
            name = sql.Identifier(connection.info.dbname)
            await connection.execute(sql.SQL(statement).format(name))


async def ask(url: str, query: str) -> Any:
    """The first value that a query gives."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute(query.encode())
        row = await cursor.fetchone() if cursor.description else None
        return row[0] if row else None


async def waiting_for_locks(url: str) -> int:
    """How many statements wait for somebody else's transaction."""
    query = """
    SELECT count(*) FROM pg_stat_activity
     WHERE wait_event_type = 'Lock' AND datname = current_database()
    """
    return int(await ask(url, query))

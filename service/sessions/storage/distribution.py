"""Distributes the tables over the nodes of a Citus cluster: each website is on one of them.

https://docs.citusdata.com/en/stable/develop/reference_ddl.html
"""

import re
from typing import LiteralString

from sessions.domain.errors import DomainError, Reason
from sessions.storage.database import Connection

MIN_VERSION = (11, 2)
"""The first Citus that gives a transaction on a worker the isolation level of its caller's."""

COPIED: tuple[LiteralString, ...] = ("websites", "api_keys", "secrets")
"""Small tables, of which each node has a copy."""

LOCAL: tuple[LiteralString, ...] = ("migrations", "workers")
"""What stays on the coordinator: workers of the service report there, also while a node is down."""

DISTRIBUTED: tuple[LiteralString, ...] = (
    *("visitors", "events", "sessions", "session_ids", "tombstones", "overflow_items"),
    *("changed_hours", "blocks", "fold_state"),
)
"""Tables whose rows are of one website, and lie together with all others of it."""

_EXTENSION = "SELECT extversion FROM pg_extension WHERE extname = 'citus'"
_NODES = """
SELECT (SELECT groupid FROM pg_dist_local_group),
       (SELECT count(*) FROM pg_dist_node WHERE isactive AND shouldhaveshards)
"""
_DONE = "SELECT logicalrelid::regclass::text FROM pg_dist_partition"
_LOCK: LiteralString = f"LOCK TABLE {', '.join((*COPIED, *DISTRIBUTED))} IN ACCESS EXCLUSIVE MODE"
_COPY = "SELECT create_reference_table(%s::regclass)"
_DISTRIBUTE = """
SELECT create_distributed_table(%s::regclass, 'website_key', colocate_with => %s)
"""
# What is left of the rows on the coordinator, which nobody sees any more.
_EMPTY = "SELECT truncate_local_data_after_distributing_table(%s::regclass)"

# Citus refuses parallel connections where a foreign key leads to a copied table. It calls triggers
# unsafe because they could need other nodes: that of `sessions` changes its own row alone.
SETTINGS: LiteralString = """
SET LOCAL citus.multi_shard_modify_mode = 'sequential';
SET LOCAL citus.enable_unsafe_triggers = on"""
"""Of a transaction that changes the schema; they mean nothing to other databases."""


async def is_distributed(connection: Connection) -> bool:
    """Whether `distribute` was here before."""
    return await _version(connection) is not None and DISTRIBUTED[0] in await _done(connection)


async def distribute(connection: Connection) -> list[str]:
    """Distribute the tables that are not yet, with their rows; their names.

    Args:
        connection: inside a transaction with `SETTINGS`. Everybody else waits until its end.

    Raises:
        DomainError: this is no coordinator of a Citus cluster that can take the tables.
        Unavailable: a table is in use for too long; nothing was changed.
    """
    await _check(connection)
    done = await _done(connection)
    missing = [table for table in (*COPIED, *DISTRIBUTED) if table not in done]
    if missing:
        await connection.execute(_LOCK)
    for table in missing:
        await _distribute(connection, table)
        await connection.execute(_EMPTY, (table,))
    return missing


async def _distribute(connection: Connection, table: str) -> None:
    if table in COPIED:
        await connection.execute(_COPY, (table,))
    else:
        anchor = "none" if table == DISTRIBUTED[0] else DISTRIBUTED[0]
        await connection.execute(_DISTRIBUTE, (table, anchor))


async def _check(connection: Connection) -> None:
    version = await _version(connection)
    if version is None:
        raise _refused(
            "the database has no Citus: put citus first in shared_preload_libraries of every node,"
            " run CREATE EXTENSION citus in this database on every node, and add the workers with"
            " citus_add_node"
        )
    if version < MIN_VERSION:
        found, needed = (".".join(map(str, each)) for each in (version, MIN_VERSION))
        raise _refused(f"Citus {found} is too old: {needed} or newer is needed")
    [(group, nodes)] = await (await connection.execute(_NODES)).fetchall()
    if group != 0:
        raise _refused(
            "this is a worker of the Citus cluster: DATABASE_URL must be its coordinator"
        )
    if not nodes:
        raise _refused("no node of the Citus cluster takes shards: add one with citus_add_node")


async def _version(connection: Connection) -> tuple[int, ...] | None:
    """The version of Citus in this database, such as (14, 0); None where it has none."""
    row = await (await connection.execute(_EXTENSION)).fetchone()
    return tuple(map(int, re.findall(r"\d+", row[0])[:2])) if row else None


async def _done(connection: Connection) -> set[str]:
    return {table for (table,) in await (await connection.execute(_DONE)).fetchall()}


def _refused(message: str) -> DomainError:
    return DomainError(Reason.INTERNAL, message)

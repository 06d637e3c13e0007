"""Connection pools by what they are for, so that no kind of work starves another."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

from sessions.replica_urls import urls_of
from sessions.storage.database import Database
from sessions.storage.replicas import ReadDatabase, Replica, Replicas

# Two of them are held by a run of retention, one by a fold, two while messages of sessions are
# made; erasures share the others.
_JOB_CONNECTIONS = 6
_JOB_PATIENCE = 60.0
_PATIENCE = 2.0
_ADMIN_CONNECTIONS = 1
_ADMIN_TIMEOUT = 5.0
# One analysis runs at a time.
_ANALYSIS_CONNECTIONS = 1
# Held while a chunk is read, never while it is sent: so many exports take turns on them.
_EXPORT_CONNECTIONS = 2
MORE_CONNECTIONS = (
    _JOB_CONNECTIONS + _ADMIN_CONNECTIONS + _ANALYSIS_CONNECTIONS + _EXPORT_CONNECTIONS
)
"""Connections of one process beside those for requests, at most."""


class Pools(NamedTuple):
    """The pools of one process.

    `requests` is for calls that are answered in milliseconds; `jobs` for work that takes as
    long as it takes (erasure, retention, removal, folds); `admin` for health checks. From a replica
    where that will do: `reads`, which is `requests` otherwise; `analysis` for calls that read
    columns; `exports` for exports.
    """

    requests: Database
    jobs: Database
    admin: Database
    reads: ReadDatabase
    analysis: ReadDatabase
    exports: ReadDatabase
    replicas: Replicas


@asynccontextmanager
async def open_pools(
    url: str,
    *,
    pool_size: int,
    request_timeout: float,
    read_url: str = "",
    max_lag: float = 5.0,
) -> AsyncIterator[Pools]:
    """Open the pools over one database and its replicas.

    Args:
        url: libpq connection string or URL.
        pool_size: connections for requests at most.
        request_timeout: seconds that one call and its SQL may take.
        read_url: the same of its replicas; each host is one.
        max_lag: seconds by which what is read from a replica may be out of date.

    Raises:
        ValueError: the URL of the replicas names no servers.
    """
    # Half of it, so that a call hears of a full pool before its own deadline.
    patience = min(_PATIENCE, request_timeout / 2)
    kinds = (
        _Kind("requests", pool_size, 1, patience),
        _Kind("analysis", _ANALYSIS_CONNECTIONS, 0, patience),
        _Kind("exports", _EXPORT_CONNECTIONS, 0, request_timeout),
    )
    primary = [kind.pool(url, request_timeout) for kind in kinds]
    # Without a limit on statements: the erasure of a large visitor takes minutes.
    jobs = Database(
        url,
        name="jobs",
        pool_size=_JOB_CONNECTIONS,
        min_size=0,
        timeout=0,
        patience=_JOB_PATIENCE,
    )
    # The health check is the first to notice that the server was restarted. Its siblings then
    # replace their broken connections before callers meet them.
    admin = _admin(url, siblings=(jobs, *primary))
    replicas = []
    for host, host_url in urls_of(read_url).items():
        replica = Replica(_admin(host_url, f"@{host}", needed=lambda: 0), host)
        for database, kind in zip(primary, kinds, strict=True):
            pool = kind.pool(host_url, request_timeout, f"@{host}", replica.reached)
            replica.pools[database] = pool
        replicas.append(replica)
    async with AsyncExitStack() as stack:
        for database in (*primary, jobs, admin):
            await stack.enter_async_context(database)
        for replica in replicas:
            for database in (replica.probe, *replica.pools.values()):
                await stack.enter_async_context(database)
        reads, analysis, exports = map(ReadDatabase, primary)
        followed = Replicas(admin, replicas, max_lag)
        yield Pools(primary[0], jobs, admin, reads, analysis, exports, followed)


class _Kind(NamedTuple):
    """A kind of pool from which calls read."""

    name: str
    most: int
    least: int
    patience: float

    def pool(
        self, url: str, timeout: float, suffix: str = "", needed: Callable[[], int] | None = None
    ) -> Database:
        """The pool of this kind over one server."""
        return Database(
            url,
            name=self.name + suffix,
            pool_size=self.most,
            # Of a replica, they are opened when it is first read from.
            min_size=0 if needed else self.least,
            timeout=timeout,
            # Shorter than a call, which turns to the primary then.
            patience=min(_PATIENCE, timeout / 2) if needed else self.patience,
            needed=needed,
        )


def _admin(
    url: str,
    suffix: str = "",
    *,
    siblings: Sequence[Database] = (),
    needed: Callable[[], int] | None = None,
) -> Database:
    return Database(
        url,
        name="admin" + suffix,
        pool_size=_ADMIN_CONNECTIONS,
        min_size=0,
        timeout=_ADMIN_TIMEOUT,
        siblings=siblings,
        needed=needed,
    )

"""Connection pools by what they are for, so that no kind of work starves another."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from sessions.storage.database import Database

# Two of them are held by a run of retention, one by a fold, two while messages of sessions are
# made; erasures share the others.
_JOB_CONNECTIONS = 6
_JOB_PATIENCE = 60.0
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
    long as it takes (erasure, retention, removal, folds); `admin` for health checks; `analysis`
    for calls that read columns; `exports` for exports.
    """

    requests: Database
    jobs: Database
    admin: Database
    analysis: Database
    exports: Database


@asynccontextmanager
async def open_pools(url: str, *, pool_size: int, request_timeout: float) -> AsyncIterator[Pools]:
    """Open the pools over one database.

    Args:
        url: libpq connection string or URL.
        pool_size: connections for requests at most.
        request_timeout: seconds that one call and its SQL may take.
    """
    # Half of it, so that a call hears of a full pool before its own deadline.
    patience = min(2.0, request_timeout / 2)
    requests = Database(
        url, name="requests", pool_size=pool_size, timeout=request_timeout, patience=patience
    )
    # Without a limit on statements: the erasure of a large visitor takes minutes.
    jobs = Database(
        url,
        name="jobs",
        pool_size=_JOB_CONNECTIONS,
        min_size=0,
        timeout=0,
        patience=_JOB_PATIENCE,
    )
    analysis = Database(
        url,
        name="analysis",
        pool_size=_ANALYSIS_CONNECTIONS,
        min_size=0,
        timeout=request_timeout,
        patience=patience,
    )
    exports = Database(
        url,
        name="exports",
        pool_size=_EXPORT_CONNECTIONS,
        min_size=0,
        timeout=request_timeout,
        patience=request_timeout,
    )
    # The health check is the first to notice that the server was restarted. Its siblings then
    # replace their broken connections before callers meet them.
    admin = Database(
        url,
        name="admin",
        pool_size=_ADMIN_CONNECTIONS,
        min_size=0,
        timeout=_ADMIN_TIMEOUT,
        siblings=(requests, jobs, analysis, exports),
    )
    async with requests, jobs, admin, analysis, exports:
        yield Pools(requests, jobs, admin, analysis, exports)

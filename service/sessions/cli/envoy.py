"""`sessions envoy`."""

import asyncio

import click


@click.command(short_help="Run Envoy only, for workers on other hosts.")
def envoy() -> None:
    """Run Envoy until Ctrl-C, in front of workers that `sessions serve` runs on other hosts.

    Prints its address once a worker can answer. Workers that are drained, not ready, or can't be
    reached get no calls. Name the workers, and Envoy asks for all addresses of a name every 5
    seconds:

    \b
        SESSIONS_WORKER_ADDRESSES=worker.example.com:50051-50054 sessions envoy

    Or list their IP addresses in a file, one in a line, which is looked at every second:

    \b
        echo 10.0.0.2:50051-50054 > workers
        SESSIONS_WORKER_ADDRESSES_FILE=workers sessions envoy

    With TLS to the workers, where both sides show a certificate:

    \b
        export SESSIONS_WORKER_TLS_CLIENT_CERTIFICATE=envoy.pem
        export SESSIONS_WORKER_TLS_CLIENT_KEY=envoy.key
        export SESSIONS_WORKER_TLS_CA=authority.pem
        export SESSIONS_WORKER_TLS_NAMES=worker.example.com
        SESSIONS_WORKER_ADDRESSES_FILE=workers sessions envoy

    SESSIONS_REQUEST_TIMEOUT has to be that of the workers. docs/scaling.md says how hosts are
    added and replaced.
    """
    from sessions.settings import Settings
    from sessions.standalone.remote_workers import run_envoy

    asyncio.run(run_envoy(Settings()))

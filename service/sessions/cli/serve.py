"""`sessions serve`."""

import asyncio

import click


@click.command(short_help="Run the gRPC workers only.")
def serve() -> None:
    """Run the gRPC workers until Ctrl-C, for your own Envoy and PostgreSQL.

    Needs DATABASE_URL, migrated by `sessions migrate`. Prints the address of each worker.

    \b
        export DATABASE_URL=postgresql://me:secret@db/sessions
        SESSIONS_WORKERS=4 SESSIONS_WORKER_PORTS=50051-50054 sessions serve
    """
    from sessions.settings import Settings
    from sessions.standalone.workers import serve as run

    asyncio.run(run(Settings()))

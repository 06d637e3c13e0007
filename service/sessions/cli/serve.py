"""`sessions serve`."""

import asyncio

import click


@click.command(short_help="Run the gRPC workers only.")
@click.option("--worker-port", type=int, hidden=True, help="Be the one worker on this port.")
def serve(worker_port: int | None) -> None:
    """Run the gRPC workers until Ctrl-C, for an Envoy and a PostgreSQL of your own.

    Needs DATABASE_URL, migrated by `sessions migrate`. Prints the address of each worker.

    \b
        export DATABASE_URL=postgresql://me:secret@db/sessions
        SESSIONS_WORKERS=4 SESSIONS_WORKER_PORTS=50051-50054 sessions serve
    """  # noqa: D301
    from sessions.settings import Settings

    settings = Settings()
    if worker_port is None:
        from sessions.processes.serve import serve as run

        asyncio.run(run(settings))
    else:
        import uvloop

        from sessions.memory import collect_rarely
        from sessions.worker.runtime import run_worker

        collect_rarely()
        uvloop.run(run_worker(settings, worker_port))

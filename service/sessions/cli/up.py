"""`sessions up`."""

import asyncio

import click


@click.command(short_help="Run everything: PostgreSQL, workers and Envoy.")
@click.option(
    "--demo", is_flag=True, help="Create a website with demo data if the database is empty."
)
def up(demo: bool) -> None:
    """Run everything until Ctrl-C: PostgreSQL, the workers and Envoy.

    PostgreSQL is the embedded one, unless DATABASE_URL names yours. When the service is
    ready, it prints its address and a command to try it.

    \b
        sessions up --demo
        SESSIONS_PORT=18080 SESSIONS_DATA_DIR=/srv/sessions sessions up
        DATABASE_URL=postgresql://me:secret@db/sessions sessions up
    """
    from sessions.settings import Settings
    from sessions.standalone.up import up as run

    asyncio.run(run(Settings(), demo=demo))

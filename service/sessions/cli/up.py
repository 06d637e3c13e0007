"""`sessions up`."""

import asyncio

import click


@click.command(short_help="Run everything: PostgreSQL, workers and Envoy.")
@click.option(
    "--demo", is_flag=True, help="Create a website with demo data if the database is empty."
)
@click.option(
    "--tls-self-signed",
    is_flag=True,
    help="Serve TLS with a certificate made for this machine, to try it out.",
)
def up(demo: bool, tls_self_signed: bool) -> None:
    """Run everything until Ctrl-C: PostgreSQL, the workers and Envoy.

    PostgreSQL is the embedded one, unless DATABASE_URL names yours. When the service is
    ready, it prints its address and a command to try it; with --demo also a link to the
    explorer, with a key that reads for 12 hours.

    \b
        sessions up --demo
        SESSIONS_PORT=18080 SESSIONS_DATA_DIR=/srv/sessions sessions up
        DATABASE_URL=postgresql://me:secret@db/sessions sessions up
        SESSIONS_TLS_CERTIFICATE=api.pem SESSIONS_TLS_KEY=api.key sessions up
    """
    from sessions.settings import Settings
    from sessions.standalone.up import up as run

    asyncio.run(run(Settings(), demo=demo, tls_self_signed=tls_self_signed))

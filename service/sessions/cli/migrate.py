"""`sessions migrate`."""

import asyncio

import click


@click.command(short_help="Migrate the database to the schema of this version.")
def migrate() -> None:
    """Migrate the database to the schema of this version; `up` does it by itself.

    Safe to run twice, and from several hosts at once. Also makes the secrets that all workers
    share, where there are none.

    \b
        DATABASE_URL=postgresql://me:secret@db/sessions sessions migrate
    """
    asyncio.run(_migrate())


async def _migrate() -> None:
    from sessions.settings import Settings
    from sessions.standalone.command_database import command_database
    from sessions.storage import migrate

    async with command_database(Settings()) as url:
        applied = await migrate.migrate(url)
    names = ", ".join(f"{number:04}" for number in applied)
    click.echo(f"applied: {names}" if applied else "nothing to do", err=True)

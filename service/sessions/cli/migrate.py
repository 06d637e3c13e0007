"""`sessions migrate`."""

import asyncio

import click


@click.command(short_help="Migrate the database to the schema of this version.")
@click.option(
    "--distribute", is_flag=True, help="Then distribute the tables over a Citus cluster, once."
)
def migrate(distribute: bool) -> None:
    """Migrate the database to the schema of this version; `up` does it by itself.

    Safe to run twice, and from several hosts at once. Also makes the secrets that all workers
    share, where there are none.

    \b
        DATABASE_URL=postgresql://me:secret@db/sessions sessions migrate

    With --distribute, each website is stored on one node of a Citus cluster, and websites, keys
    and secrets on all of them. DATABASE_URL is the coordinator. The database needs the extension
    citus, 11.2 or newer, on every node, and the nodes added with citus_add_node. There will be as
    many shards as the setting citus.shard_count says.

    Rows that are there move to their nodes, or nothing is changed. Calls wait meanwhile, and
    fail at their deadline: where there is much data, stop the workers first. Later migrations
    are applied to all nodes without the option.

    \b
        DATABASE_URL=postgresql://me:secret@coordinator/sessions sessions migrate --distribute
    """
    asyncio.run(_migrate(distribute))


async def _migrate(distribute: bool) -> None:
    from sessions.settings import Settings
    from sessions.standalone.command_database import command_database
    from sessions.storage import migrate

    async with command_database(Settings()) as url:
        applied = await migrate.migrate(url)
        tables = await migrate.distribute(url) if distribute else []
    done = {"applied": [f"{number:04}" for number in applied], "distributed": tables}
    lines = [f"{what}: {', '.join(names)}" for what, names in done.items() if names]
    click.echo("\n".join(lines) or "nothing to do", err=True)

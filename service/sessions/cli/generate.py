"""`sessions generate`."""

import asyncio
from datetime import UTC, datetime

import click


@click.command(short_help="Generate realistic sample data.")
@click.option(
    "--sessions",
    type=click.IntRange(1, 500_000_000),  # visitors are told apart by 32 bits
    default=100_000,
    show_default=True,
    help="Number of sessions, with 4.5 events each on average.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=30,
    show_default=True,
    help="Number of days over which they are spread.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=1,
    show_default=True,
    help="Seed of the random data.",
)
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]),
    help="The moment, in UTC, before which everything happens.  [default: now]",
)
@click.option(
    "--websites",
    type=click.IntRange(1, 500),  # with more, the last ones would get nothing
    help="Number of websites; the first gets half of all sessions.  [default: 1]",
)
@click.option("--website", metavar="ID", help="Use this website, which must be empty.")
def generate(
    sessions: int,
    days: int,
    seed: int,
    until: datetime | None,
    websites: int | None,
    website: str | None,
) -> None:
    """Make sessions with their events, as if recorded, and print the ids of their websites.

    Visitors come back, most visits are short, nights are quiet, and a tenth are bots. A million
    sessions take about two minutes.

    \b
        sessions generate
        sessions generate --sessions 1000000 --days 90 --websites 20

    For a website of your own:

    \b
        site=$(sessions websites create --name shop)
        sessions generate --website "$site" --sessions 5000 --days 7

    The same seed and the same end give the same data:

    \b
        sessions generate --seed 7 --until 2026-06-30
    """
    if website and websites:
        raise click.UsageError("--website takes one that exists, --websites makes new ones")
    end = until.replace(tzinfo=UTC) if until else datetime.now(UTC)
    if not 2000 <= end.year < 2100:
        raise click.BadParameter("write a year from 2000 to 2099", param_hint="--until")
    ids = asyncio.run(_run(website, websites or 1, sessions, days, seed, end))
    click.echo("\n".join(ids))


async def _run(
    website_id: str | None, count: int, sessions: int, days: int, seed: int, until: datetime
) -> list[str]:
    # Loaded here, because the help must not wait for it.
    from tqdm import tqdm

    from sessions.cli.blocks import fold_websites
    from sessions.composition import open_application
    from sessions.generator import generate as make
    from sessions.generator.websites import empty_website, new_websites
    from sessions.settings import Settings
    from sessions.standalone.command_database import command_database

    settings = Settings()
    async with command_database(settings) as url:
        if website_id:
            websites = [await empty_website(url, website_id)]
        else:
            names = [f"Generated {number}" for number in range(1, count + 1)]
            websites = await new_websites(url, names)
        # disable=None: on a terminal only.
        with tqdm(total=sessions, unit=" sessions", unit_scale=True, disable=None) as bar:
            await make(
                *(url, websites),
                sessions=sessions,
                days=days,
                seed=seed,
                until=until,
                progress=bar.update,
            )
        async with open_application(url, settings) as app:
            await fold_websites(app, websites)
    return [website.website_id for website in websites]

"""`sessions blocks`."""

import asyncio
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from sessions.cli.application import Progress, as_json, open_for_command, run, show

if TYPE_CHECKING:
    from sessions.composition import Application
    from sessions.domain.websites import Website

_of_one = click.option("--website", metavar="ID", help="Of this one only.")


@click.group(short_help="Show, build and verify the columns of sessions.")
def blocks() -> None:
    """Blocks: sessions stored a second time, as columns, for what counts them.

    A running service keeps them up to date by itself.
    """


@blocks.command()
@_of_one
@as_json
def status(*, website: str | None, as_json: bool) -> None:
    """Show what there is of each website.

    Sessions that started in `changed_hours` are read from their rows until the next fold.

    \b
        sessions blocks status
        sessions blocks status --website "$site" --json
    """

    async def ask(app: "Application") -> list[dict[str, object]]:
        found = await app.inspect_blocks.status(await _websites(app, website))
        return [each._asdict() for each in found]

    show(run(ask), as_json=as_json)


@blocks.command()
@_of_one
def fold(*, website: str | None) -> None:
    """Bring blocks up to date at once, but for the current hour.

    That takes about a minute for a million sessions that have changed.

    \b
        sessions blocks fold
        sessions blocks fold --website "$site"
    """

    async def do(app: "Application") -> None:
        await fold_websites(app, await _websites(app, website))

    run(do)


@blocks.command()
@_of_one
def verify(*, website: str | None) -> None:
    """Compare blocks with the rows, and build again what differs.

    Exits with status 1 if anything did.

    \b
        sessions blocks verify
        sessions blocks verify --website "$site"
    """
    if asyncio.run(_verify(website)):
        sys.exit(1)


async def _verify(website_id: str | None) -> int:
    """Verify, print, and return how many hours were wrong."""
    wrong = 0
    async with open_for_command() as app:
        for website in await _websites(app, website_id):
            verified = await app.inspect_blocks.verify(website.key)
            wrong += len(verified.wrong_hours)
            click.echo(
                f"{website.website_id}: {verified.sessions:,} sessions compared, "
                f"{len(verified.wrong_hours):,} hours were wrong"
            )
            for hour in verified.wrong_hours:
                click.echo(f"  {hour:%Y-%m-%dT%H:%MZ}")
            if verified.wrong_hours:
                await fold_websites(app, [website])
    return wrong


async def fold_websites(app: "Application", websites: Iterable["Website"]) -> None:
    """Bring the blocks of websites up to date, and show how it gets on."""
    with Progress("hours folded") as progress:
        for website in websites:
            await app.fold_blocks.completely(website.key, progress)


async def _websites(app: "Application", website_id: str | None) -> list["Website"]:
    if website_id:
        return [await app.websites.get(website_id)]
    return [each for each in await app.websites.list_all() if not each.deleted_at]

"""`sessions websites`."""

import click

from sessions.cli.application import Progress, as_json, run, show


@click.group(short_help="Create, list, rename and delete websites, and set their retention.")
def websites() -> None:
    """Websites: every event and session belongs to one."""


@websites.command()
@click.option("--name", required=True, help="Name of the website, for people.")
def create(name: str) -> None:
    """Create a website and print its id.

    \b
        site=$(sessions websites create --name shop)
    """
    click.echo(run(lambda app: app.websites.create(name)))


@websites.command("list")
@as_json
def list_(*, as_json: bool) -> None:
    """List all websites, oldest first.

    Without `retention_days`, sessions are kept forever. The deletion of a website with
    `deleted_at` is not complete: delete it again.

    \b
        sessions websites list
        sessions websites list --json
    """
    found = run(lambda app: app.websites.list_all())
    rows: list[dict[str, object]] = [
        {name: value for name, value in site._asdict().items() if name != "key"} for site in found
    ]
    show(rows, as_json=as_json)


@websites.command()
@click.argument("website_id")
@click.option("--name", required=True, help="Its new name.")
def rename(website_id: str, name: str) -> None:
    """Give a website another name; its id stays.

    \b
        sessions websites rename site_abc123defg --name "The shop"
    """
    run(lambda app: app.websites.rename(website_id, name))


@websites.command("set-retention")
@click.argument("website_id")
@click.option("--days", type=int, help="Keep a session for this many days from its start.")
@click.option("--forever", is_flag=True, help="Keep all sessions; this is the default.")
def set_retention(website_id: str, days: int | None, *, forever: bool) -> None:
    """Set how long the sessions of a website are kept.

    A running service removes older sessions within the hour, `retention run` immediately.

    \b
        sessions websites set-retention site_abc123defg --days 90
        sessions websites set-retention site_abc123defg --forever
    """
    if forever == (days is not None):
        raise click.UsageError("write either --days or --forever")
    run(lambda app: app.websites.set_retention(website_id, days))


# The name of set-retention in version 0.1.0, kept for scripts.
websites.add_command(
    click.Command(
        "retain", params=set_retention.params, callback=set_retention.callback, hidden=True
    )
)


@websites.command()
@click.argument("website_id")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def delete(website_id: str, *, yes: bool) -> None:
    """Delete a website with its sessions, events, visitors and keys. This can't be undone.

    The website disappears immediately; its data is then removed in batches. If this is
    interrupted, run it again.

    \b
        sessions websites delete site_abc123defg
        sessions websites delete site_abc123defg --yes
    """
    if not yes:
        question = f"Delete {website_id} and everything that was recorded for it?"
        click.confirm(question, abort=True, err=True)
    with Progress("visitors") as progress:
        run(lambda app: app.delete_website(website_id, progress))
    click.echo(f"deleted {website_id} with {progress.done:,} visitors", err=True)

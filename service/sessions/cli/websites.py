"""`sessions websites`."""

import click

from sessions.cli.application import as_json, run, show


@click.group(short_help="Make, list, rename and delete websites.")
def websites() -> None:
    """Websites: everything that is recorded belongs to one."""


@websites.command()
@click.option("--name", required=True, help="What people call it.")
def create(name: str) -> None:
    r"""Make a website and print its id.

    \b
        site=$(sessions websites create --name shop)
    """
    click.echo(run(lambda app: app.websites.create(name)))


@websites.command("list")
@as_json
def list_(*, as_json: bool) -> None:
    r"""List all websites, oldest first.

    \b
        sessions websites list
        sessions websites list --json
    """
    found = run(lambda app: app.websites.list_all())
    rows: list[dict[str, object]] = [
        {"website_id": site.website_id, "name": site.name, "created_at": site.created_at}
        for site in found
    ]
    show(rows, as_json=as_json)


@websites.command()
@click.argument("website_id")
@click.option("--name", required=True, help="Its new name.")
def rename(website_id: str, name: str) -> None:
    r"""Give a website another name; its id stays.

    \b
        sessions websites rename site_abc123defg --name "The shop"
    """
    run(lambda app: app.websites.rename(website_id, name))


@websites.command()
@click.argument("website_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(website_id: str, *, yes: bool) -> None:
    r"""Delete a website with its sessions, events, visitors and keys. There is no way back.

    \b
        sessions websites delete site_abc123defg
        sessions websites delete site_abc123defg --yes
    """
    if not yes:
        question = f"Delete {website_id} and everything that was recorded for it?"
        click.confirm(question, abort=True, err=True)
    run(lambda app: app.websites.delete(website_id))

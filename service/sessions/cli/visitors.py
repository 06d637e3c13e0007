"""`sessions visitors`."""

import click

from sessions.cli.application import run


@click.group(short_help="Erase visitors.")
def visitors() -> None:
    """Visitors of websites."""


@visitors.command()
@click.option("--website", required=True, metavar="ID", help="The website.")
@click.option("--visitor-id", default="", metavar="ID", help="The visitor, by its id.")
@click.option("--client-ip", default="", metavar="IP", help="The visitor, by its address …")
@click.option("--user-agent", default="", metavar="UA", help="… and its User-Agent header.")
def erase(website: str, visitor_id: str, client_ip: str, user_agent: str) -> None:
    """Erase a visitor with its sessions and events. This can't be undone.

    What happened until now is not recorded again, also when a file is imported once more; a
    later visit is. Name the visitor by its id, or by what its events had instead of an id.

    \b
        sessions visitors erase --website "$site" --visitor-id anna
        sessions visitors erase --website "$site" --client-ip 192.0.2.7 \
            --user-agent "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    """
    erased = run(
        lambda app: app.erase_visitor(
            website, visitor_id=visitor_id, client_ip=client_ip, user_agent=user_agent
        )
    )
    click.echo(
        f"erased {erased.sessions:,} sessions and {erased.events:,} events "
        f"until {erased.erased_until.isoformat()}",
        err=True,
    )

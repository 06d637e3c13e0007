"""Options that say which sessions a command is about: those of every call that reads sessions."""

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from sessions.domain.dimensions import FILTERS

if TYPE_CHECKING:
    from sessions.domain.selection import SelectionQuery

_OPTIONS = (
    click.option("--website", "website_id", required=True, metavar="ID", help="The website."),
    click.option("--start-date", default="", metavar="DAY", help="First day, YYYY-MM-DD."),
    click.option("--end-date", default="", metavar="DAY", help="Last day; default: today."),
    click.option("--timezone", default="", metavar="ZONE", help="Zone of the days; default: UTC."),
    click.option("--include-bots", is_flag=True, help="Include bot sessions."),
    *(
        click.option(
            f"--filter-{name.replace('_', '-')}",
            f"filter_{name}",
            multiple=True,
            metavar="TEXT",
            help="As the parameter of this name; can be repeated.",
        )
        for name in FILTERS
    ),
    click.option("--filter", default="", metavar="EXPRESSION", help="A condition on sessions."),
    click.option(
        "--journey", multiple=True, metavar="STEP", help="A step that the session did, in order."
    ),
    click.option(
        "--not-journey", multiple=True, metavar="STEP", help="A step of what it did not complete."
    ),
    click.option("--cell", default="", metavar="CELL", help="The cell of a row of an analysis."),
)


def selection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a selection; it gets them as one `query`."""

    @wraps(command)
    def with_query(**given: Any) -> None:
        command(query=_query(given), **given)

    for option in reversed(_OPTIONS):
        with_query = option(with_query)
    return with_query


def _query(given: dict[str, Any]) -> "SelectionQuery":
    """Take the options of a selection out of all that were given."""
    # Loaded here, because the help must not wait for it.
    from sessions.domain.selection import SelectionQuery

    filters = {name: given.pop(f"filter_{name}") for name in FILTERS}
    names = {each.name for each in fields(SelectionQuery)} - {"filters"}
    return SelectionQuery(filters=filters, **{name: given.pop(name) for name in names})

"""What the commands share: the application over the right database, and tables to look at."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from sessions.composition import Application

Result = TypeVar("Result")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, one array.")


@asynccontextmanager
async def open_for_command() -> AsyncIterator["Application"]:
    """The application over `DATABASE_URL`, the running `up`, or a PostgreSQL started for this.

    Raises:
        StartError: PostgreSQL can't be started.
        DomainError: the database can't be reached, or was made by a newer version.
    """
    # Loaded here, because the help must not wait for it.
    from sessions.composition import open_application
    from sessions.settings import Settings
    from sessions.standalone.command_database import command_database

    settings = Settings()
    async with command_database(settings) as url, open_application(url, settings) as application:
        yield application


def run(task: Callable[["Application"], Awaitable[Result]]) -> Result:
    """Do one thing with the application."""

    async def once() -> Result:
        async with open_for_command() as application:
            return await task(application)

    return asyncio.run(once())


class Progress:
    """A bar on stderr, on a terminal only; called with how much was done, and of how much."""

    def __init__(self, unit: str) -> None:
        # Loaded here, because the help must not wait for it.
        from tqdm import tqdm

        self.done = 0
        # disable=None shows it on a terminal only.
        self._bar = tqdm(unit=f" {unit}", disable=None)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, more: int, total: int) -> None:
        """Show that more is done."""
        self.done += more
        # The total is an estimate, which the work can exceed.
        self._bar.total = max(total, self.done)
        self._bar.update(more)


def show(rows: Sequence[dict[str, object]], *, as_json: bool) -> None:
    """Print rows on stdout, as JSON or as a table with the names of the columns."""
    if as_json:
        click.echo(json.dumps(rows, default=_text, ensure_ascii=False, indent=2))
        return
    if rows:
        header = [str(name) for name in rows[0]]
        lines = ([_text(value) for value in row.values()] for row in rows)
        print_table(header, lines, texts=range(len(header)))


def print_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], texts: Collection[int] = (0,)
) -> None:
    """Print rows under a header; `texts` are the positions of columns that are not figures."""
    table = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        cells = [
            cell.ljust(width) if position in texts else cell.rjust(width)
            for position, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return ",".join(f"{name}={number}" for name, number in value.items()) or "-"
    return "-" if value is None else str(value)

"""`sessions export`."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import click

from sessions.cli.application import Progress, open_for_command
from sessions.cli.selection import selection_options

if TYPE_CHECKING:
    from sessions.usecases.export_sessions import ExportPart, ExportSessions

_PATIENCE = 60.0
"""Seconds for which a database that is away is waited for."""

_CURSOR, _END = b'{"cursor":', b'{"end":'


class _Position(NamedTuple):
    """Where an export of a file goes on, and whether it has its end."""

    size: int = 0
    cursor: str = ""
    is_complete: bool = False


@click.command("export", short_help="Export sessions, with their events if wanted.")
@selection_options
@click.option(
    "--format",
    "format_name",
    type=click.Choice(("ndjson", "csv")),
    default="ndjson",
    show_default=True,
    help="Form of the file.",
)
@click.option("--include-events", is_flag=True, help="Each session is followed by its events.")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write; default: stdout.",
)
@click.option("--resume", is_flag=True, help="Go on with the NDJSON that FILE has so far.")
def export(
    query: Any, format_name: str, output: Path | None, *, include_events: bool, resume: bool
) -> None:
    """Export all sessions of a website, oldest first.

    A database that is away for less than a minute is waited for. A FILE that was interrupted goes
    on with --resume and otherwise the same options:

    \b
        sessions export --website "$site" --start-date 2026-03-01 --output sessions.ndjson
        sessions export --website "$site" --start-date 2026-03-01 --output sessions.ndjson --resume

    Sessions as a table, or all of it, to be imported into another website:

    \b
        sessions export --website "$site" --filter-country US --format csv > sessions.csv
        sessions export --website "$site" --include-bots --include-events --output all.ndjson
        sessions import --website "$other" --format export all.ndjson
    """
    if format_name == "csv" and (include_events or resume):
        raise click.UsageError("--include-events and --resume are for --format ndjson")
    if resume and output is None:
        raise click.UsageError("--resume needs --output")
    position = _position(output) if resume and output and output.exists() else _Position()
    if position.is_complete:
        click.echo(f"{output} is complete", err=True)
        return
    if output and output.exists() and not resume:
        message = f"{output} exists: remove it, or go on with it by --resume"
        raise click.ClickException(message)
    opened = partial(_opened, output, position.size)
    sessions = asyncio.run(_run(query, format_name, position.cursor, include_events, opened))
    click.echo(f"{sessions:,} sessions", err=True)


@contextmanager
def _opened(output: Path | None, size: int) -> Iterator[IO[bytes]]:
    """The file after what it has so far, or else stdout."""
    if output is None:
        yield sys.stdout.buffer
        return
    with output.open("r+b" if size else "wb") as file:
        file.truncate(size)
        file.seek(size)
        yield file


def _position(file: Path) -> _Position:
    """After the last cursor of a file; what comes then may be cut off."""
    found, size = _Position(), 0
    with file.open("rb") as lines:
        for line in lines:
            size += len(line)
            if line.startswith(_CURSOR) and line.endswith(b"\n"):
                found = _Position(size, line.removeprefix(_CURSOR).strip(b'"}\n').decode())
            elif line.startswith(_END) and line.endswith(b"\n"):
                return _Position(size, is_complete=True)
    return found


async def _run(
    query: Any,
    format_name: str,
    cursor: str,
    include_events: bool,
    opened: Callable[[], AbstractContextManager[IO[bytes]]],
) -> int:
    """Export, and tell how many sessions there are."""
    from sessions.api.exports import FORMS

    form = FORMS[format_name]
    async with open_for_command() as app:
        # What is wrong with a query is said before there is a file.
        total = await app.export_sessions.estimate(query)
        done = 0
        with opened() as file, Progress("sessions") as progress:
            file.write(b"" if cursor else form.head)

            def write(part: "ExportPart[bytes]") -> None:
                nonlocal done
                file.write(form.text(part))
                progress(part.sessions - done, total)
                done = part.sessions

            await _export(app.export_sessions, query, cursor, include_events, write)
            file.flush()
        return done


async def _export(
    export_sessions: "ExportSessions[bytes]",
    query: Any,
    cursor: str,
    include_events: bool,
    write: Callable[["ExportPart[bytes]"], None],
) -> None:
    """Write all parts after a cursor, over one failure of the database after the other."""
    from sessions.domain.errors import Unavailable

    last = time.monotonic()
    while True:
        parts = export_sessions(query, cursor=cursor, include_events=include_events)
        try:
            async with aclosing(parts):
                async for part in parts:
                    write(part)
                    cursor, last = part.cursor, time.monotonic()
            return
        except Unavailable:
            if time.monotonic() > last + _PATIENCE:
                raise
        await asyncio.sleep(1)

"""`sessions import`."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from sessions.domain.events import Event
    from sessions.ingest.entries import Format
    from sessions.ingest.formats.log_formats import LogFormat
    from sessions.ingest.importer import Importer, Tally

_FORMATS = ("combined", "ndjson", "csv", "umami", "export")
_SKIPPED_AS = {"umami": "no pageviews or events of the website", "export": "sessions"}

MOST_PROCESSES = 32
"""That record: each has a connection."""

# Nobody waits for a batch, and on a busy machine one takes long.
_SECONDS = 120.0


class _Counts(NamedTuple):
    """What a dry run records: nothing."""

    new: int = 0
    known: int = 0


@click.command("import", short_help="Import access logs, ndjson, CSV or exports.")
@click.option("--website", required=True, metavar="ID", help="The website of the events.")
@click.option(
    "--format", "format_name", required=True, type=click.Choice(_FORMATS), help="Format of FILE."
)
@click.option("--hostname", default="", help="combined: the site's own host, such as example.com.")
@click.option("--all-requests", is_flag=True, help="combined: every line is a pageview.")
@click.option("--assets", metavar="EXT,…", help="combined: the extensions that are not pages.")
@click.option(
    "--log-format",
    metavar="FORMAT",
    help="combined: format of a line, as in Apache's LogFormat or nginx's log_format.",
)
@click.option(
    "--map", "columns", multiple=True, metavar="FIELD=COLUMN", help="csv: the column of a field."
)
@click.option(
    "--umami-website", default="", metavar="ID", help="umami: which website, if FILE has several."
)
@click.option(
    "--complete",
    is_flag=True,
    help="Also import a last line without line end.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, MOST_PROCESSES),
    help="How many processes record. Default: one for each core, up to 4.",
)
@click.option("--dry-run", is_flag=True, help="Read and check everything, record nothing.")
@click.option(
    "--strict", is_flag=True, help="Exit with status 1 if a line is refused or held back."
)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE…",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
)
def import_events(
    website: str,
    format_name: str,
    hostname: str,
    all_requests: bool,
    assets: str | None,
    log_format: str | None,
    columns: tuple[str, ...],
    umami_website: str,
    complete: bool,
    processes: int | None,
    dry_run: bool,
    strict: bool,
    files: tuple[str, ...],
) -> None:
    """Import events from FILEs; `-` is standard input, gzip is unpacked.

    Importing a file again, or one that has grown, adds only what is new. What was refused is
    named on stderr with its line and the reason, and everything is counted. A last line without
    a line end may still be written to: it is held back, unless --complete says otherwise.

    Of a large file, events are recorded by several processes: more than 2 help where PostgreSQL
    has other cores than this command. --processes 1 takes the least memory.

    An access log of Apache or nginx (combined, common, vhost_combined). Pages only: successful
    GETs (2xx, 304) of what is not an image, a script or another asset:

    \b
        sessions import --website "$site" --format combined access.log access.log.*.gz
        sessions import --website "$site" --format combined --hostname example.com access.log
        sessions import --website "$site" --format combined --all-requests access.log
        sessions import --website "$site" --format combined --assets css,js,png access.log

    A log of another format, which is in the server's configuration:

    \b
        sessions import --website "$site" --format combined access.log \\
            --log-format '%h %v %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"'

    One event a line as JSON, with the fields of RecordEvents:

    \b
        echo '{"event_type": "pageview", "timestamp": "2026-03-03T10:15:00Z",
               "visitor_id": "anna", "url": "/pricing"}' | tr -d '\\n' |
            sessions import --website "$site" --format ndjson -

    A table whose first line names the columns:

    \b
        sessions import --website "$site" --format csv \\
            --map visitor_id=user_id --map event_name=event --map timestamp=time clicks.csv

    The table website_event of Umami 2 or 3: the file website_event.csv of Umami Cloud's export, or
    the table of your own. distinct_id or else session_id is the visitor; Umami gives a visitor
    another session_id every month. Browser, os and device go to event_data, which has no
    filters. Pageviews (event_type 1) and events (2) are taken, all other types are skipped:

    \b
        sessions import --website "$site" --format umami website_event.csv

    An export with its events, into the same sessions and events:

    \b
        sessions export --website "$site" --include-bots --include-events --output sessions.ndjson
        sessions import --website "$other" --format export sessions.ndjson

    Check files first, without a database:

    \b
        sessions import --website "$site" --format combined --dry-run --strict access.log
    """
    from sessions.ingest.entries import UnusableFile
    from sessions.ingest.importer import Tally
    from sessions.ingest.lines import UnreadableFile

    if format_name != "combined" and (hostname or all_requests or assets or log_format):
        raise click.UsageError(
            "--hostname, --all-requests, --assets and --log-format are for --format combined"
        )
    if format_name != "csv" and columns:
        raise click.UsageError("--map is for --format csv")
    if format_name != "umami" and umami_website:
        raise click.UsageError("--umami-website is for --format umami")
    chosen: Format
    if format_name == "combined":
        chosen = _combined(hostname, assets, log_format, all_requests=all_requests)
    else:
        chosen = _format(format_name, columns, umami_website)
    # Made here, so that the summary is right also when the import fails.
    tally = Tally()
    open_importer = _checking if dry_run else partial(_recording, processes=processes)
    try:
        asyncio.run(_run(open_importer(website, chosen, complete=complete), files, tally))
    except (UnreadableFile, UnusableFile) as error:
        raise click.ClickException(str(error)) from error
    finally:
        _report(tally, _SKIPPED_AS.get(format_name, "no page requests"), dry_run=dry_run)
    if strict and (tally.refused or tally.held_back):
        sys.exit(1)


def _combined(
    hostname: str, assets: str | None, log_format: str | None, *, all_requests: bool
) -> "Format":
    from sessions.domain import urls
    from sessions.ingest.formats.combined import ASSETS, Combined
    from sessions.ingest.formats.log_formats import STANDARD

    if hostname and not urls.host(hostname):
        raise click.BadParameter(f"{hostname!r} is not a host name", param_hint="--hostname")
    extensions = ASSETS if assets is None else frozenset(assets.lower().replace(".", "").split(","))
    lines = STANDARD if log_format is None else _log_format(log_format)
    return Combined(urls.host(hostname), all_requests, extensions, lines)


def _log_format(written: str) -> "LogFormat":
    from sessions.ingest.formats.log_formats import log_format

    try:
        return log_format(written)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--log-format") from error


def _format(name: str, columns: tuple[str, ...], umami_website: str) -> "Format":
    """One of the other formats with its options."""
    from sessions.ingest.formats.csv import Csv
    from sessions.ingest.formats.export import Export
    from sessions.ingest.formats.ndjson import Ndjson
    from sessions.ingest.formats.umami import Umami

    if name == "umami":
        return Umami(umami_website)
    if name == "export":
        return Export()
    return Csv(dict(_mapping(each) for each in columns)) if name == "csv" else Ndjson()


def _mapping(text: str) -> tuple[str, str]:
    """`field=column`."""
    from sessions.ingest.formats.fields import READERS, unknown_field

    name, equals, column = text.partition("=")
    if not equals or not column:
        raise click.BadParameter(f"{text!r} is not FIELD=COLUMN", param_hint="--map")
    if name not in READERS:
        raise click.BadParameter(unknown_field(name), param_hint="--map")
    return name, column


async def _run(
    opening: AbstractAsyncContextManager["Importer"], files: tuple[str, ...], tally: "Tally"
) -> None:
    from tqdm import tqdm

    from sessions.ingest.lines import total_size
    from sessions.memory import tune_gc

    tune_gc()
    async with opening as importer:
        with tqdm(
            total=total_size(files) or None,
            unit="B",
            unit_scale=True,
            disable=None,  # on a terminal only
        ) as bar:
            await importer(files, tally, bar.update)


@asynccontextmanager
async def _checking(
    website_id: str, chosen: "Format", *, complete: bool
) -> AsyncIterator["Importer"]:
    """An importer that records nothing and needs no database."""
    from sessions.domain.enrichment import Enricher
    from sessions.domain.visitors import Visitors
    from sessions.domain.websites import check_website_id
    from sessions.ingest.importer import Importer, InThisProcess

    check_website_id(website_id)

    async def discard(events: "list[Event]") -> _Counts:
        return _Counts()

    recorder = InThisProcess(discard)
    yield Importer(website_id, chosen, Enricher(Visitors(b"")), recorder, complete=complete)


@asynccontextmanager
async def _recording(
    website_id: str, chosen: "Format", *, complete: bool, processes: int | None
) -> AsyncIterator["Importer"]:
    """An importer for a website in the configured database."""
    from sessions.cli.blocks import fold_websites
    from sessions.composition import open_application
    from sessions.ingest.formats.export import Export
    from sessions.ingest.importer import AT_ONCE, Importer, InThisProcess
    from sessions.ingest.recorder import Setup
    from sessions.settings import Settings
    from sessions.standalone.command_database import command_database
    from sessions.standalone.recorders import Recorders, default_processes
    from sessions.storage import secrets

    settings = Settings()
    # Workers may have fewer connections, and less time.
    least = {
        "pool_size": max(settings.pool_size, AT_ONCE),
        "request_timeout": max(settings.request_timeout, _SECONDS),
    }
    settings = settings.model_copy(update=least)
    async with command_database(settings) as url, open_application(url, settings) as app:
        website = await app.websites.get(website_id)
        secret = settings.visitor_secret or await secrets.visitor(app.pools.requests)
        in_this_process = InThisProcess(partial(app.write_events, website))
        count = processes or default_processes()
        setup = Setup(url, settings.request_timeout, website, secret)
        async with Recorders(count, setup, in_this_process) as recorders:
            yield Importer(
                website_id,
                chosen,
                app.enricher,
                in_this_process if count == 1 else recorders,
                complete=complete,
                keeps_sequences=isinstance(chosen, Export),
            )
        await fold_websites(app, [website])


def _report(tally: "Tally", skipped_as: str, *, dry_run: bool) -> None:
    """The refused lines and the summary, on stderr."""
    for line in tally.shown:
        click.echo(line, err=True)
    if tally.refused > len(tally.shown):
        click.echo(f"… and {tally.refused - len(tally.shown):,} more refused lines", err=True)
    for line in tally.held_back:
        click.echo(line, err=True)
    recorded = (
        "nothing recorded: dry run"
        if dry_run
        else f"{tally.new:,} new, {tally.known:,} already known"
    )
    comments = f", {tally.comments:,} comments" if tally.comments else ""
    click.echo(
        f"{tally.entries:,} lines: {tally.events:,} events ({recorded}), "
        f"{tally.skipped:,} skipped as {skipped_as}{comments}, {tally.refused:,} refused",
        err=True,
    )

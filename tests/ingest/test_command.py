"""`sessions import`: its options, what it says and its exit status."""

import asyncio
import gzip
import os
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from sessions.cli.import_events import import_events
from sessions.composition import open_application
from sessions.domain.errors import InvalidArgument
from sessions.ingest.importer import AT_ONCE
from sessions.settings import Settings

from tests.support.databases import waiting_for_locks
from tests.support.processes import SESSIONS, eventually_awaited

PAGE = '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 9 "-" "Firefox"\n'
IMAGE = PAGE.replace("GET / ", "GET /a.png ")


def dry_run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    options = ["--website", "site_x", "--dry-run", *map(str, arguments)]
    return CliRunner().invoke(import_events, options, input=stdin)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A page, an image, a broken line."""
    file = tmp_path / "access.log"
    file.write_text(PAGE + IMAGE + "broken\n")
    return file


def test_a_dry_run_tells_what_would_be_recorded(log: Path) -> None:
    result = dry_run("--format", "combined", log)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == (
        f"{log}:3: not a line of the common or combined log format\n"
        "3 lines: 1 events (nothing recorded: dry run), 1 skipped as no page requests, 1 refused\n"
    )


def test_what_is_held_back_is_said(log: Path) -> None:
    log.write_text(f"# a log\n{PAGE}{PAGE.rstrip()}")
    result = dry_run("--format", "combined", log)
    assert result.exit_code == 0
    assert result.stderr == (
        f"{log}:3: has no line end, so that it may be cut off; held back (--complete takes it)\n"
        "2 lines: 1 events (nothing recorded: dry run), 0 skipped as no page requests, 1 comments,"
        " 0 refused\n"
    )
    assert dry_run("--format", "combined", "--strict", log).exit_code == 1
    complete = dry_run("--format", "combined", "--strict", "--complete", log)
    assert complete.exit_code == 0
    assert "3 lines: 2 events" in complete.stderr


@pytest.mark.parametrize(
    "hostname", ["https://shop.example", "shop.example/", "Shop.example:443", "shop.example."]
)
def test_a_hostname_may_be_written_as_in_a_url(log: Path, hostname: str) -> None:
    assert "1 events" in dry_run("--format", "combined", "--hostname", hostname, log).stderr


def test_a_log_format(log: Path) -> None:
    log.write_text(PAGE.replace(" - - ", " shop.example anna "))
    written = '%h %v %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"'
    result = dry_run("--format", "combined", "--log-format", written, log)
    assert "1 lines: 1 events" in result.stderr


def test_a_dry_run_wants_an_id_that_a_website_can_have(log: Path) -> None:
    result = dry_run("--website", "shop", "--format", "combined", log)
    assert isinstance(result.exception, InvalidArgument)


def test_strict_fails_when_a_line_was_refused(log: Path) -> None:
    assert dry_run("--format", "combined", "--strict", log).exit_code == 1
    log.write_text(PAGE)
    assert dry_run("--format", "combined", "--strict", log).exit_code == 0


def test_all_requests(log: Path) -> None:
    assert "2 events" in dry_run("--format", "combined", "--all-requests", log).stderr


def test_assets(log: Path) -> None:
    assert "2 events" in dry_run("--format", "combined", "--assets", ".css,JS", log).stderr
    assert "1 events" in dry_run("--format", "combined", "--assets", ".CSS,Png", log).stderr


@pytest.mark.parametrize("content", [PAGE.encode(), gzip.compress(PAGE.encode(), mtime=0)])
def test_standard_input(content: bytes) -> None:
    assert "1 events" in dry_run("--format", "combined", "-", stdin=content).stderr


def test_csv_columns_are_mapped() -> None:
    result = dry_run(
        *("--format", "csv", "--map", "visitor_id=user", "--map", "timestamp=at", "-"),
        stdin=b"user,at\nanna,2026-03-03 10:15:00\n",
    )
    assert "1 events" in result.stderr


def test_what_is_skipped_of_umami_is_named() -> None:
    result = dry_run(
        *("--format", "umami", "--umami-website", "w", "-"),
        stdin=b"website_id,session_id,created_at,url_path,event_type\n"
        b"w,s,2026-03-03 10:15:00,/,1\n"
        b"w,s,2026-03-03 10:15:00,/,5\n"
        b"other,s,2026-03-03 10:15:00,/,1\n",
    )
    assert "1 events (" in result.stderr
    assert "2 skipped as no pageviews or events of the website, 0 refused" in result.stderr


def test_refused_lines_beyond_the_first_are_only_counted() -> None:
    result = dry_run("--format", "ndjson", "-", stdin=b"x\n" * 250)
    assert result.stderr.count("-:") == 100
    assert "… and 150 more refused lines\n" in result.stderr
    assert "250 refused" in result.stderr


def test_a_broken_file_is_an_error_after_the_summary(tmp_path: Path) -> None:
    file = tmp_path / "access.log.gz"
    file.write_bytes(gzip.compress(PAGE.encode())[:-4])
    result = dry_run("--format", "combined", file)
    assert result.exit_code == 1
    assert "1 lines: 1 events" in result.stderr
    assert f"Error: {file}: the gzip file is cut off (after line 1)" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--format", "xml", "-"), "'xml' is not one of"),
        (("--format", "combined"), "Missing argument"),
        (("--format", "combined", "--processes", "0", "-"), "0 is not in the range 1<=x<=32"),
        (("--format", "combined", "nowhere.log"), "'nowhere.log' does not exist"),
        (("--format", "csv", "--map", "visitor_id", "-"), "not FIELD=COLUMN"),
        (("--format", "csv", "--map", "visitor=user", "-"), "did you mean visitor_id?"),
        (("--format", "ndjson", "--map", "url=page", "-"), "--map is for --format csv"),
        (("--format", "csv", "--all-requests", "-"), "are for --format combined"),
        (("--format", "csv", "--log-format", "%h", "-"), "are for --format combined"),
        (("--format", "combined", "--log-format", "%h", "-"), "lacks the time: %t"),
        (("--format", "combined", "--hostname", "a b", "-"), "'a b' is not a host name"),
        (("--format", "csv", "--umami-website", "w", "-"), "is for --format umami"),
    ],
)
def test_a_mistake_on_the_command_line_is_explained(arguments: tuple[str, ...], says: str) -> None:
    result = dry_run(*arguments, stdin=b"")
    assert result.exit_code == 2
    assert says in result.stderr


def test_help_shows_examples() -> None:
    result = CliRunner().invoke(import_events, ["--help"])
    assert result.exit_code == 0
    assert result.stdout.count('sessions import --website "$site"') == 9


@pytest.fixture
def visitors(log: Path) -> Path:
    """A page of each of a hundred visitors."""
    log.write_text("".join(PAGE.replace("192.0.2.1", f"192.0.2.{n}") for n in range(100)))
    return log


async def test_what_is_recorded_at_once_has_connections(database_url: str, visitors: Path) -> None:
    """Also where a worker has only one: nobody waits for it until the time is over."""
    async with open_application(database_url, Settings()) as application:
        website_id = await application.websites.create("test")

    async def all_wait() -> bool:
        return await waiting_for_locks(database_url) == AT_ONCE

    one = {"SESSIONS_POOL_SIZE": "1", "SESSIONS_REQUEST_TIMEOUT": "60"}
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute("LOCK TABLE visitors IN ACCESS EXCLUSIVE MODE")
        process = await asyncio.create_subprocess_exec(
            *(*SESSIONS, "import", "--website", website_id, "--format", "combined", str(visitors)),
            env=os.environ | one | {"DATABASE_URL": database_url},
        )
        await eventually_awaited(all_wait)
        await connection.rollback()
    assert await process.wait() == 0

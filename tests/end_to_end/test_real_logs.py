"""Real input: a web server's access log and a web shop's clickstream, imported as files.

What is expected is either known of the files (see the figures below) or computed here from
their lines by the plain definition: sort, and cut where nothing happens for 30 minutes.
"""

import csv
import gzip
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import Grpc, Rest
from tests.support.real_data import real_file
from tests.support.stack import SESSIONS, Stack

LINES, EVENTS, SESSIONS_OF_THE_LOG, SINGLE_REQUESTS = 10_000, 9_999, 3_223, 1_774
LOG_DAYS = {"start_date": "2015-05-17", "end_date": "2015-05-20", "include_bots": True}
SHOP_SESSIONS = 3_605

_LOG_LINE = re.compile(r'(\S+) \S+ \S+ \[([^]]+)\] ".*?(?<!\\)" \d+ \S+ "(?:[^"\\]|\\.)*" "(.*)"')
_COMBINED = ("--format", "combined", "--all-requests")

Interval = tuple[str, str, int]
"""A session as (started_at, ended_at, number of events)."""


@dataclass(frozen=True)
class Import:
    """What `sessions import` said."""

    status: int
    summary: str
    refused: list[str]


def import_(stack: Stack, website_id: str, *arguments: str, stdin: bytes = b"") -> Import:
    """Run `sessions import`."""
    done = subprocess.run(
        [SESSIONS, "import", "--website", website_id, *arguments],
        env=stack.environment,
        input=stdin,
        capture_output=True,
        check=False,
    )
    assert done.stdout == b""
    *refused, summary = done.stderr.decode().splitlines()
    return Import(done.returncode, summary, refused)


def new_website(stack: Stack) -> str:
    return stack.command("websites", "create", "--name", "real input")


@pytest.fixture(scope="module")
def log() -> Path:
    """The access log."""
    return real_file("apache_access.log.gz")


@pytest.fixture(scope="module")
def imported(stack: Stack, log: Path) -> tuple[str, Import]:
    """A website with the whole access log, and what its import said."""
    website_id = new_website(stack)
    return website_id, import_(stack, website_id, *_COMBINED, str(log))


def walk(rest: Rest, website_id: str, key: str, **query: Any) -> list[dict[str, Any]]:
    """All sessions by pages of 100, after checks of what is true of every walk."""
    pages = list(rest.walk(website_id, query | {"limit": 100}, key))
    assert all(len(page) == 100 for page in pages[:-1])
    sessions = [session for page in pages for session in page]
    positions = [(session["started_at"], session["session_id"]) for session in sessions]
    assert all(newer > older for newer, older in pairwise(positions))
    return sessions


def intervals(sessions: Iterable[dict[str, Any]]) -> Counter[Interval]:
    return Counter(
        (each["started_at"], each["ended_at"], each["pageviews"] + each["events"])
        for each in sessions
    )


def parsed(log: Path) -> list[re.Match[str] | None]:
    """The lines of an access log; None where one is broken."""
    return [
        _LOG_LINE.fullmatch(line)
        for line in gzip.decompress(log.read_bytes()).decode().splitlines()
    ]


def expected_intervals(log: Path) -> Counter[Interval]:
    """The sessions of an access log: per client and user agent, cut at gaps of 30 minutes."""
    clients: dict[tuple[str, str], list[datetime]] = {}
    for match in parsed(log):
        if match:
            moment = datetime.strptime(match[2], "%d/%b/%Y:%H:%M:%S %z")
            clients.setdefault((match[1], match[3]), []).append(moment)
    found: Counter[Interval] = Counter()
    for moments in clients.values():
        for run in _runs(sorted(moments)):
            found[(_text(run[0]), _text(run[-1]), len(run))] += 1
    return found


def _runs(moments: list[datetime]) -> Iterator[list[datetime]]:
    gap = timedelta(minutes=30)
    ends = [n for n, (a, b) in enumerate(pairwise(moments), 1) if b - a >= gap]
    yield from (
        moments[start:end] for start, end in zip([0, *ends], [*ends, len(moments)], strict=True)
    )


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def test_an_access_log_becomes_sessions(
    rest: Rest, imported: tuple[str, Import], key: str, log: Path
) -> None:
    website_id, said = imported
    assert (said.status, said.summary) == (
        0,
        f"{LINES:,} lines: {EVENTS:,} events ({EVENTS:,} new, 0 already known), "
        "0 skipped as no page requests, 1 refused",
    )
    [broken] = [number for number, match in enumerate(parsed(log), 1) if not match]
    assert said.refused == [f"{log}:{broken}: not a line of the common or combined log format"]

    sessions = walk(rest, website_id, key, **LOG_DAYS)
    assert len(sessions) == len({each["session_id"] for each in sessions}) == SESSIONS_OF_THE_LOG
    assert sum(each["pageviews"] == 1 for each in sessions) == SINGLE_REQUESTS
    assert sum(each["pageviews"] for each in sessions) == EVENTS
    assert intervals(sessions) == expected_intervals(log)


def test_bots_are_a_part_of_it(rest: Rest, imported: tuple[str, Import], key: str) -> None:
    website_id, _ = imported
    everybody = walk(rest, website_id, key, **LOG_DAYS)
    people = walk(rest, website_id, key, **LOG_DAYS | {"include_bots": False})
    assert people == [each for each in everybody if not each["is_bot"]]
    assert 0 < len(people) < len(everybody)


def test_grpc_and_rest_walk_the_same_pages(
    rest: Rest, over_grpc: Grpc, imported: tuple[str, Import], key: str
) -> None:
    website_id, _ = imported
    query = LOG_DAYS | {"limit": 100}
    by_rest = list(rest.walk(website_id, query, key))
    assert list(over_grpc.walk(website_id, query, key)) == by_rest


def test_a_second_import_adds_nothing(
    stack: Stack, rest: Rest, imported: tuple[str, Import], key: str, log: Path
) -> None:
    website_id, _ = imported
    before = walk(rest, website_id, key, **LOG_DAYS)
    again = import_(stack, website_id, *_COMBINED, str(log))
    assert f"{EVENTS:,} events (0 new, {EVENTS:,} already known)" in again.summary
    assert walk(rest, website_id, key, **LOG_DAYS) == before


def test_a_log_that_has_grown_adds_its_new_lines(
    stack: Stack, rest: Rest, key: str, log: Path, tmp_path: Path
) -> None:
    whole = gzip.decompress(log.read_bytes())
    first = tmp_path / "access.log"
    first.write_bytes(b"".join(whole.splitlines(keepends=True)[:6_000]))
    website_id = new_website(stack)
    early = import_(stack, website_id, *_COMBINED, str(first))
    known = int(re.sub(r".* \((\d+),(\d+) new.*", r"\1\2", early.summary))
    assert known in (5_999, 6_000)

    grown = import_(stack, website_id, *_COMBINED, "-", stdin=whole)
    assert f"({EVENTS - known:,} new, {known:,} already known)" in grown.summary
    assert intervals(walk(rest, website_id, key, **LOG_DAYS)) == expected_intervals(log)


def test_a_dry_run_writes_nothing(stack: Stack, rest: Rest, key: str, log: Path) -> None:
    website_id = new_website(stack)
    said = import_(stack, website_id, *_COMBINED, "--dry-run", str(log))
    assert said.status == 0
    assert f"{EVENTS:,} events (nothing recorded: dry run)" in said.summary
    assert len(said.refused) == 1
    assert walk(rest, website_id, key, **LOG_DAYS) == []


def test_strict_tells_of_refused_lines_by_its_status(
    stack: Stack, rest: Rest, key: str, log: Path
) -> None:
    lines = gzip.decompress(log.read_bytes()).splitlines(keepends=True)[:3]
    website_id = new_website(stack)
    arguments = (*_COMBINED, "--strict", "-")
    bad = import_(stack, website_id, *arguments, stdin=b"".join([*lines, b"nonsense\n"]))
    assert bad.status == 1
    assert bad.refused == ["-:4: not a line of the common or combined log format"]
    # What could be read is there.
    assert sum(each["pageviews"] for each in walk(rest, website_id, key, **LOG_DAYS)) == 3
    assert import_(stack, website_id, *arguments, stdin=b"".join(lines)).status == 0


def test_a_shops_sessions_are_those_of_its_labels(
    stack: Stack, rest: Rest, over_grpc: Grpc, key: str, tmp_path: Path
) -> None:
    with gzip.open(real_file("ecom_sessions.csv.gz"), "rt") as file:
        rows = list(csv.DictReader(file))
    clicks = tmp_path / "clicks.ndjson"
    clicks.write_text("".join(f"{json.dumps(_click(n, row))}\n" for n, row in enumerate(rows)))
    website_id = new_website(stack)
    said = import_(stack, website_id, "--format", "ndjson", str(clicks))
    assert (said.status, said.refused) == (0, [])
    assert f"{len(rows):,} events ({len(rows):,} new, 0 already known)" in said.summary

    labelled: dict[str, list[dict[str, str]]] = {}
    for row in sorted(rows, key=lambda row: row["timestamp"]):
        labelled.setdefault(row["session_id"], []).append(row)
    # The sessions of one user do not overlap, so that bounds and size tell what is in them.
    positions = sorted(
        (run[0]["user_id"], _moment(run[0]), _moment(run[-1])) for run in labelled.values()
    )
    assert all(a[0] != b[0] or a[2] < b[1] for a, b in pairwise(positions))
    expected = {
        (run[0]["user_id"], _moment(run[0]), _moment(run[-1]), len(run))
        for run in labelled.values()
    }
    days = {"start_date": min(r["timestamp"] for r in rows)[:10]}
    days |= {"end_date": max(r["timestamp"] for r in rows)[:10]}
    sessions = walk(rest, website_id, key, **days)
    found = {
        (each["visitor_id"], each["started_at"], each["ended_at"], each["events"])
        for each in sessions
    }
    assert len(sessions) == len(expected) == SHOP_SESSIONS
    assert found == expected

    names = {
        (run[0]["user_id"], _moment(run[0])): [row["event"] for row in run]
        for run in labelled.values()
    }
    for session in sessions[::50]:
        answer = over_grpc.get_session(website_id, session["session_id"], {}, key)
        seen = [event["event_name"] for event in answer["events"]]
        assert seen == names[session["visitor_id"], session["started_at"]]


def _click(number: int, row: dict[str, str]) -> dict[str, Any]:
    return {
        "event_type": "event",
        "timestamp": _moment(row),
        "sequence": number,
        "visitor_id": row["user_id"],
        "event_name": row["event"],
    }


def _moment(row: dict[str, str]) -> str:
    return row["timestamp"].replace(" ", "T") + "Z"

"""Processes that record for an import: exact, counted truly, and ended with the command."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import orjson
import psycopg
import pytest
import pytest_asyncio
from hypothesis import given, settings
from sessions.composition import Application, open_application
from sessions.domain.enrichment import Enricher
from sessions.domain.errors import DomainError, NotFound, Reason
from sessions.domain.events import Event
from sessions.domain.visitors import Visitors
from sessions.domain.websites import Website
from sessions.ingest import importer
from sessions.ingest.formats.ndjson import Ndjson
from sessions.ingest.importer import PART, Importer, InThisProcess, Tally
from sessions.ingest.recorder import Answer, Setup
from sessions.settings import Settings
from sessions.standalone.recorders import Recorders
from sessions.storage import secrets
from sessions.storage.database import Database

from tests.support.databases import ask, waiting_for_locks
from tests.support.processes import (
    PATIENCE,
    SESSIONS,
    argv,
    child_pids,
    eventually,
    eventually_awaited,
    is_running,
)
from tests.support.reference import reference_sessions
from tests.support.rows import event, stored_sessions
from tests.support.strategies import START, arrivals

PROCESSES = 3


@pytest_asyncio.fixture
async def application(database_url: str) -> AsyncIterator[Application]:
    async with open_application(database_url, Settings()) as application:
        yield application


@pytest_asyncio.fixture
async def website(application: Application) -> Website:
    return await application.websites.get(await application.websites.create("test"))


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of 500 events a process, so that a small file has many."""
    monkeypatch.setattr(importer, "PART", 500)


class Own(InThisProcess):
    """Notes what is recorded in this process, and records nothing."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        super().__init__(self._note)

    async def _note(self, events: list[Event]) -> Answer:
        self.events += events
        return Answer(new=len(events))


@asynccontextmanager
async def recorders(
    database_url: str, website: Website, own: InThisProcess | None = None
) -> AsyncIterator[Recorders]:
    async with Database(database_url) as database:
        secret = await secrets.visitor(database)
    setup = Setup(database_url, 60.0, website, secret)
    async with Recorders(PROCESSES, setup, own or Own()) as found:
        yield found


def running(pid: int) -> list[int]:
    """The processes that record for a process."""
    return [child for child in child_pids(pid) if "sessions.ingest.recorder" in argv(child)]


def lines(count: int, seed: int) -> list[bytes]:
    """Events of few visitors: out of order, at equal moments, and with repeats."""
    rng = random.Random(seed)  # noqa: S311
    made: list[bytes] = []
    for number in range(count):
        if made and rng.random() < 0.1:
            made.append(rng.choice(made[-1_000:]))
            continue
        # Some are late by days, but most continue a session, also over the end of a batch.
        minutes = number // 20 - rng.choice((0, 0, 0, 1, 29, 30, 31, 60 * 24 * 3))
        sent: dict[str, object] = {
            "event_type": "pageview",
            "timestamp": (START + timedelta(minutes=minutes)).isoformat(),
            "visitor_id": f"visitor {rng.randrange(150)}",
            "url": rng.choice(("/", "/a", "/b", "/ü", "/a?utm_source=a")),
            "language": rng.choice(("", "a", "b")),
        }
        if rng.random() < 0.2:
            data = {"plan": "pro", "price": 1e300, "id": 2**63, "ü": [None, {"a": 1.0}]}
            sent |= {"event_type": "event", "event_name": "click", "event_data": data}
        made.append(orjson.dumps(sent))
    return made


def written(folder: Path, made: Iterable[bytes]) -> str:
    file = folder / "events.ndjson"
    file.write_bytes(b"".join(line + b"\n" for line in made))
    return str(file)


async def run(recorder: importer.Recorder, website: Website, file: str) -> Tally:
    enricher = Enricher(Visitors(b"secret"))
    tally = Tally()
    await Importer(website.website_id, Ndjson(), enricher, recorder)([file], tally, lambda _: None)
    return tally


EVENTS = """
SELECT visitor_id, to_jsonb(e) - 'website_key' - 'visitor_key'
  FROM events e JOIN visitors v USING (website_key, visitor_key)
 WHERE e.website_key = %(key)s
 ORDER BY 1, 2
"""


async def test_several_processes_record_what_one_does(
    application: Application,
    database: Database,
    database_url: str,
    website: Website,
    tmp_path: Path,
    small_parts: None,
) -> None:
    """The sessions are those of the reference; the events are those that one process records."""
    file = written(tmp_path, lines(10_000, seed=1))
    erased = "visitor 7"
    other = await application.websites.get(await application.websites.create("other"))
    for each in (website, other):
        await application.erase_visitor(each.website_id, visitor_id=erased)

    sent = Own()
    await run(sent, other, file)
    one = await run(
        InThisProcess(lambda events: application.write_events(other, events)), other, file
    )
    own = Own()
    async with recorders(database_url, website, own) as several:
        tally = await run(several, website, file)
        assert len(running(os.getpid())) == PROCESSES
        again = await run(several, website, file)

    assert own.events == []
    assert tally == one
    assert (again.new, again.known) == (0, 10_000)
    wanted = [each for each in sent.events if each.visitor_id != erased]
    assert len(wanted) < len(sent.events)
    assert await stored_sessions(database, website) == reference_sessions(wanted)
    stored = await database.fetch(EVENTS, {"key": website.key})
    assert stored == await database.fetch(EVENTS, {"key": other.key})
    assert len(stored) == tally.new
    assert running(os.getpid()) == []


async def test_a_small_file_starts_no_process(
    database_url: str, website: Website, tmp_path: Path, small_parts: None
) -> None:
    own = Own()
    async with recorders(database_url, website, own) as several:
        await run(several, website, written(tmp_path, lines(1_400, seed=2)))
        assert running(os.getpid()) == []
    assert len(own.events) == 1_400


@settings(max_examples=100, deadline=None)
@given(batches=arrivals())
def test_events_reach_a_process_as_they_are(batches: list[list[Event]]) -> None:
    for batch in batches:
        sent = msgspec.msgpack.encode(batch)
        assert msgspec.msgpack.decode(sent, type=list[Event]) == batch


async def test_an_error_of_a_process_is_that_of_the_import(
    database_url: str, website: Website
) -> None:
    gone = website._replace(key=website.key + 1, website_id="site_gone")
    async with recorders(database_url, gone) as several:
        outcomes = await several([event("v", START)], is_full=True)
    [error] = [each for each in outcomes if isinstance(each, BaseException)]
    assert isinstance(error, DomainError)
    expected = NotFound(Reason.WEBSITE_NOT_FOUND, website_id="site_gone")
    assert (error.reason, str(error), error.metadata) == (
        expected.reason,
        str(expected),
        expected.metadata,
    )


async def test_a_process_that_can_not_connect_says_so(tmp_path: Path, website: Website) -> None:
    setup = Setup(f"postgresql:///postgres?host={tmp_path}", 60.0, website, b"secret")
    async with Recorders(PROCESSES, setup, Own()) as several:
        outcomes = await several([event("v", START)], is_full=True)
    assert {type(each) for each in outcomes} == {Answer, DomainError}
    [reason] = [each.reason for each in outcomes if isinstance(each, DomainError)]
    assert reason is Reason.DATABASE_UNAVAILABLE


class Stuck:
    """Records one batch, and then none."""

    parts, at_a_time = 1, 2

    def __init__(self) -> None:
        self.begun = 0

    async def __call__(self, events: list[Event], *, is_full: bool) -> list[Answer]:
        """Record a batch."""
        self.begun += 1
        if self.begun > 1:
            await asyncio.Event().wait()
        return [Answer(new=len(events))]


async def test_an_interrupted_import_has_counted_what_is_recorded(
    website: Website, tmp_path: Path, small_parts: None
) -> None:
    """While it waits for more of a pipe."""
    tally, stuck = Tally(), Stuck()
    reading = Importer(website.website_id, Ndjson(), Enricher(Visitors(b"secret")), stuck)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with open(os.open(pipe, os.O_RDWR), "wb") as end:  # noqa: ASYNC230 - never waits for a reader
        importing = asyncio.create_task(reading([str(pipe)], tally, lambda _: None))
        made = b"".join(line + b"\n" for line in lines(1_400, seed=5))
        await asyncio.to_thread(end.write, made)
        end.flush()
        await eventually(lambda: stuck.begun == 2)
        importing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await importing
    assert tally.new == 500


@asynccontextmanager
async def locked_visitors(url: str) -> AsyncIterator[None]:
    """Whoever records waits for the end of the block."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute("LOCK TABLE visitors IN ACCESS EXCLUSIVE MODE")
        yield
        await connection.rollback()


async def all_wait(url: str) -> bool:
    return await waiting_for_locks(url) == PROCESSES


async def test_what_is_counted_is_recorded_also_where_a_process_is_killed(
    database: Database, database_url: str, website: Website, tmp_path: Path, small_parts: None
) -> None:
    file = written(tmp_path, lines(10_000, seed=3))
    tally = Tally()
    enricher = Enricher(Visitors(b"secret"))
    async with recorders(database_url, website) as several:
        reading = Importer(website.website_id, Ndjson(), enricher, several)
        async with locked_visitors(database_url):
            importing = asyncio.create_task(reading([file], tally, lambda _: None))
            await eventually_awaited(lambda: all_wait(database_url))
            killed = running(os.getpid())[1]
            os.kill(killed, signal.SIGKILL)
            await eventually(lambda: not is_running(killed))
        with pytest.raises(ChildProcessError, match=r"recorder 2 was ended by SIGKILL; importing"):
            await importing
    assert 0 < tally.new < 10_000
    count = await ask(database_url, "SELECT count(*) FROM events")
    assert count == tally.new
    async with recorders(database_url, website) as several:
        again = await run(several, website, file)
    assert tally.new + again.new == await ask(database_url, "SELECT count(*) FROM events")
    sent = Own()
    await run(sent, website, file)
    assert await stored_sessions(database, website) == reference_sessions(sent.events)


@pytest.fixture
def large(tmp_path: Path) -> str:
    """More than a batch, so that `sessions import` starts processes."""
    return written(tmp_path, lines(PROCESSES * PART + 100, seed=4))


@pytest.mark.parametrize(
    ("signal_number", "status"),
    [(signal.SIGINT, 1), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)],
)
async def test_processes_end_with_the_command(
    database_url: str, website: Website, large: str, signal_number: signal.Signals, status: int
) -> None:
    """However it ends: nothing is written any more."""
    arguments = ("--processes", str(PROCESSES), "--format", "ndjson", large)
    before = await ask(database_url, BACKENDS)
    async with locked_visitors(database_url):
        process = await asyncio.create_subprocess_exec(
            *(*SESSIONS, "import", "--website", website.website_id, *arguments),
            env=os.environ | {"DATABASE_URL": database_url},
            stderr=asyncio.subprocess.PIPE,
        )
        await eventually_awaited(lambda: all_wait(database_url))
        started = running(process.pid)
        assert len(started) == PROCESSES
        process.send_signal(signal_number)
        _, said = await asyncio.wait_for(process.communicate(), PATIENCE)
        await eventually(lambda: not any(map(is_running, started)))
    assert process.returncode == status
    # Without a traceback of any process.
    assert b"Traceback" not in said
    await eventually_awaited(lambda: _is(database_url, BACKENDS, before))
    assert await ask(database_url, "SELECT count(*) FROM events") == 0


BACKENDS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"


async def _is(url: str, query: str, expected: object) -> bool:
    return bool(await ask(url, query) == expected)

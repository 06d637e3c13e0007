"""What callers meet when parts fail, and how soon it is over; nothing is restarted by hand.

The figures are printed: `pytest -rP tests/end_to_end/test_failures.py` shows them.
"""

import asyncio
import http.client
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from analytics_sessions.v1.session_service_pb2 import ListSessionsRequest
from google.protobuf.json_format import ParseDict
from sessions.composition import open_application
from sessions.domain.api_keys import Scope
from sessions.domain.events import EventInput
from sessions.settings import Settings
from sessions.standalone.postgres import running_postgres
from sessions.worker.health import is_serving

from tests.support.clients import Failure, Grpc, Refused, Rest, Way
from tests.support.processes import argv, child_pids
from tests.support.stack import Stack, metadata, running_stack

TIMEOUT = 2.0
"""The service's own deadline, as these tests set it."""
HANGS = TIMEOUT + 8.0
"""Seconds after which a call counts as hanging: its deadline, Envoy's margin, a busy machine."""
RESUMES = 15.0
"""Seconds within which answers come again, on a busy machine too; 5 are usual."""
REVOKED = 5.0
"""Seconds after which no call begins that a revoked key still lets through."""
PATIENT = {"SESSIONS_REQUEST_TIMEOUT": "30", "SESSIONS_POOL_SIZE": "16"}
"""For calls that wait until a test lets them go on, however long it takes to get there."""
SETTINGS = {
    "SESSIONS_WORKERS": "2",
    "SESSIONS_REQUEST_TIMEOUT": str(TIMEOUT),
    "SESSIONS_DRAIN_TIMEOUT": "8",
    "SESSIONS_LOG_LEVEL": "warning",
}
DAYS = {"start_date": "2026-03-03", "end_date": "2026-03-03"}
PATIENCE = 60.0


@dataclass(frozen=True)
class Service:
    """A running service with one session in it, and a client of each kind."""

    stack: Stack
    website_id: str
    key: str
    ways: tuple[Way, Way]

    def children(self, kind: str) -> list[int]:
        """The processes of `postgres`, `envoy` or the workers (`sessions.worker`)."""
        found = []
        for pid in child_pids(self.stack.process.pid):
            command = argv(pid)
            if kind in command or Path(command[0]).name == kind:
                found.append(pid)
        return found

    def ask(self, way: Way, timeout: float = 30.0) -> None:
        """One call; raises Refused."""
        answer = way.list_sessions(self.website_id, DAYS, self.key, timeout)
        assert len(answer["sessions"]) == 1

    def health(self) -> int:
        """The status of `GET /healthz`."""
        return self.stack.request("/healthz", timeout=5).status


@contextmanager
def running_service(**settings: str) -> Iterator[Service]:
    """A service of one's own to break."""
    with ExitStack() as exits:
        folder = exits.enter_context(tempfile.TemporaryDirectory(prefix="sessions-test-"))
        stack = exits.enter_context(running_stack(Path(folder) / "data", **SETTINGS | settings))
        over_grpc = exits.enter_context(closing(Grpc(stack)))
        # In a thread of its own: a test may run in a loop already.
        with ThreadPoolExecutor(1) as thread:
            website_id, key = thread.submit(asyncio.run, _fill(stack.database_url)).result()
        yield Service(stack, website_id, key, (Rest(stack), over_grpc))


async def _fill(database_url: str) -> tuple[str, str]:
    async with open_application(database_url, Settings()) as application:
        website = await application.websites.get(await application.websites.create("test"))
        moment = datetime(2026, 3, 3, 10, 15, tzinfo=UTC)
        sent = EventInput(event_type="pageview", timestamp=moment, visitor_id="anna", url="/")
        events = application.enricher.enrich_all(
            [sent], website_id=website.website_id, received_at=moment
        )
        await application.write_events(website, events)
        return website.website_id, await application.api_keys.create("test", [Scope.SESSIONS_READ])


@pytest.fixture(scope="module")
def shared() -> Iterator[Service]:
    """One service for the tests of this file that leave it whole."""
    with running_service() as running:
        yield running


@pytest.fixture
def service(shared: Service) -> Iterator[Service]:
    """A service that is well before the test and after it."""
    well_again(shared)
    yield shared
    well_again(shared)


@pytest.fixture(scope="module")
def shared_patient() -> Iterator[Service]:
    """Another one, whose calls may wait."""
    with running_service(**PATIENT) as running:
        yield running


@pytest.fixture
def patient(shared_patient: Service) -> Iterator[Service]:
    """The same, before the test and after it."""
    well_again(shared_patient)
    yield shared_patient
    well_again(shared_patient)


def well_again(service: Service) -> float:
    """Wait until everything answers; returns the seconds that it took."""
    began = time.monotonic()

    def well() -> bool:
        workers = service.children("sessions.worker")
        addresses = [f"127.0.0.1:{argv(pid)[-1]}" for pid in workers if len(argv(pid)) > 1]
        with ThreadPoolExecutor(1) as thread:
            serving = [
                thread.submit(asyncio.run, is_serving(address)).result() for address in addresses
            ]
        return (
            serving == [True, True]
            and healthy_for_envoy(service) == len(serving)
            and all(answers(service, way) for way in service.ways)
        )

    eventually(well)
    return time.monotonic() - began


def healthy_for_envoy(service: Service) -> int:
    """How many workers Envoy sends calls to: it knows later than they do."""
    address = Path(service.stack.environment["SESSIONS_DATA_DIR"], "envoy.admin").read_text()
    with closing(http.client.HTTPConnection(address.strip(), timeout=5)) as connection:
        connection.request("GET", "/stats?filter=cluster.workers.membership_healthy")
        return int(connection.getresponse().read().split()[-1])


def answers(service: Service, way: Way) -> bool:
    """Whether a call succeeds now."""
    try:
        service.ask(way)
    except Refused:
        return False
    return service.health() == 200


def eventually(condition: Callable[[], bool], seconds: float = PATIENCE) -> float:
    """Wait until a condition holds; returns the seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - began


@dataclass(frozen=True)
class Call:
    """One call of a load: when, and how it ended."""

    began: float
    ended: float
    failure: Failure | None
    """None for an answer; without a reason where nobody answered the connection."""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began


class Load:
    """Callers that call one after the other, over REST and gRPC, until the block is left."""

    def __init__(self, service: Service, callers: int = 6) -> None:
        self._service = service
        self.callers = callers
        self._stop = threading.Event()
        self._futures: list[Future[list[Call]]] = []
        self._pool = ThreadPoolExecutor(callers)
        self.calls: list[Call] = []

    def __enter__(self) -> "Load":
        ways = self._service.ways
        self._futures = [
            self._pool.submit(self._run, ways[number % 2]) for number in range(self.callers)
        ]
        time.sleep(0.3)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        self.calls = sorted(
            (call for future in self._futures for call in future.result()), key=lambda c: c.ended
        )

    def _run(self, way: Way) -> list[Call]:
        calls = []
        while not self._stop.is_set():
            began = time.monotonic()
            failure = None
            try:
                self._service.ask(way)
            except Refused as error:
                failure = error.failure
            except (OSError, http.client.HTTPException) as error:
                failure = Failure("UNREACHABLE", repr(error), "")
            calls.append(Call(began, time.monotonic(), failure))
            if failure:
                time.sleep(0.02)
        return calls

    def report(self, what: str, since: float) -> tuple[float, float]:
        """Print what happened; returns the longest call and when the last failure was over."""
        failed = [call for call in self.calls if call.failure]
        longest = max(call.seconds for call in self.calls)
        over = max((call.ended - since for call in failed), default=0.0)
        successes = [call.ended for call in self.calls if not call.failure]
        gap = max(b - a for a, b in pairwise(successes))
        codes = Counter(f"{c.failure.code} {c.failure.reason}" for c in failed if c.failure)
        print(
            f"{what}: {len(self.calls)} calls, {len(failed)} failed {dict(codes)}; "
            f"longest call {longest:.2f} s, longest time without an answer {gap:.2f} s, "
            f"last failure {over:.2f} s after it began"
        )
        return longest, over


class TestDatabase:
    """PostgreSQL stops, dies or freezes."""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda n: n.name)
    def test_restarted_under_load(self, service: Service, number: signal.Signals) -> None:
        """Stopped in order or killed: `up` starts it again, and the workers find it."""
        workers = service.children("sessions.worker")
        [postgres] = service.children("postgres")
        with Load(service) as load:
            began = time.monotonic()
            os.kill(postgres, number)
            eventually(lambda: service.children("postgres") not in ([], [postgres]))
            well_again(service)
            time.sleep(1)
        longest, over = load.report(f"PostgreSQL ended by {number.name}", began)
        assert over < RESUMES
        assert longest < HANGS
        assert {c.failure.code for c in load.calls if c.failure} <= {"UNAVAILABLE"}
        assert {c.failure.reason for c in load.calls if c.failure} <= {"DATABASE_UNAVAILABLE"}
        assert service.children("sessions.worker") == workers

    async def test_stopped_and_started(self) -> None:
        """Somebody else's server, told by DATABASE_URL, goes away for a while."""
        with tempfile.TemporaryDirectory(prefix="sessions-test-") as folder, ExitStack() as exits:
            async with running_postgres(Path(folder), durable=False) as url:
                service = exits.enter_context(running_service(DATABASE_URL=url))
                assert all(answers(service, way) for way in service.ways)
            stopped = time.monotonic()
            longest, unhealthy = 0.0, float("inf")
            while unhealthy > RESUMES and time.monotonic() - stopped < RESUMES:
                for way in service.ways:
                    seconds, failure = timed(service, way)
                    longest = max(longest, seconds)
                    assert (failure.code, failure.reason) == ("UNAVAILABLE", "DATABASE_UNAVAILABLE")
                if service.health() == 503:
                    unhealthy = min(unhealthy, time.monotonic() - stopped)
            assert unhealthy < RESUMES
            assert longest < HANGS
            async with running_postgres(Path(folder), durable=False):
                started = time.monotonic()
                eventually(lambda: all(answers(service, way) for way in service.ways), RESUMES)
                again = time.monotonic() - started
                exits.close()
        print(
            f"stopped: calls fail within {longest:.2f} s, healthz 503 within {unhealthy:.2f} s; "
            f"started again: everything answers after {again:.2f} s"
        )

    def test_frozen_while_nobody_calls(self, service: Service) -> None:
        """The worker's own question stays without an answer."""
        with frozen_postgres(service):
            seconds = eventually(lambda: service.health() == 503, 2 * RESUMES)
        again = well_again(service)
        print(f"frozen: healthz 503 after {seconds:.2f} s; thawed: answers after {again:.2f} s")
        assert again < RESUMES

    def test_frozen(self, service: Service) -> None:
        """It takes connections and statements but does not answer: deadlines end the calls."""
        with frozen_postgres(service), ThreadPoolExecutor(8) as pool:
            began = time.monotonic()
            calls = [pool.submit(timed, service, way) for way in service.ways * 4]
            wait(calls)
            for call in calls:
                seconds, failure = call.result()
                assert failure.code in ("DEADLINE_EXCEEDED", "UNAVAILABLE")
                assert seconds < HANGS
            longest = max(call.result()[0] for call in calls)
            # A caller's own deadline is shorter and counts.
            seconds, failure = timed(service, service.ways[1], timeout=0.5)
            assert failure.code == "DEADLINE_EXCEEDED"
            assert seconds < TIMEOUT
            eventually(lambda: service.health() == 503, 2 * RESUMES)
            unhealthy = time.monotonic() - began
        again = well_again(service)
        codes = Counter(call.result()[1].code for call in calls)
        print(
            f"frozen: {dict(codes)}, longest call {longest:.2f} s, healthz 503 within "
            f"{unhealthy:.2f} s; thawed: everything answers after {again:.2f} s"
        )
        assert again < RESUMES


def timed(service: Service, way: Way, timeout: float = 30.0) -> tuple[float, Failure]:
    """A call that fails: the seconds that it takes, and how it fails."""
    began = time.monotonic()
    with pytest.raises(Refused) as caught:
        service.ask(way, timeout)
    return time.monotonic() - began, caught.value.failure


@contextmanager
def frozen_postgres(service: Service) -> Iterator[None]:
    """Stop all processes of PostgreSQL in their tracks."""
    [postgres] = service.children("postgres")
    stopped = [postgres]
    os.kill(postgres, signal.SIGSTOP)
    try:
        for pid in child_pids(postgres):
            stopped.append(pid)
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


class TestWorkers:
    """One of two workers ends."""

    def test_killed_under_load(self, service: Service) -> None:
        """Calls that it had are tried again elsewhere, or fail precisely; it is replaced."""
        workers = service.children("sessions.worker")
        with Load(service) as load:
            began = time.monotonic()
            os.kill(workers[0], signal.SIGKILL)
            back = well_again(service)
            time.sleep(0.5)
        longest, _ = load.report(f"worker killed, back after {back:.2f} s", began)
        assert longest < HANGS
        assert {c.failure.code for c in load.calls if c.failure} <= {"UNAVAILABLE"}
        assert set(service.children("sessions.worker")) & set(workers) == {workers[1]}

    def test_told_to_stop_under_load(self, patient: Service) -> None:
        """Its calls in flight finish and new ones go elsewhere: no caller sees anything."""
        workers = patient.children("sessions.worker")
        with Load(patient) as load, ThreadPoolExecutor(8) as pool:
            with sessions_locked(patient):
                calls = [pool.submit(patient.ask, way) for way in patient.ways * 4]
                eventually(lambda: waiting_statements(patient) == len(calls) + load.callers)
                began = time.monotonic()
                os.kill(workers[0], signal.SIGTERM)
                time.sleep(0.5)
                assert not any(call.done() for call in calls)
            for call in calls:
                call.result()
            well_again(patient)
        load.report("worker told to stop", began)
        assert [call for call in load.calls if call.failure] == []
        assert set(patient.children("sessions.worker")) & set(workers) == {workers[1]}


class TestDeadlines:
    """Whoever no longer waits for an answer costs the database nothing."""

    @pytest.fixture
    def locked(self, patient: Service) -> Iterator[Service]:
        """A service whose reading statements wait, for longer than tests do."""
        with sessions_locked(patient):
            yield patient
        assert waiting_statements(patient) == 0

    def gone(self, service: Service, what: str) -> None:
        seconds = eventually(lambda: waiting_statements(service) == 0)
        print(f"{what}: its statement ends after {seconds:.2f} s")
        assert seconds < HANGS

    def test_cancelled_by_the_caller(self, locked: Service) -> None:
        with locked.stack.stub() as stub:
            call = stub.ListSessions.future(
                ParseDict(DAYS, ListSessionsRequest(website_id=locked.website_id)),
                metadata=metadata(locked.key),
            )
            eventually(lambda: waiting_statements(locked) == 1)
            call.cancel()
            self.gone(locked, "call cancelled")

    def test_connection_closed_by_the_caller(self, locked: Service) -> None:
        connection = http.client.HTTPConnection(urlsplit(locked.stack.address).netloc)
        headers = {"Authorization": f"Bearer {locked.key}"}
        path = f"/api/websites/{locked.website_id}/sessions"
        with closing(connection):
            connection.request("GET", path, headers=headers)
            eventually(lambda: waiting_statements(locked) == 1)
        self.gone(locked, "connection closed")

    def test_deadline_of_the_caller(self, locked: Service) -> None:
        seconds, failure = timed(locked, locked.ways[1], timeout=0.5)
        self.gone(locked, f"deadline of 0.5 s, over after {seconds:.2f} s")
        assert failure.code == "DEADLINE_EXCEEDED"
        assert seconds < HANGS

    @pytest.mark.parametrize("way", [0, 1], ids=["REST", "gRPC"])
    def test_deadline_of_the_service(self, service: Service, way: int) -> None:
        with sessions_locked(service):
            seconds, failure = timed(service, service.ways[way])
            self.gone(service, f"deadline of the service, over after {seconds:.2f} s")
        assert (failure.code, failure.reason) == ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")
        assert TIMEOUT - 0.1 < seconds < HANGS


@contextmanager
def sessions_locked(service: Service) -> Iterator[None]:
    """Make every reading statement wait."""
    with psycopg.connect(service.stack.database_url) as connection:
        connection.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


def waiting_statements(service: Service) -> int:
    """How many statements wait for the lock."""
    query = """
    SELECT count(*) FROM pg_stat_activity
     WHERE wait_event_type = 'Lock' AND query LIKE '%FROM sessions s%'
    """
    with psycopg.connect(service.stack.database_url) as connection:
        [count] = connection.execute(query).fetchone() or [0]
    assert isinstance(count, int)
    return count


def test_a_revoked_key_stops_working_within_five_seconds(service: Service) -> None:
    """On every worker, also where it is in constant use."""

    async def make() -> tuple[str, str]:
        async with open_application(service.stack.database_url, Settings()) as application:
            secret = await application.api_keys.create("soon gone", [Scope.SESSIONS_READ])
            [made] = [k for k in await application.api_keys.list_all() if k.name == "soon gone"]
            return secret, made.key_id

    async def revoke(key_id: str) -> None:
        async with open_application(service.stack.database_url, Settings()) as application:
            await application.api_keys.revoke(key_id)

    secret, key_id = asyncio.run(make())
    used = Service(service.stack, service.website_id, secret, service.ways)
    with Load(used) as load:
        time.sleep(0.7)
        began = time.monotonic()
        asyncio.run(revoke(key_id))
        revoked = time.monotonic()
        time.sleep(REVOKED + 0.5)
    last = max(call.began for call in load.calls if not call.failure) - revoked
    print(f"revoked: the last call with an answer began {last:.2f} s after it")
    assert last < REVOKED
    assert any(call.failure is None for call in load.calls if call.ended < began)
    assert {c.failure.reason for c in load.calls if c.failure} == {"KEY_REVOKED"}


def test_told_to_stop_under_load() -> None:
    """`up` takes no more calls, finishes those in flight, and ends with status 0."""
    with running_service(**PATIENT) as service, ThreadPoolExecutor(8) as pool:
        with Load(service) as load:
            with sessions_locked(service):
                calls = [pool.submit(service.ask, way) for way in service.ways * 4]
                eventually(lambda: waiting_statements(service) == len(calls) + load.callers)
                began = time.monotonic()
                service.stack.process.send_signal(signal.SIGTERM)
                time.sleep(0.5)
                assert not any(call.done() for call in calls)
            for call in calls:
                call.result()
            status = service.stack.process.wait(PATIENCE)
        ended = time.monotonic() - began
        assert status == 0
        print(f"`up` ended {ended:.2f} s after it was told to, 0.5 s of them busy")
        before = [call for call in load.calls if call.began < began]
        assert [call for call in before if call.failure] == []
        codes = {call.failure.code for call in load.calls if call.failure}
        assert codes <= {"UNREACHABLE", "UNAVAILABLE"}
        assert not service.children("sessions.worker")

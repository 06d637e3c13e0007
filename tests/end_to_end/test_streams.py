"""StreamEvents under pressure: a slow database, an old stream, a worker that stops, a lost key.

The client's rule is that of the API: connect again, and send what was not acknowledged.
"""

import asyncio
import json
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, takewhile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import psycopg
import pytest
from analytics_sessions.v1.event_pb2 import Event
from analytics_sessions.v1.event_service_pb2 import RecordEventsRequest, StreamEventsRequest
from analytics_sessions.v1.event_service_pb2_grpc import EventServiceStub
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status
from sessions.standalone.postgres import running_postgres

from tests.support.processes import running_parts
from tests.support.stack import Stack, metadata, running_stack

AGE = 4.0
TIMEOUT = 5.0
HANGS = TIMEOUT + 10.0
"""Seconds after which a call counts as hanging, on a busy machine."""
SETTINGS = {
    "SESSIONS_WORKERS": "2",
    "SESSIONS_STREAM_AGE": str(AGE),
    "SESSIONS_REQUEST_TIMEOUT": str(TIMEOUT),
    "SESSIONS_DRAIN_TIMEOUT": "8",
    "SESSIONS_LOG_LEVEL": "warning",
}
START = datetime(2026, 3, 3, 10, 15, tzinfo=UTC)
_numbers = count()


@dataclass(frozen=True)
class Service:
    """A running service with a website and a key of its own."""

    stack: Stack
    website_id: str
    key: str
    stub: EventServiceStub

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The credentials of a call."""
        return metadata(self.key)

    def batches(self, number: int, events: int = 1, url: str = "/") -> list[StreamEventsRequest]:
        """Batches of new events."""
        return [
            StreamEventsRequest(
                batch=batch,
                website_id=self.website_id,
                events=[new_event(url) for _ in range(events)],
            )
            for batch in range(number)
        ]

    def stored(self) -> list[str]:
        """The ids of all events that are there."""
        query = """
        SELECT event_id FROM events JOIN websites USING (website_key) WHERE website_id = %s
        """
        with psycopg.connect(self.stack.database_url) as connection:
            return [id_ for (id_,) in connection.execute(query, (self.website_id,))]

    def workers(self) -> list[int]:
        """The processes of the workers."""
        return running_parts(self.stack.process.pid)["worker"]


def new_event(url: str = "/") -> Event:
    """A pageview that is not there yet."""
    number = next(_numbers)
    event = Event(event_type="pageview", event_id=f"e{number}", visitor_id=f"v{number % 50}")
    event.url = url
    event.timestamp.FromDatetime(START + timedelta(seconds=number % 7_200))
    return event


def ids(batches: Sequence[StreamEventsRequest]) -> list[str]:
    """The ids of the events of batches."""
    return [event.event_id for batch in batches for event in batch.events]


@contextmanager
def running_service(**settings: str) -> Iterator[Service]:
    """A service of one's own."""
    with ExitStack() as exits:
        folder = exits.enter_context(tempfile.TemporaryDirectory(prefix="sessions-test-"))
        stack = exits.enter_context(running_stack(Path(folder) / "data", **SETTINGS | settings))
        channel = exits.enter_context(grpc.insecure_channel(urlsplit(stack.address).netloc))
        website_id = stack.command("websites", "create", "--name", "streams")
        key = stack.command("keys", "create", "--name", "streams", "--scope", "events:write")
        yield Service(stack, website_id, key, EventServiceStub(channel))


@pytest.fixture(scope="module")
def shared() -> Iterator[Service]:
    with running_service() as service:
        yield service


@pytest.fixture
def service(shared: Service) -> Service:
    """The service with a website without events."""
    website_id = shared.stack.command("websites", "create", "--name", "streams")
    return Service(shared.stack, website_id, shared.key, shared.stub)


@dataclass
class Stream:
    """One stream as its client sees it."""

    taken: list[float] = field(default_factory=list)
    """When each batch left the client, or came to wait in its library."""
    acknowledged: list[int] = field(default_factory=list)
    new: int = 0
    known: int = 0
    code: grpc.StatusCode | None = None
    reason: str = ""
    retry: bool = False
    """Whether the error tells when to try again."""
    seconds: float = 0.0

    def run(
        self, service: Service, batches: Iterable[StreamEventsRequest], pause: float = 0.0
    ) -> "Stream":
        """Send batches, each after a pause, until all are acknowledged or the stream ends."""

        def requests() -> Iterator[StreamEventsRequest]:
            for batch in batches:
                time.sleep(pause)
                self.taken.append(time.monotonic())
                yield batch

        began = time.monotonic()
        call = service.stub.StreamEvents(requests(), metadata=service.metadata, timeout=240)
        try:
            for answer in call:
                self.acknowledged.append(answer.batch)
                self.new += answer.new_events
                self.known += answer.known_events
        except grpc.RpcError as error:
            self.reason = reason_of(error)
            self.retry = "RetryInfo" in details_of(error)
        self.code = call.code()
        self.seconds = time.monotonic() - began
        return self


def details_of(error: Any) -> dict[str, Any]:
    """The details of an error, by the names of their types."""
    status = rpc_status.from_call(error)
    assert status, error
    return {detail.type_url.rpartition(".")[2]: detail for detail in status.details}


def reason_of(error: Any) -> str:
    """The reason of an error."""
    info = ErrorInfo()
    details_of(error)["ErrorInfo"].Unpack(info)
    return str(info.reason).removeprefix("ERROR_REASON_")


def insist(
    service: Service, batches: Sequence[StreamEventsRequest], pause: float = 0.0
) -> list[Stream]:
    """Send all batches, over as many streams as it takes."""
    streams: list[Stream] = []
    while batches:
        stream = Stream().run(service, batches, pause)
        streams.append(stream)
        assert stream.acknowledged == [batch.batch for batch in batches[: len(stream.acknowledged)]]
        batches = batches[len(stream.acknowledged) :]
        assert len(streams) < 50
    return streams


@contextmanager
def locked(service: Service, table: str = "events") -> Iterator[None]:
    """Let nobody write."""
    with psycopg.connect(service.stack.database_url) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield
        connection.rollback()


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> float:
    """Wait until a condition holds; returns the seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - began


def steady(count: Callable[[], int]) -> int:
    """A number that grows no more: it was the same for a second and a half."""
    began, last = time.monotonic(), count()
    while time.monotonic() - began < 1.5:
        time.sleep(0.02)
        if last != (last := count()):
            began = time.monotonic()
    return last


def megabytes(pid: int) -> float:
    """The memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024


MOST_TAKEN = 64.0
"""MiB of one stream that may be under way: what Envoy buffers of it, and sockets on the way."""

MOST_MEMORY = 32.0
"""MiB that the workers may hold of it."""


def test_a_slow_database_holds_the_client_back() -> None:
    """While nothing can be stored nothing is acknowledged, and little more is taken in."""
    with running_service(SESSIONS_REQUEST_TIMEOUT="60", SESSIONS_STREAM_AGE="60") as service:
        batches = service.batches(500, events=50, url="/" + "x" * 4_000)
        size = batches[0].ByteSize() / 2**20
        insist(service, batches[:1])
        before = sum(map(megabytes, service.workers()))
        stream = Stream()
        with ThreadPoolExecutor(1) as pool:
            with locked(service):
                running = pool.submit(stream.run, service, batches[1:])
                eventually(lambda: len(stream.taken) > 0)
                taken = steady(lambda: len(stream.taken))
                more = sum(map(megabytes, service.workers())) - before
                assert stream.acknowledged == []
            running.result()
        print(
            f"{len(batches)} batches of {size:.2f} MiB: {taken * size:.1f} MiB taken, {more:.1f} "
            f"MiB more memory; with the time that it was locked {stream.seconds:.1f} s"
        )
        assert taken * size < MOST_TAKEN
        assert more < MOST_MEMORY
        assert len(batches) * size > 1.4 * MOST_TAKEN
        assert stream.code is grpc.StatusCode.OK
        rest = insist(service, batches[1 + len(stream.acknowledged) :])
        # What an old stream did not answer may have been stored.
        assert stream.new + sum(each.new for each in rest) <= 499 * 50
        assert sorted(service.stored()) == sorted(ids(batches))


def test_an_old_stream_ends_in_order(service: Service) -> None:
    batches = service.batches(int(2.5 * AGE / 0.02))
    began = time.monotonic()
    streams = insist(service, batches, pause=0.02)
    print(f"{len(streams)} streams of {[round(each.seconds, 2) for each in streams]} s")
    assert {stream.code for stream in streams} == {grpc.StatusCode.OK}
    assert len(streams) >= 2
    assert all(AGE - 0.1 < stream.seconds < 2 * AGE for stream in streams[:-1])
    assert time.monotonic() - began > AGE
    assert sum(stream.new + stream.known for stream in streams) == len(batches)
    assert sorted(service.stored()) == sorted(ids(batches))


def test_an_idle_stream_ends_when_it_is_old(service: Service) -> None:
    stream = Stream().run(service, service.batches(1), pause=3 * AGE)
    assert stream.code is grpc.StatusCode.OK
    assert AGE - 0.1 < stream.seconds < 2 * AGE
    assert (stream.acknowledged, service.stored()) == ([], [])


def test_a_worker_that_stops_ends_its_streams_in_order() -> None:
    """With the batch at hand stored and acknowledged."""
    with running_service(SESSIONS_STREAM_AGE="60") as service:
        # So many that surely each worker has some.
        sent = [service.batches(1_000) for _ in range(12)]
        workers = service.workers()
        streams = [Stream() for _ in sent]
        enough = threading.Event()
        with ThreadPoolExecutor(len(sent)) as pool:
            running = [
                pool.submit(
                    stream.run, service, takewhile(lambda _: not enough.is_set(), batches), 0.05
                )
                for stream, batches in zip(streams, sent, strict=True)
            ]
            eventually(lambda: all(stream.acknowledged for stream in streams))
            with locked(service):
                time.sleep(0.3)
                # At once, without the time in which it goes on as before.
                os.kill(workers[0], signal.SIGINT)
                time.sleep(0.5)
            eventually(lambda: any(future.done() for future in running))
            eventually(lambda: workers[0] not in service.workers())
            ended = [future.done() for future in running]
            enough.set()
        print(f"{sum(ended)} of {len(streams)} streams ended when their worker did")
        assert {stream.code for stream in streams} == {grpc.StatusCode.OK}
        for stream, batches in zip(streams, sent, strict=True):
            stored = set(service.stored())
            assert set(ids(batches[: len(stream.acknowledged)])) <= stored
            insist(service, batches[len(stream.acknowledged) : len(stream.taken)])
        taken = zip(streams, sent, strict=True)
        expected = [id_ for stream, batches in taken for id_ in ids(batches[: len(stream.taken)])]
        assert sorted(service.stored()) == sorted(expected)


def test_a_service_that_stops_ends_its_streams_in_order() -> None:
    """Long before they are old, and before Envoy goes, which would cut them off."""
    with running_service(SESSIONS_STREAM_AGE="600") as service, ThreadPoolExecutor(2) as pool:
        batches = service.batches(1_000)
        busy, idle = Stream(), Stream()
        running = [
            pool.submit(busy.run, service, batches, 0.05),
            pool.submit(idle.run, service, service.batches(1), 30.0),
        ]
        eventually(lambda: len(busy.acknowledged) > 2)
        service.stack.process.send_signal(signal.SIGTERM)
        wait(running)
        assert service.stack.process.wait(60) == 0
    assert (busy.code, idle.code) == (grpc.StatusCode.OK, grpc.StatusCode.OK)
    assert len(busy.acknowledged) < len(batches)


def test_a_revoked_key_ends_the_stream() -> None:
    """Long before it is old."""
    with running_service(SESSIONS_STREAM_AGE="60") as service:
        listed = json.loads(service.stack.command("keys", "list", "--json"))
        [key_id] = [each["key_id"] for each in listed if each["name"] == "streams"]
        batches = service.batches(1_000)
        stream = Stream()
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(stream.run, service, batches, pause=0.05)
            eventually(lambda: len(stream.acknowledged) > 2)
            service.stack.command("keys", "revoke", key_id)
            revoked = time.monotonic()
            running.result()
        last = stream.taken[len(stream.acknowledged) - 1] - revoked
        print(f"the last batch that was recorded left {last:.2f} s after the revocation")
        assert last < 5
        assert (stream.code, stream.reason) == (grpc.StatusCode.UNAUTHENTICATED, "KEY_REVOKED")
        assert sorted(service.stored()) == sorted(ids(batches[: len(stream.acknowledged)]))


def test_a_stream_without_a_key_ends_at_once(service: Service) -> None:
    """Also when it sends nothing."""
    nobody = Service(service.stack, service.website_id, "", service.stub)
    for batches, pause in ((service.batches(1), AGE), ([], 0.0)):
        stream = Stream().run(nobody, batches, pause)
        assert stream.code is grpc.StatusCode.UNAUTHENTICATED
        assert stream.seconds < AGE - 0.5


CALLERS = 95
"""Of one connection, which carries no more than 100 calls at once; 16 of them get to PostgreSQL."""
MANY = 501
"""Events of a batch: two are too many for one transaction."""


def test_more_callers_than_the_database_can_serve(service: Service) -> None:
    """Nobody waits for long, nobody is told a lie, and everybody is served afterwards."""
    batches = [[new_event() for _ in range(MANY)] for _ in range(CALLERS)]
    requests = [
        RecordEventsRequest(website_id=service.website_id, events=batch) for batch in batches
    ]
    acknowledged: list[RecordEventsRequest] = []
    codes: Counter[str] = Counter()
    seconds: list[float] = []
    lock = threading.Lock()

    def record(request: RecordEventsRequest) -> None:
        began = time.monotonic()
        try:
            service.stub.RecordEvents(request, metadata=service.metadata, timeout=30)
        except grpc.RpcError as error:
            code, details = error.code().name, details_of(error)
            assert code != "UNAVAILABLE" or "RetryInfo" in details
        else:
            code = "OK"
        with lock:
            codes[code] += 1
            seconds.append(time.monotonic() - began)
            if code == "OK":
                acknowledged.append(request)

    with ThreadPoolExecutor(len(requests)) as pool:
        with locked(service):
            running = [pool.submit(record, request) for request in requests]
            time.sleep(TIMEOUT + 2)
            assert codes["OK"] == 0
        for future in running:
            future.result()
    half = sorted(seconds)[CALLERS // 2]
    print(f"{dict(codes)} within {max(seconds):.1f} s, half of them {half:.1f} s")
    assert set(codes) <= {"OK", "UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}
    assert codes["UNAVAILABLE"]
    assert max(seconds) < HANGS
    stored = set(service.stored())
    assert {event.event_id for each in acknowledged for event in each.events} <= stored
    for request in requests:
        service.stub.RecordEvents(request, metadata=service.metadata, timeout=30)
    assert len(service.stored()) == CALLERS * MANY


async def test_a_database_that_is_away() -> None:
    """UNAVAILABLE with RetryInfo, soon, over both calls; nothing is acknowledged until it is back.

    The calls may hold up the loop: all that runs in it is what keeps PostgreSQL running.
    """
    with tempfile.TemporaryDirectory(prefix="sessions-test-") as folder, ExitStack() as exits:
        async with running_postgres(Path(folder), durable=False) as url:
            service = exits.enter_context(running_service(DATABASE_URL=url))
            batches = service.batches(30)
            assert insist(service, batches[:1])[0].new == 1
        longest = await asyncio.to_thread(_unavailable, service, batches[1:])
        async with running_postgres(Path(folder), durable=False):
            seconds = await asyncio.to_thread(_until_stored, service, batches[1:])
            stored = service.stored()
            exits.close()
    print(f"away: calls fail within {longest:.2f} s; back: all is stored after {seconds:.2f} s")
    assert longest < HANGS
    assert sorted(stored) == sorted(ids(batches))


def _unavailable(service: Service, batches: Sequence[StreamEventsRequest]) -> float:
    """Call again and again, also many at once; returns the seconds of the longest call."""

    def stream(_: int) -> float:
        began = time.monotonic()
        failed = Stream().run(service, batches)
        assert failed.code is grpc.StatusCode.UNAVAILABLE
        assert failed.retry
        assert failed.acknowledged == []
        return time.monotonic() - began

    def record(number: int) -> float:
        request = RecordEventsRequest(website_id=service.website_id)
        request.events.extend(batches[number % len(batches)].events)
        began = time.monotonic()
        with pytest.raises(grpc.RpcError) as caught:
            service.stub.RecordEvents(request, metadata=service.metadata, timeout=30)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "RetryInfo" in details_of(caught.value)
        return time.monotonic() - began

    longest = 0.0
    end = time.monotonic() + 3
    with ThreadPoolExecutor(100) as pool:
        while time.monotonic() < end:
            calls = [pool.submit(kind, n) for n in range(50) for kind in (stream, record)]
            longest = max(longest, *(call.result() for call in calls))
    return longest


def _until_stored(service: Service, batches: Sequence[StreamEventsRequest]) -> float:
    """Do as a client does; returns the seconds until all is acknowledged."""
    began = time.monotonic()
    while batches:
        stream = Stream().run(service, batches)
        assert stream.code in (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE)
        batches = batches[len(stream.acknowledged) :]
        assert time.monotonic() - began < 60
        time.sleep(0.05)
    return time.monotonic() - began

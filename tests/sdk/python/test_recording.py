"""Events recorded in batches."""

import shlex
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from analytics_sessions import AsyncClient, Event, Recorded, errors
from analytics_sessions.v1.event_pb2 import Event as EventMessage
from analytics_sessions.v1.event_service_pb2 import RecordEventsResponse
from google.protobuf.json_format import MessageToDict

from tests.sdk.conftest import ROOT
from tests.sdk.python.calls import DAY, EVENTS, hits
from tests.sdk.python.clients import AnyClient
from tests.sdk.python.conftest import Connect
from tests.sdk.python.server import Server, status


def test_record_accepted(client: AnyClient, website: str) -> None:
    assert client.record(website, hits()) == Recorded(EVENTS)
    assert client.record(website, hits()) == Recorded(accepted=EVENTS)
    [session] = client.sessions(website, start_date=DAY.date(), end_date=DAY.date())
    assert session.pageviews == EVENTS


def test_no_events(client: AnyClient, website: str) -> None:
    assert client.record(website, []) == (0,)


def test_equal_events_without_ids_are_different_ones(client: AnyClient, website: str) -> None:
    event = Event(event_type="pageview", visitor_id="anna", timestamp=DAY)
    assert client.record(website, [event] * 3) == (3,)
    assert event == Event(event_type="pageview", visitor_id="anna", timestamp=DAY)
    [session] = client.sessions(website, start_date=DAY, end_date=DAY)
    assert session.pageviews == 3


def test_events_without_a_time_happen_now(client: AnyClient, website: str) -> None:
    event = Event(event_type="event", event_name="call", visitor_id="anna")
    before = datetime.now(UTC) - timedelta(seconds=1)
    assert client.record(website, iter([event])) == (1,)
    [session] = client.sessions(website)
    assert before < session.started_at.ToDatetime(tzinfo=UTC) < datetime.now(UTC)


def test_large_events_come_in_smaller_batches(client: AnyClient, website: str) -> None:
    url = "/" + "a" * 8_000
    assert client.record(website, hits(1_000, url=url)) == (1_000,)


def test_record_failure(client: AnyClient, website: str) -> None:
    wrong = [*hits(1_000), Event(event_type="pageview"), *hits(5)]
    with pytest.raises(errors.InvalidArgument) as caught:
        client.record(website, wrong)
    assert caught.value.accepted == 1_000
    assert caught.value.fields[0].field == "events[0].visitor_id"
    [session] = client.sessions(website, start_date=DAY.date(), end_date=DAY.date())
    assert session.pageviews == 1_000


def test_record_survives_restart(
    client: AnyClient, website: str, sdk_environment: dict[str, str]
) -> None:
    def restarting() -> Iterator[Event]:
        for number, event in enumerate(hits()):
            if number == 1_500:
                restart = shlex.split(sdk_environment["SESSIONS_RESTART"])
                subprocess.run(restart, cwd=ROOT, check=True)
            yield event

    assert client.record(website, restarting()).accepted == EVENTS
    [session] = client.sessions(website, start_date=DAY.date(), end_date=DAY.date())
    assert session.pageviews == EVENTS


@pytest.mark.parametrize("step", [status("UNAVAILABLE"), 5.0], ids=["unavailable", "deadline"])
def test_record_repeats_the_same(connect: Connect, server: Server, step: float) -> None:
    server.script = [step, RecordEventsResponse(known_events=1)]
    client = connect(server.address, "key", timeout=4)
    event = Event(event_type="pageview", visitor_id="anna")
    assert client.record("site", [event]) == (1,)
    assert event == Event(event_type="pageview", visitor_id="anna")
    first, second = (call.request for call in server.calls)
    assert first == second
    assert first.website_id == "site"
    assert len(first.events[0].event_id) == 32
    assert first.events[0].HasField("timestamp")


def test_record_batches(connect: Connect, server: Server) -> None:
    connect(server.address, "key").record("site", hits(1_001))
    connect(server.address, "key").record("site", hits(40, url="/" + "a" * 100_000))
    assert [len(call.request.events) for call in server.calls] == [1_000, 1, 31, 9]
    sent = [event.event_id for call in server.calls[2:] for event in call.request.events]
    assert sent == [event["event_id"] for event in hits(40)]


def test_an_event_that_is_too_large_goes_alone(connect: Connect, server: Server) -> None:
    huge = Event(event_type="pageview", url="/" + "a" * 3 * 2**20)
    connect(server.address, "key").record("site", [huge, *hits(2)])
    assert [len(call.request.events) for call in server.calls] == [1, 2]


def test_record_takes_messages(client: AnyClient, website: str) -> None:
    message = EventMessage(event_type="pageview", visitor_id="anna", url="/")
    assert client.record(website, [message]) == (1,)
    assert message == EventMessage(event_type="pageview", visitor_id="anna", url="/")


async def test_record_takes_what_comes_asynchronously(server: Server) -> None:
    async def coming() -> AsyncIterator[Event]:
        for event in hits(1_001):
            yield event

    async with AsyncClient(server.address, "key") as client:
        assert await client.record("site", coming()) == (1_001,)
        assert [done async for done in client.stream("site", coming())] == [(1_000,), (1_001,)]
    assert [len(call.request.events) for call in server.calls] == [1_000, 1, 1_000, 1]


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"even_name": "x"}, TypeError, r"^events\[1\] has no field even_name$"),
        ({"timestamp": "2026-03-03"}, TypeError, r"^events\[1\]\.timestamp: '2026-03-03' "),
        ({"timestamp": datetime(2026, 3, 3)}, ValueError, r"^events\[1\]\.timestamp: .*time zone"),
        ({"url": 3}, TypeError, r"^events\[1\]\.url: 3 has a wrong type$"),
        ({"sequence": "first"}, TypeError, r"^events\[1\]\.sequence: "),
        ({"sequence": 2**31}, ValueError, r"^events\[1\]\.sequence: "),
        ({"event_data": {"at": DAY}}, ValueError, r"^events\[1\]\.event_data: "),
        ({"event_data": 3}, TypeError, r"^events\[1\]\.event_data: "),
    ],
)
def test_event_is_checked(
    connect: Connect, server: Server, fields: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        connect(server.address, "key").record("site", [{"url": "/"}, fields])
    assert not server.calls


def test_every_field_of_an_event_is_there(connect: Connect, server: Server) -> None:
    fields = {field.name: field.name for field in EventMessage.DESCRIPTOR.fields}
    assert set(Event.__annotations__) == set(fields)
    values: Any = fields | {
        "timestamp": DAY,
        "sequence": 2,
        "event_data": {"n": [1, None, {"x": True}]},
    }
    connect(server.address, "key").record("site", [values])
    [sent] = server.calls[0].request.events
    parsed = MessageToDict(sent, preserving_proto_field_name=True)
    assert parsed == values | {"timestamp": "2026-03-03T08:00:00Z"}


def test_what_is_none_is_left_out(connect: Connect, server: Server) -> None:
    nothing: Any = dict.fromkeys(Event.__annotations__)
    connect(server.address, "key").record("site", [nothing])
    [sent] = server.calls[0].request.events
    assert {field.name for field, _ in sent.ListFields()} == {"event_id", "timestamp"}

"""Events recorded in batches."""

import shlex
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from analytics_sessions import Event, Recorded, errors
from analytics_sessions.v1.event_service_pb2 import RecordEventsResponse

from tests.sdk.conftest import ROOT
from tests.sdk.python.clients import AnyClient
from tests.sdk.python.conftest import Connect
from tests.sdk.python.server import Server, status

DAY = datetime(2026, 3, 3, 8, tzinfo=UTC)
EVENTS = 2_500


def hits(count: int = EVENTS, url: str = "/") -> Iterator[Event]:
    """Pageviews of one visitor, a second apart."""
    for number in range(count):
        yield Event(
            event_id=f"hit-{number}",
            event_type="pageview",
            timestamp=DAY + timedelta(seconds=number),
            visitor_id="anna",
            url=url,
        )


def test_batches_again_are_known(client: AnyClient, website: str) -> None:
    assert client.record(website, hits()) == Recorded(new_events=EVENTS, known_events=0)
    assert client.record(website, hits()) == (0, EVENTS)
    [session] = client.sessions(website, start_date=DAY.date(), end_date=DAY.date())
    assert session.pageviews == EVENTS


def test_no_events(client: AnyClient, website: str) -> None:
    assert client.record(website, []) == (0, 0)


def test_equal_events_without_ids_are_different_ones(client: AnyClient, website: str) -> None:
    event = Event(event_type="pageview", visitor_id="anna", timestamp=DAY)
    assert client.record(website, [event] * 3) == (3, 0)
    assert client.record(website, [event] * 3) == (3, 0)
    assert event == Event(event_type="pageview", visitor_id="anna", timestamp=DAY)


def test_events_without_a_time_happen_now(client: AnyClient, website: str) -> None:
    event = Event(event_type="event", event_name="call", visitor_id="anna")
    before = datetime.now(UTC) - timedelta(seconds=1)
    assert client.record(website, iter([event])) == (1, 0)
    [session] = client.sessions(website)
    assert before < session.started_at.ToDatetime(tzinfo=UTC) < datetime.now(UTC)


def test_large_events_come_in_smaller_batches(client: AnyClient, website: str) -> None:
    url = "/" + "a" * 8_000
    assert client.record(website, hits(1_000, url=url)) == (1_000, 0)


def test_the_error_counts_the_batches_before(client: AnyClient, website: str) -> None:
    wrong = [*hits(1_000), Event(event_type="pageview"), *hits(5)]
    with pytest.raises(errors.InvalidArgument) as caught:
        client.record(website, wrong)
    assert caught.value.recorded == 1_000
    assert caught.value.fields[0].field == "events[0].visitor_id"
    [session] = client.sessions(website, start_date=DAY.date(), end_date=DAY.date())
    assert session.pageviews == 1_000


def test_recording_survives_a_restart_of_the_workers(
    client: AnyClient, website: str, sdk_environment: dict[str, str]
) -> None:
    def restarting() -> Iterator[Event]:
        for number, event in enumerate(hits()):
            if number == 1_500:
                restart = shlex.split(sdk_environment["SESSIONS_RESTART"])
                subprocess.run(restart, cwd=ROOT, check=True)
            yield event

    assert sum(client.record(website, restarting())) == EVENTS
    [session] = client.sessions(website, start_date=DAY.date(), end_date=DAY.date())
    assert session.pageviews == EVENTS


@pytest.mark.parametrize("step", [status("UNAVAILABLE"), 5.0], ids=["unavailable", "deadline"])
def test_what_is_sent_again_is_the_same(connect: Connect, server: Server, step: float) -> None:
    server.script = [step, RecordEventsResponse(new_events=1)]
    client = connect(server.address, "key", timeout=4)
    event = Event(event_type="pageview", visitor_id="anna")
    assert client.record("site", [event]) == (1, 0)
    assert event == Event(event_type="pageview", visitor_id="anna")
    first, second = (call.request for call in server.calls)
    assert first == second
    assert first.website_id == "site"
    assert len(first.events[0].event_id) == 32
    assert first.events[0].HasField("timestamp")


def test_batches_hold_as_much_as_they_may(connect: Connect, server: Server) -> None:
    connect(server.address, "key").record("site", hits(1_001))
    connect(server.address, "key").record("site", hits(40, url="/" + "a" * 100_000))
    assert [len(call.request.events) for call in server.calls] == [1_000, 1, 31, 9]
    sent = [event.event_id for call in server.calls[2:] for event in call.request.events]
    assert sent == [event.event_id for event in hits(40)]


def test_an_event_that_is_too_large_goes_alone(connect: Connect, server: Server) -> None:
    huge = Event(event_type="pageview", url="/" + "a" * 3 * 2**20)
    connect(server.address, "key").record("site", [huge, *hits(2)])
    assert [len(call.request.events) for call in server.calls] == [1, 2]

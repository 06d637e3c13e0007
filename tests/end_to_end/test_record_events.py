"""Recording through the front door: over REST, over gRPC, and over a stream."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from analytics_sessions.v1.event_pb2 import Event
from analytics_sessions.v1.event_service_pb2 import RecordEventsRequest, StreamEventsRequest
from analytics_sessions.v1.event_service_pb2_grpc import EventServiceStub
from sessions.domain.websites import Website

from tests.support.clients import grpc_failure
from tests.support.stack import Reply, Stack, metadata

NOW = datetime.now(UTC)


@pytest.fixture
def events(stack: Stack) -> Iterator[EventServiceStub]:
    """A gRPC client of the service."""
    with grpc.insecure_channel(urlsplit(stack.address).netloc) as channel:
        yield EventServiceStub(channel)


def post(stack: Stack, key: str, website: Website, body: object) -> Reply:
    """Send a body to the REST path."""
    return stack.request(
        f"/api/websites/{website.website_id}/events",
        key=key,
        method="POST",
        headers={"Content-Type": "application/json"},
        body=json.dumps(body).encode(),
    )


def view(minutes_ago: float, **more: Any) -> dict[str, Any]:
    """A pageview as JSON."""
    timestamp = (NOW - timedelta(minutes=minutes_ago)).isoformat()
    event = {"event_type": "pageview", "timestamp": timestamp, "visitor_id": "ann", "url": "/"}
    return event | more


def view_message(minutes_ago: float, event_id: str, **more: Any) -> Event:
    """A pageview as a message."""
    event = Event(event_type="pageview", event_id=event_id, visitor_id="ann", url="/", **more)
    event.timestamp.FromDatetime(NOW - timedelta(minutes=minutes_ago))
    return event


def sessions(stack: Stack, key: str, website: Website) -> list[dict[str, Any]]:
    """The sessions of the last days."""
    found = stack.request(f"/api/websites/{website.website_id}/sessions", key=key).json
    return list(found["sessions"])


def test_rest_records_a_batch_once(stack: Stack, key: str, website: Website) -> None:
    body = {"events": [view(50), view(30), view(40, url="/late")]}
    assert post(stack, key, website, body).json == {"new_events": 3, "known_events": 0}
    assert post(stack, key, website, body).json == {"new_events": 0, "known_events": 3}
    [session] = sessions(stack, key, website)
    assert (session["pageviews"], session["duration"]) == (3, 1200)


def test_a_website_in_the_body_does_not_replace_the_one_in_the_path(
    stack: Stack, key: str, website: Website
) -> None:
    other = stack.command("websites", "create", "--name", "other")
    reply = post(stack, key, website, {"website_id": other, "events": [view(5)]})
    assert (reply.status, reply.json["message"].partition(":")[0]) == (400, "website_id")
    same = {"website_id": website.website_id, "events": [view(5)]}
    assert post(stack, key, website, same).json["new_events"] == 1


def test_every_violation_is_named(stack: Stack, key: str, website: Website) -> None:
    wrong = [view(5), view(4, event_type="click"), {"event_type": "event", "visitor_id": "ann"}]
    reply = post(stack, key, website, {"events": wrong})
    assert reply.status == 400
    [violations] = [
        detail["field_violations"]
        for detail in reply.json["details"]
        if detail["@type"].endswith("BadRequest")
    ]
    fields = [violation["field"] for violation in violations]
    assert fields == ["events[1].event_type", "events[2].event_name"]
    assert sessions(stack, key, website) == []


def test_a_stream_answers_each_batch_when_it_is_durable(
    stack: Stack, key: str, website: Website, events: EventServiceStub
) -> None:
    batches = [
        StreamEventsRequest(
            batch=number,
            website_id=website.website_id,
            events=[view_message(40 - number, f"e{number}")],
        )
        for number in range(1, 21)
    ]
    answers = list(events.StreamEvents(iter([*batches, batches[0]]), metadata=metadata(key)))
    assert [(answer.batch, answer.new_events) for answer in answers] == [
        *((number, 1) for number in range(1, 21)),
        (1, 0),
    ]
    [session] = sessions(stack, key, website)
    assert session["pageviews"] == 20


def test_a_refused_batch_ends_the_stream_by_name(
    key: str, website: Website, events: EventServiceStub
) -> None:
    good = StreamEventsRequest(
        batch=1, website_id=website.website_id, events=[view_message(1, "a")]
    )
    bad = StreamEventsRequest(batch=2, website_id=website.website_id, events=[Event()])
    answers = events.StreamEvents(iter([good, bad]), metadata=metadata(key))
    assert next(answers).batch == 1
    with pytest.raises(grpc.RpcError) as raised:
        next(answers)
    failure = grpc_failure(raised.value)
    assert (failure.code, failure.metadata["batch"]) == ("INVALID_ARGUMENT", "2")
    assert failure.fields[0] == "events[0].event_type"


def test_grpc_records_for_the_scope_only(
    stack: Stack, key: str, website: Website, events: EventServiceStub
) -> None:
    reader = stack.command("keys", "create", "--name", "reader", "--scope", "sessions:read")
    request = RecordEventsRequest(website_id=website.website_id, events=[view_message(1, "a")])
    assert events.RecordEvents(request, metadata=metadata(key)).new_events == 1
    with pytest.raises(grpc.RpcError) as raised:
        events.RecordEvents(request, metadata=metadata(reader))
    assert raised.value.code() is grpc.StatusCode.PERMISSION_DENIED

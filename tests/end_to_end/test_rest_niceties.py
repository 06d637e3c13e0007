"""What HTTP itself offers: links from page to page, request ids, and answers nobody keeps."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
from analytics_sessions.v1.session_service_pb2 import ListSessionsRequest
from sessions.domain.websites import Website

from tests.support.stack import Reply, Stack, metadata

REQUEST_ID = "018f2b4c-0000-7000-8000-00000000000a"
VISITORS = ("anna", "bert", "carl", "dora", "emil")
MARCH = "start_date=2026-03-01&end_date=2026-03-31&timezone=Europe/Berlin"


@pytest.fixture
def sessions(stack: Stack, website: Website, key: str) -> str:
    """The path of five sessions of one visitor each, with three events."""
    events = [
        {
            "event_type": "pageview",
            "visitor_id": visitor,
            "timestamp": f"2026-03-03T10:{minute:02}:00Z",
            "url": "/a b&c",
        }
        for visitor in VISITORS
        for minute in (1, 2, 3)
    ]
    path = f"/api/websites/{website.website_id}"
    body = json.dumps({"events": events}).encode()
    assert stack.request(f"{path}/events", key=key, method="POST", body=body).status == 200
    return f"{path}/sessions"


def linked(stack: Stack, key: str, target: str) -> Iterator[Reply]:
    """A page and all that follow it by links alone."""
    while True:
        reply = stack.request(target, key=key)
        assert reply.status == 200, reply
        yield reply
        link = reply.headers.get("link")
        if link is None:
            return
        found = re.fullmatch('<([^>]+)>; rel="next"', link)
        assert found, link
        target = urljoin(target, found[1])


def test_links_lead_through_a_list(stack: Stack, sessions: str, key: str) -> None:
    query = f"{MARCH}&limit=2&filter_page=/a%20b%26c&filter_os="
    pages = list(linked(stack, key, f"{sessions}?{query}"))
    visitors = [session["visitor_id"] for page in pages for session in page.json["sessions"]]
    assert sorted(visitors) == sorted(VISITORS)
    for page in pages:
        assert len(page.json["sessions"]) <= 2
        assert ("link" in page.headers) == (page.json["next_cursor"] is not None)


def test_links_lead_through_the_events_of_a_session(stack: Stack, sessions: str, key: str) -> None:
    listed = stack.request(f"{sessions}?{MARCH}", key=key).json["sessions"]
    target = f"{sessions}/{listed[0]['session_id']}?events_limit=1"
    pages: list[Any] = [page.json["events"] for page in linked(stack, key, target)]
    times = [event["timestamp"] for events in pages for event in events]
    assert times == [f"2026-03-03T10:0{minute}:00Z" for minute in (1, 2, 3)]


def test_answers_with_data_are_always_sent_whole(stack: Stack, sessions: str, key: str) -> None:
    headers = {"if-none-match": "*", "if-modified-since": "Fri, 31 Dec 2100 00:00:00 GMT"}
    reply = stack.request(f"{sessions}?{MARCH}", key=key, headers=headers)
    assert reply.status == 200
    assert len(reply.json["sessions"]) == len(VISITORS)
    assert reply.headers["cache-control"] == "no-store"
    assert "etag" not in reply.headers


@pytest.mark.parametrize("known", [True, False])
def test_the_request_id_is_answered_over_rest(
    stack: Stack, sessions: str, key: str, known: bool
) -> None:
    reply = stack.request(
        sessions, key=key if known else None, headers={"x-request-id": REQUEST_ID}
    )
    assert reply.status == (200 if known else 401)
    assert reply.headers["x-request-id"] == REQUEST_ID


def test_the_request_id_is_answered_over_grpc(stack: Stack, website: Website, key: str) -> None:
    request = ListSessionsRequest(website_id=website.website_id)
    with stack.stub() as stub:
        for sent in ((("x-request-id", REQUEST_ID),), ()):
            _, call = stub.ListSessions.with_call(request, metadata=(*metadata(key), *sent))
            answered = dict(call.initial_metadata() or ())["x-request-id"]
            assert answered == REQUEST_ID if sent else len(answered) == 36

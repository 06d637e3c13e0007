"""What removes data: erasure through the front door and by command, retention, deletion."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from analytics_sessions.v1.visitor_service_pb2 import EraseVisitorRequest
from analytics_sessions.v1.visitor_service_pb2_grpc import VisitorServiceStub
from sessions.domain.websites import Website

from tests.support.stack import Reply, Stack, metadata, running_stack

NOW = datetime.now(UTC)


@pytest.fixture
def visitors(stack: Stack) -> Iterator[VisitorServiceStub]:
    """A gRPC client of the service."""
    with grpc.insecure_channel(urlsplit(stack.address).netloc) as channel:
        yield VisitorServiceStub(channel)


def post(stack: Stack, key: str, path: str, body: object) -> Reply:
    """Send a body to a REST path."""
    headers = {"Content-Type": "application/json"}
    content = json.dumps(body).encode()
    return stack.request(path, key=key, method="POST", headers=headers, body=content)


def record(stack: Stack, key: str, website: Website, *events: dict[str, Any]) -> Any:
    """Record pageviews."""
    sent = [{"event_type": "pageview", "url": "/", **event} for event in events]
    return post(stack, key, f"/api/websites/{website.website_id}/events", {"events": sent}).json


def erase(stack: Stack, key: str, website: Website, **visitor: str) -> Reply:
    """Erase a visitor over REST."""
    return post(stack, key, f"/api/websites/{website.website_id}/visitors:erase", visitor)


def seen(stack: Stack, key: str, website: Website) -> set[str]:
    """The visitors of the sessions of the last days."""
    found = stack.request(f"/api/websites/{website.website_id}/sessions", key=key).json
    return {session["visitor_id"] for session in found["sessions"]}


def ago(minutes: float) -> str:
    return (NOW - timedelta(minutes=minutes)).isoformat()


VISITS = [
    {"visitor_id": name, "timestamp": ago(minutes)}
    for name in ("ann", "bob")
    for minutes in (90, 80, 5)
]


def test_rest_erases_for_good(stack: Stack, key: str, website: Website) -> None:
    assert record(stack, key, website, *VISITS) == {"new_events": 6, "known_events": 0}
    before = datetime.now(UTC)
    reply = erase(stack, key, website, visitor_id="ann")
    assert reply.status == 200
    until = datetime.fromisoformat(reply.json.pop("erased_until"))
    assert before <= until <= datetime.now(UTC)
    assert reply.json == {"erased_sessions": 2, "erased_events": 3}
    assert seen(stack, key, website) == {"bob"}
    assert record(stack, key, website, *VISITS) == {"new_events": 0, "known_events": 6}
    assert seen(stack, key, website) == {"bob"}
    assert record(stack, key, website, {"visitor_id": "ann"})["new_events"] == 1
    assert seen(stack, key, website) == {"ann", "bob"}


def test_a_client_is_erased_as_its_events_named_it(
    stack: Stack, key: str, website: Website
) -> None:
    client = {"client_ip": "2001:db8::7", "user_agent": "Firefox"}
    record(stack, key, website, client | {"timestamp": ago(5)})
    assert erase(stack, key, website, **client).json["erased_events"] == 1
    assert record(stack, key, website, client | {"timestamp": ago(5)})["new_events"] == 0


def test_a_visitor_named_twice_is_refused(stack: Stack, key: str, website: Website) -> None:
    reply = erase(stack, key, website, visitor_id="ann", client_ip="192.0.2.7")
    assert reply.status == 400
    assert "visitor_id" in reply.json["message"]


def test_grpc_erases_for_the_scope_only(
    stack: Stack, key: str, website: Website, visitors: VisitorServiceStub
) -> None:
    writer = stack.command(
        *("keys", "create", "--name", "w", "--scope", "sessions:read", "--scope", "events:write")
    )
    eraser = stack.command(
        *("keys", "create", "--name", "e", "--scope", "visitors:erase"),
        *("--website", website.website_id),
    )
    record(stack, key, website, *VISITS)
    request = EraseVisitorRequest(website_id=website.website_id, visitor_id="ann")
    with pytest.raises(grpc.RpcError) as raised:
        visitors.EraseVisitor(request, metadata=metadata(writer))
    assert raised.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert erase(stack, writer, website, visitor_id="ann").status == 403
    assert seen(stack, key, website) == {"ann", "bob"}
    assert visitors.EraseVisitor(request, metadata=metadata(eraser)).erased_events == 3
    elsewhere = EraseVisitorRequest(website_id="site_elsewhere", visitor_id="ann")
    with pytest.raises(grpc.RpcError) as raised:
        visitors.EraseVisitor(elsewhere, metadata=metadata(eraser))
    assert raised.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_the_command_erases_what_was_imported(
    stack: Stack, key: str, website: Website, tmp_path: Path
) -> None:
    line = '192.0.2.7 - - [03/Mar/2026:10:15:00 +0000] "GET / HTTP/1.1" 200 5 "-" "Firefox"\n'
    log = tmp_path / "access.log"
    log.write_text(line + line.replace("192.0.2.7", "192.0.2.8"))
    site = ("--website", website.website_id)
    stack.command("import", *site, "--format", "combined", str(log))
    client = ("--client-ip", "192.0.2.7", "--user-agent", "Firefox")
    stack.command("visitors", "erase", *site, *client)
    stack.command("import", *site, "--format", "combined", str(log))
    days = {"start_date": "2026-03-03", "end_date": "2026-03-03"}
    path = f"/api/websites/{website.website_id}/sessions"
    assert len(stack.request(path, days, key=key).json["sessions"]) == 1


def test_retention_by_command(stack: Stack, key: str, website: Website, tmp_path: Path) -> None:
    lines = tmp_path / "events.ndjson"
    event = {"event_type": "pageview", "url": "/", "visitor_id": "ann"}
    days = [NOW - timedelta(days=days) for days in (40, 20, 1)]
    lines.write_text(
        "".join(json.dumps(event | {"timestamp": day.isoformat()}) + "\n" for day in days)
    )
    site = website.website_id
    stack.command("import", "--website", site, "--format", "ndjson", str(lines))
    stack.command("websites", "set-retention", site, "--days", "30")
    [listed] = [
        each
        for each in json.loads(stack.command("websites", "list", "--json"))
        if each["website_id"] == site
    ]
    assert listed["retention_days"] == 30
    stack.command("retention", "run", "--dry-run")
    path = f"/api/websites/{site}/sessions"
    since = {"start_date": (NOW - timedelta(days=60)).date().isoformat()}
    assert len(stack.request(path, since, key=key).json["sessions"]) == 3
    stack.command("retention", "run")
    assert len(stack.request(path, since, key=key).json["sessions"]) == 2
    stack.command("websites", "delete", site, "--yes")
    assert site not in stack.command("websites", "list")


def test_a_worker_removes_what_is_too_old(tmp_path: Path) -> None:
    with running_stack(tmp_path / "data", SESSIONS_RETENTION_INTERVAL="0.2") as stack:
        site = stack.command("websites", "create", "--name", "old")
        writer = ("keys", "create", "--name", "w", "--scope", "events:write")
        key = stack.command(*writer, "--scope", "sessions:read")
        event = {"event_type": "pageview", "url": "/", "visitor_id": "ann"}
        body = {"events": [event | {"timestamp": ago(60 * 24 * days)} for days in (3, 1)]}
        assert post(stack, key, f"/api/websites/{site}/events", body).status == 200
        stack.command("websites", "set-retention", site, "--days", "2")
        deadline = monotonic() + 60
        path = f"/api/websites/{site}/sessions"
        while len(stack.request(path, key=key).json["sessions"]) > 1:
            assert monotonic() < deadline
            sleep(0.1)

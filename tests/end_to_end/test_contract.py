"""The two example responses of the documented API, made from imported events."""

import json
from pathlib import Path
from typing import Any

from sessions.domain.websites import Website

from tests.support.stack import Stack

DAY = {"start_date": "2026-03-03", "end_date": "2026-03-03"}
CLIENT = {"visitor_id": "a1b2c3d4e5f6g7h8", "country": "US", "user_agent": (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36"
)}  # fmt: skip


def _view(time: str, url: str, **more: str) -> dict[str, Any]:
    timestamp = f"2026-03-03T{time}Z"
    return CLIENT | {"event_type": "pageview", "timestamp": timestamp, "url": url} | more


def _event(time: str, name: str, **more: Any) -> dict[str, Any]:
    timestamp = f"2026-03-03T{time}Z"
    return CLIENT | {"event_type": "event", "timestamp": timestamp, "event_name": name} | more


EVENTS = [
    _view("10:15:00", "/", referrer="https://google.com"),
    _view("10:16:30", "/pricing"),
    _event("10:17:00", "signup_click", event_data={"plan": "pro"}),
    _view("10:20:00", "/signup"),
    _view("10:30:00", "/welcome"),
    _event("10:40:00", "invite"),
    _view("10:45:00", "/team"),
]

DOCUMENTED = {
    "visitor_id": "a1b2c3d4e5f6g7h8",
    "started_at": "2026-03-03T10:15:00Z",
    "ended_at": "2026-03-03T10:45:00Z",
    "duration": 1800,
    "pageviews": 5,
    "events": 2,
    "is_bounce": False,
    "country": "US",
    "browser": "Chrome",
    "os": "macOS",
    "device": "desktop",
}
BEYOND = {
    "is_bot": False,
    "referrer": "google.com",
    "entry_page": "/",
    "exit_page": "/team",
}


def test_the_documented_responses(stack: Stack, website: Website, key: str, tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text("".join(f"{json.dumps(event)}\n" for event in EVENTS))
    stack.command("import", "--website", website.website_id, "--format", "ndjson", str(file))
    path = f"/api/websites/{website.website_id}/sessions"

    listed = stack.request(path, DAY | {"limit": 10}, key=key)
    assert listed.status == 200
    assert listed.headers["content-type"] == "application/json"
    [session] = listed.json["sessions"]
    session_id = session.pop("session_id")
    assert session_id.startswith("sess_")
    assert session == DOCUMENTED | BEYOND
    assert listed.json == {"sessions": listed.json["sessions"], "next_cursor": None}

    details = stack.request(f"{path}/{session_id}", key=key)
    assert details.status == 200
    assert details.json["session"] == session | {"session_id": session_id}
    assert details.json["events"][:3] == [
        {
            "event_type": "pageview",
            "timestamp": "2026-03-03T10:15:00Z",
            "url": "/",
            "referrer": "https://google.com",
            "page": "/",
            "offset": 0,
            "time_on_page": 90,
        },
        {
            "event_type": "pageview",
            "timestamp": "2026-03-03T10:16:30Z",
            "url": "/pricing",
            "page": "/pricing",
            "offset": 90,
            "time_on_page": 210,
        },
        {
            "event_type": "event",
            "timestamp": "2026-03-03T10:17:00Z",
            "event_name": "signup_click",
            "event_data": {"plan": "pro"},
            "offset": 120,
        },
    ]
    assert len(details.json["events"]) == 7
    assert details.json["next_events_cursor"] is None

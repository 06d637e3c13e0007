"""Lines of an export: events as they are stored, all else only looked at."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from sessions.domain.events import EventInput, RestoredEvent
from sessions.ingest.entries import Comment, Outcome, Refused, Skipped
from sessions.ingest.formats.export import Export
from sessions.ingest.lines import Line

EVENT: dict[str, Any] = {
    "session_id": "sess_1",
    "visitor_id": "ann",
    "event_id": "e1",
    "event_type": "pageview",
    "timestamp": "2026-03-03T12:00:00Z",
    "sequence": 2,
    "is_bot": True,
    "url": "/a",
    "browser": "Chrome",
    "device": "mobile",
}


def outcomes(*lines: Any) -> list[Outcome]:
    """What lines are, between a session and the end."""
    whole = [{"session": {}}, {"event": EVENT}, *lines, {"end": {"sessions": 1}}]
    contents = (line if isinstance(line, bytes) else orjson.dumps(line) for line in whole)
    entries = Export().entries(Line(number, each) for number, each in enumerate(contents, 1))
    first, _, *found, last = (entry.outcome for entry in entries)
    assert (first, last) == (Skipped(), Comment())
    return found


def test_an_event_is_what_is_stored() -> None:
    [outcome] = outcomes({"event": EVENT})
    sent = EventInput(
        event_type="pageview",
        timestamp=datetime(2026, 3, 3, 12, tzinfo=UTC),
        event_id="e1",
        sequence=2,
        visitor_id="ann",
        url="/a",
    )
    assert outcome == RestoredEvent(sent=sent, browser="Chrome", device="mobile", is_bot=True)


def test_a_cursor_is_a_comment() -> None:
    assert outcomes({"cursor": "abc"}, b"  ") == [Comment()]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        ([], "not a line of an export"),
        ({"session": {}, "event": {}}, "not a line of an export"),
        ({"visitor": {}}, "not a line of an export"),
        ({"event": []}, "event: not a JSON object"),
        ({"event": EVENT | {"event_id": None}}, "event_id: is required"),
        ({"event": EVENT | {"is_bot": 1}}, "is_bot: must be true or false"),
        ({"event": EVENT | {"user_agent": "Firefox"}}, "there is no such field"),
        ({"event": EVENT | {"browsr": "Firefox"}}, "did you mean browser?"),
    ],
)
def test_anything_else_is_refused(line: Any, reason: str) -> None:
    [outcome] = outcomes(line)
    assert isinstance(outcome, Refused)
    assert reason in outcome.reason

"""An export with its events, as ExportSessions sends it: NDJSON of stored events.

They are taken as they are stored: nothing is derived from a user agent again, and no order is
given to them. Lines of sessions are only counted, because sessions are made of the events.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from sessions.domain.events import EventInput, RestoredEvent
from sessions.ingest.entries import Comment, Entry, Outcome, Refused, Skipped, UnusableFile
from sessions.ingest.formats.fields import READERS, read_boolean, read_fields, read_text
from sessions.ingest.lines import Line

_DERIVED = {"browser": read_text, "os": read_text, "device": read_text, "is_bot": read_boolean}
_NOT_STORED = {"client_ip", "user_agent"}
_READERS = {name: read for name, read in READERS.items() if name not in _NOT_STORED}
_READERS |= _DERIVED | {"session_id": read_text}
_REQUIRED = ("event_id", "event_type", "timestamp", "visitor_id", "sequence", "is_bot")


@dataclass(frozen=True, slots=True)
class Export:
    """The format `export`."""

    def entries(self, lines: Iterable[Line]) -> Iterator[Entry]:
        """One entry a line.

        Raises UnusableFile where the export is not complete, or has no events.
        """
        counts = {"session": 0, "event": 0}
        end: Any = None
        for line in lines:
            if line.is_blank:
                continue
            kind, value = _tagged(line.content)
            if kind in counts:
                counts[kind] += 1
            elif kind == "end":
                end = value
            yield Entry(line.number, line.content, _outcome(kind, value))
        _check(counts, end)


def _check(counts: dict[str, int], end: Any) -> None:
    sessions, events = counts.values()
    if not isinstance(end, dict) or end.get("sessions") != sessions:
        raise UnusableFile(
            f"is not a complete export: {sessions:,} sessions, and "
            + (f"its end tells of {end.get('sessions')}" if isinstance(end, dict) else "no end")
            + "; what it has was taken"
        )
    if sessions and not events:
        raise UnusableFile("has no events: export with include_events=true")


def _tagged(content: bytes) -> tuple[str, Any]:
    """What a line is, and its value; the reason where it is none of those."""
    try:
        line = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        return "", f"not JSON: {error.msg} at byte {error.pos + 1}"
    if type(line) is dict and len(line) == 1:
        [(kind, value)] = line.items()
        if kind in ("session", "event", "cursor", "end"):
            return kind, value
    return "", "not a line of an export: an object with session, event, cursor or end"


def _outcome(kind: str, value: Any) -> Outcome:
    match kind:
        case "event":
            return _event(value)
        case "session":
            return Skipped()
        case "cursor" | "end":
            return Comment()
    return Refused(value)


def _event(value: Any) -> RestoredEvent | Refused:
    if type(value) is not dict:
        return Refused("event: not a JSON object")
    known, wrong = read_fields(value, _READERS)
    wrong += [f"{name}: is required" for name in _REQUIRED if value.get(name) is None]
    if wrong:
        return Refused("; ".join(wrong))
    known.pop("session_id", None)
    derived = {name: known.pop(name) for name in _DERIVED if name in known}
    return RestoredEvent(sent=EventInput(**known), **derived)

"""One event per line as a JSON object, with the fields of RecordEvents.

Strict, because a misspelt field is data lost: an unknown field and a wrong JSON
type are refused by name. `null` counts as not sent, and the last of repeated
keys wins, both as in the REST API. A timestamp is required: a line stamped with
the moment of its import would be a new event each time.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson
from msgspec.structs import astuple

from sessions.domain.events import EventInput
from sessions.domain.timestamps import rfc3339
from sessions.ingest.entries import Entry, Refused
from sessions.ingest.formats.fields import EVENT_DATA, SEQUENCE, TIMESTAMP, read_fields
from sessions.ingest.lines import Line


@dataclass(frozen=True, slots=True)
class Ndjson:
    """The format `ndjson`."""

    def entries(self, lines: Iterable[Line]) -> Iterator[Entry]:
        """One entry a line."""
        for line in lines:
            if line.is_blank:
                continue
            yield Entry(line.number, line.content, parse(line.content))


# The fields of EventInput, in its order, as most lines have them: the time as text, and no data.
_TYPES = {TIMESTAMP: (str, ""), SEQUENCE: (int, 0), EVENT_DATA: (None, None)}
_Plain = msgspec.defstruct(
    "_Plain",
    [(name, *_TYPES.get(name, (str, ""))) for name in EventInput.__struct_fields__],
    forbid_unknown_fields=True,
    gc=False,
)
_plain: Callable[[bytes], Any] = msgspec.json.Decoder(_Plain).decode
_DATA = f'"{EVENT_DATA}"'.encode()


def parse(content: bytes) -> EventInput | Refused:
    """One line."""
    # The quick way takes a third of the time. What it does not take is looked at closely.
    if _DATA not in content:
        try:
            line = _plain(content)
            line.timestamp = rfc3339(line.timestamp)
        except (msgspec.DecodeError, ValueError):
            return parse_any(content)
        return EventInput(*astuple(line))
    return parse_any(content)


def parse_any(content: bytes) -> EventInput | Refused:
    """One line that may be anything; `parse` makes the same events of plain ones."""
    try:
        fields = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        return Refused(f"not JSON: {error.msg} at byte {error.pos + 1}")
    if type(fields) is not dict:
        return Refused("not a JSON object")
    known, wrong = read_fields(fields)
    if fields.get(TIMESTAMP) is None:
        wrong.append(f"{TIMESTAMP}: is required in a file")
    return Refused("; ".join(wrong)) if wrong else EventInput(**known)

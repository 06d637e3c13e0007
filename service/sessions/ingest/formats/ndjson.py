"""One event per line as a JSON object, with the fields of RecordEvents.

Strict, because a misspelt field is data lost: an unknown field and a wrong JSON
type are refused by name. `null` counts as not sent, and the last of repeated
keys wins, both as in the REST API. A timestamp is required: a line stamped with
the moment of its import would be a new event each time.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from sessions.domain.events import EventInput
from sessions.ingest.entries import Entry, Refused
from sessions.ingest.formats.fields import TIMESTAMP, read_fields
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


def parse(content: bytes) -> EventInput | Refused:
    """One line."""
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

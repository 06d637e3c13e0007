"""An export as a stream: messages over gRPC, NDJSON or CSV over REST."""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing, suppress
from typing import Any, NamedTuple, TypeAlias

from analytics_sessions.v1 import session_pb2
from analytics_sessions.v1 import session_service_pb2 as messages

from sessions.api.encoded import encoded_export
from sessions.api.messages import selection_query, stored_event_fields
from sessions.api.printer import event_json, json_line, session_cells, session_text
from sessions.domain.errors import InvalidArgument, Reason, Unavailable, Violation, shortened
from sessions.domain.events import StoredEvent
from sessions.storage.replicas import ReplicaFailed
from sessions.usecases.export_sessions import ExportPart, ExportSessions

CSV_COLUMNS = [field.name for field in session_pb2.Session.DESCRIPTOR.fields]
"""The columns of a CSV file, in order."""

_STOPPING = "the worker is stopping; go on with the cursor of the last message"

Part: TypeAlias = ExportPart[bytes]
"""Some items of an export: sessions as their messages, and events."""


class Exports:
    """What streams of exports are made of.

    Args:
        export_sessions: the use case.
        draining: set when the worker stops; exports then break off, and go on at another one.
    """

    def __init__(self, export_sessions: ExportSessions[bytes], draining: asyncio.Event) -> None:
        self._export_sessions = export_sessions
        self._draining = draining

    async def parts(self, request: messages.ExportSessionsRequest) -> AsyncGenerator[Part, None]:
        """The parts of an export.

        Raises:
            Unavailable: also when the worker stops.
        """
        query, cursor = selection_query(request), request.cursor
        while True:
            parts = self._export_sessions(
                query, cursor=cursor, include_events=request.include_events
            )
            # Goes on, on the primary, where a replica fails.
            with suppress(ReplicaFailed):
                async with aclosing(parts):
                    async for part in parts:
                        yield part
                        cursor = part.cursor
                        if self._draining.is_set() and cursor:
                            raise Unavailable(Reason.SERVICE_UNAVAILABLE, _STOPPING)
                return


class Form(NamedTuple):
    """A form that an export has over REST: its media type, the file's extension, and its text.

    `head` stands before the text of the first part.
    """

    media_type: str
    extension: str
    head: bytes
    text: Callable[[Part], bytes]


def form_of(request: messages.ExportSessionsRequest) -> Form:
    """The form that a request over REST asks for.

    Raises:
        InvalidArgument: there is no such form, or it can't hold what is asked for.
    """
    form = FORMS.get(request.format or "ndjson")
    if form is None:
        text = f"{shortened(request.format)!r} is not a format; send ndjson or csv"
        raise InvalidArgument(Violation("format", text))
    if form is FORMS["csv"] and request.include_events:
        text = "CSV has no events; send format=ndjson, or leave it out"
        raise InvalidArgument(Violation("include_events", text))
    if form is FORMS["csv"] and request.cursor:
        text = "CSV has no cursors; send format=ndjson, or leave it out"
        raise InvalidArgument(Violation("cursor", text))
    return form


def message_of(part: Part) -> messages.ExportSessionsResponse:
    """The message of a part."""
    items = [
        {"event": stored_event_fields(item)} if isinstance(item, StoredEvent) else {"session": item}
        for item in part.items
    ]
    return encoded_export(
        items, cursor=part.cursor, sessions=part.sessions, is_last=not part.cursor
    )


def ndjson(part: Part) -> bytes:
    """One line for each session and event, then one with the cursor, or with the end."""
    last = {"cursor": part.cursor} if part.cursor else {"end": {"sessions": part.sessions}}
    return b"".join([*map(_line, part.items), json_line(last)])


def _line(item: bytes | StoredEvent) -> bytes:
    if isinstance(item, StoredEvent):
        return json_line({"event": event_json(item)})
    return b'{"session":%b}\n' % session_text(item)


def csv_rows(part: Part) -> bytes:
    """A row for each session, as RFC 4180 has it."""
    return _csv(session_cells(item) for item in part.items if not isinstance(item, StoredEvent))


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


FORMS = {
    "ndjson": Form("application/x-ndjson", "ndjson", b"", ndjson),
    "csv": Form("text/csv; charset=utf-8", "csv", _csv([CSV_COLUMNS]), csv_rows),
}
"""By the parameter `format`."""

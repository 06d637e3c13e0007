"""An export as a stream: messages over gRPC, NDJSON or CSV over REST."""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing, suppress
from typing import Any, NamedTuple

from analytics_sessions.v1 import session_pb2
from analytics_sessions.v1 import session_service_pb2 as messages

from sessions.api.messages import selection_query, stored_event_fields
from sessions.api.printer import event_json, json_line, session_json
from sessions.domain.errors import InvalidArgument, Reason, Unavailable, Violation, shortened
from sessions.domain.session import Session
from sessions.session_message import session_fields
from sessions.storage.replicas import ReplicaFailed
from sessions.usecases.export_sessions import ExportPart, ExportSessions, Item

CSV_COLUMNS = [field.name for field in session_pb2.Session.DESCRIPTOR.fields]
"""The columns of a CSV file, in order."""

_STOPPING = "the worker is stopping; go on with the cursor of the last message"
_BOOLEANS = {True: "true", False: "false"}


class Exports:
    """What streams of exports are made of.

    Args:
        export_sessions: the use case.
        draining: set when the worker stops; exports then break off, and go on at another one.
    """

    def __init__(self, export_sessions: ExportSessions, draining: asyncio.Event) -> None:
        self._export_sessions = export_sessions
        self._draining = draining

    async def parts(
        self, request: messages.ExportSessionsRequest
    ) -> AsyncGenerator[ExportPart, None]:
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
    text: Callable[[ExportPart], bytes]


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


def message_of(part: ExportPart) -> messages.ExportSessionsResponse:
    """The message of a part."""
    items = [
        {"session": session_fields(item)}
        if isinstance(item, Session)
        else {"event": stored_event_fields(item)}
        for item in part.items
    ]
    return messages.ExportSessionsResponse(
        items=items, cursor=part.cursor, sessions=part.sessions, is_last=not part.cursor
    )


def ndjson(part: ExportPart) -> bytes:
    """One line for each session and event, then one with the cursor, or with the end."""
    last = {"cursor": part.cursor} if part.cursor else {"end": {"sessions": part.sessions}}
    return b"".join([*map(_line, part.items), json_line(last)])


def _line(item: Item) -> bytes:
    if isinstance(item, Session):
        return json_line({"session": session_json(item)})
    return json_line({"event": event_json(item)})


def csv_rows(part: ExportPart) -> bytes:
    """A row for each session, as RFC 4180 has it."""
    sessions = (session_json(item) for item in part.items if isinstance(item, Session))
    return _csv([fields.get(name, "") for name in CSV_COLUMNS] for fields in sessions)


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    for row in rows:
        writer.writerow([_BOOLEANS[cell] if isinstance(cell, bool) else cell for cell in row])
    return text.getvalue().encode()


FORMS = {
    "ndjson": Form("application/x-ndjson", "ndjson", b"", ndjson),
    "csv": Form("text/csv; charset=utf-8", "csv", _csv([CSV_COLUMNS]), csv_rows),
}
"""By the parameter `format`."""

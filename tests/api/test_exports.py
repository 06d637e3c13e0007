"""Exports as text, as messages, and while a worker stops."""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from analytics_sessions.v1 import session_pb2, session_service_pb2
from analytics_sessions.v1.session_service_pb2 import (
    ExportSessionsRequest,
    ExportSessionsResponse,
)
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from sessions.api.exports import CSV_COLUMNS, FORMS, Exports, message_of
from sessions.api.methods import Method
from sessions.domain.dimensions import TEXTS
from sessions.domain.errors import Unavailable
from sessions.domain.session import Session
from sessions.gateway import DESCRIPTORS
from sessions.session_message import encode, session_fields
from sessions.usecases.export_sessions import ExportPart

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
SESSION = Session(
    session_id=UUID(int=1),
    visitor_id="=1+1",
    started_at=NOON,
    ended_at=NOON.replace(microsecond=120_000),
    pageviews=1,
    events=0,
    is_bot=False,
    texts=('a "quoted", text\nof two lines', *(None for _ in TEXTS[1:])),
)
PART: ExportPart[bytes] = ExportPart([encode(SESSION)], "next", 7)


class Endless:
    """An export that never ends."""

    async def __call__(self, *_: Any, **__: Any) -> AsyncGenerator[ExportPart[bytes], None]:
        """Gives the same part again and again."""
        while True:
            yield PART


async def test_an_export_breaks_off_when_the_worker_stops() -> None:
    draining = asyncio.Event()
    exports: Any = Endless()
    parts = Exports(exports, draining).parts(ExportSessionsRequest(website_id="site_abc123defg"))
    assert await anext(parts) == PART
    assert await anext(parts) == PART
    draining.set()
    # What was read is sent; the client goes on after it at another worker.
    with pytest.raises(Unavailable, match="go on with the cursor"):
        await anext(parts)


def test_lines_end_with_a_cursor_or_the_end() -> None:
    session, cursor = FORMS["ndjson"].text(PART).splitlines()
    assert session.startswith(b'{"session":{"session_id":"sess_00000000000000000000000000000001"')
    assert b'"ended_at":"2026-03-03T12:00:00.120Z"' in session
    assert cursor == b'{"cursor":"next"}'
    assert FORMS["ndjson"].text(ExportPart([], "", 7)) == b'{"end":{"sessions":7}}\n'


def test_csv_keeps_texts_as_they_are() -> None:
    form = FORMS["csv"]
    text = (form.head + form.text(PART)).decode()
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert list(row) == CSV_COLUMNS
    assert row["visitor_id"] == "=1+1"
    assert row[TEXTS[0]] == SESSION.texts[0]
    assert (row["is_bot"], row["is_bounce"], row[TEXTS[1]]) == ("false", "true", "")
    assert text.endswith("\r\n")


def test_a_message_has_what_a_line_has() -> None:
    message = ExportSessionsResponse.FromString(message_of(PART).SerializeToString())
    assert (message.cursor, message.sessions, message.is_last) == ("next", 7, False)
    [item] = message.items
    assert item.session == session_pb2.Session(**session_fields(SESSION))
    assert message_of(ExportPart([], "", 7)).is_last


@pytest.mark.parametrize("name", ["ExportSessions", "ListSessions"])
def test_envoy_calls_what_workers_print_by_the_paths_that_they_have(name: str) -> None:
    files = FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file
    methods = {
        f"/{file.package}.{service.name}/{method.name}": method
        for file in files
        for service in file.service
        for method in service.method
    }
    [service] = session_service_pb2.DESCRIPTOR.services_by_name.values()
    public = Method.of(service.methods_by_name[name])
    derived = methods[public.over_rest().called_path]
    assert derived.output_type == ".google.api.HttpBody"
    assert derived.options.HasExtension(annotations_pb2.http)
    assert not methods[public.path].options.HasExtension(annotations_pb2.http)
    paths = [
        method.options.Extensions[annotations_pb2.http].SerializeToString()
        for method in methods.values()
        if method.options.HasExtension(annotations_pb2.http)
    ]
    assert len(paths) == len({*paths}), "Envoy answers 404 at a path that two methods have"

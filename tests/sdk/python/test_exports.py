"""Exports: whole, page by page, and over streams that break off."""

from collections.abc import Iterable
from typing import Any

import pytest
from analytics_sessions import ExportItem, Session, errors
from analytics_sessions.v1.session_service_pb2 import ExportSessionsResponse as Answer
from google.protobuf.message import Message
from grpc import StatusCode

from tests.sdk.conftest import SESSIONS
from tests.sdk.python.calls import DAY
from tests.sdk.python.clients import AnyClient
from tests.sdk.python.conftest import Connect
from tests.sdk.python.server import END, Server, status


def answer(letters: str, cursor: str, sessions: int) -> Answer:
    """An answer with a session for each letter; without a cursor it is the last."""
    items = [ExportItem(session=Session(session_id=letter)) for letter in letters]
    return Answer(items=items, cursor=cursor, sessions=sessions, is_last=not cursor)


def letters(items: Iterable[ExportItem]) -> str:
    return "".join(item.session.session_id for item in items)


def test_export_complete(client: AnyClient, sdk_environment: dict[str, str]) -> None:
    website = sdk_environment["SESSIONS_WEBSITE_ID"]
    query: dict[str, Any] = {"start_date": DAY, "end_date": DAY}
    items = list(client.export_sessions(website, **query, include_events=True))
    sessions = [item.session for item in items if item.HasField("session")]
    assert sessions == list(client.sessions(website, **query))[::-1]
    assert len(sessions) == SESSIONS
    last = Session()
    for item in items:
        if item.HasField("session"):
            last = item.session
        else:
            assert item.event.session_id == last.session_id
    assert len(items) == SESSIONS + sum(each.pageviews + each.events for each in sessions)


def test_export_pages(client: AnyClient, sdk_environment: dict[str, str]) -> None:
    website = sdk_environment["SESSIONS_WEBSITE_ID"]
    query: dict[str, Any] = {"start_date": DAY, "end_date": DAY, "filter_country": ["DE", "US"]}
    pages = list(client.export_sessions(website, **query).pages())
    cursors = [page.next_cursor for page in pages]
    assert cursors[-1] is None
    assert None not in cursors[:-1]
    rest = list(client.export_sessions(website, **query, cursor=cursors[0]))
    assert [*pages[0].items, *rest] == [item for page in pages for item in page.items]
    assert rest


@pytest.mark.parametrize(
    "end", [status("UNAVAILABLE"), status("INTERNAL"), END], ids=["lost", "reset", "ended"]
)
def test_export_resumes(connect: Connect, server: Server, end: Message) -> None:
    server.script = [answer("ab", "2", 2), end, answer("cd", "4", 4), answer("", "", 4)]
    assert letters(connect(server.address, "key").export_sessions("site")) == "abcd"
    assert [call.request.cursor for call in server.calls] == ["", "2"]


def test_an_export_begins_anew_each_time(connect: Connect, server: Server) -> None:
    export = connect(server.address, "key").export_sessions("site")
    server.script = [answer("ab", "2", 2), answer("c", "", 3)] * 2
    for _ in range(2):
        assert letters(export) == "abc"
    assert [call.request.cursor for call in server.calls] == ["", ""]


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (status("INVALID_ARGUMENT"), StatusCode.INVALID_ARGUMENT),
        (answer("d", "", 4), StatusCode.DATA_LOSS),
    ],
    ids=["refused", "lacking"],
)
def test_export_failure(connect: Connect, server: Server, end: Message, code: StatusCode) -> None:
    server.script = [answer("ab", "2", 2), end]
    items = iter(connect(server.address, "key").export_sessions("site"))
    assert letters([next(items), next(items)]) == "ab"
    with pytest.raises(errors.SessionsError) as caught:
        next(items)
    assert caught.value.code is code
    assert len(server.calls) == 1


def test_what_was_before_a_cursor_counts(connect: Connect, server: Server) -> None:
    server.script = [answer("cd", "4", 4), answer("e", "", 5)]
    assert letters(connect(server.address, "key").export_sessions("site", cursor="2")) == "cde"

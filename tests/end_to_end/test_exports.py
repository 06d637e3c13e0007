"""Exports through Envoy: complete, or broken off so that everybody notices, and then resumed."""

import csv
import io
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import grpc
import psycopg
import pytest
from analytics_sessions import Client
from analytics_sessions.v1.session_service_pb2 import ExportSessionsRequest
from analytics_sessions.v1.session_service_pb2_grpc import SessionServiceStub
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sessions.composition import open_application
from sessions.domain.dimensions import NAMES
from sessions.domain.events import Event
from sessions.settings import Settings

from tests.support.databases import without_connections
from tests.support.exact_json import exact
from tests.support.processes import running_parts
from tests.support.rows import event
from tests.support.stack import Stack, metadata, running_stack
from tests.support.strategies import START

SESSIONS = 45_000
DAYS: Any = {"start_date": "2026-06-01", "end_date": "2026-06-30"}
HANGS = 60.0
WINDOW = [("grpc.http2.bdp_probe", 0)]
"""A client of gRPC then takes no more than 64 KiB ahead."""


@dataclass(frozen=True)
class Service:
    """A running service with a large website."""

    stack: Stack
    website_id: str
    key: str
    stub: SessionServiceStub

    def url(self, website_id: str = "", **parameters: Any) -> str:
        """The address of an export."""
        path = f"/api/websites/{website_id or self.website_id}/sessions:export"
        return f"{self.stack.address}{path}?{urlencode(DAYS | parameters, doseq=True)}"

    def curl(self, url: str, file: Path, *options: str) -> subprocess.Popen[bytes]:
        """Begin to download an export into a file."""
        header = f"Authorization: Bearer {self.key}"
        return subprocess.Popen(["curl", "-sS", "-H", header, "-o", str(file), *options, url])

    def download(self, folder: Path, *options: str, **parameters: Any) -> str:
        """A whole export."""
        file = folder / "whole"
        with self.curl(self.url(**parameters), file, *options) as process:
            assert process.wait(HANGS) == 0
        return file.read_text()

    def export(self, website_id: str, file: Path, *options: str) -> None:
        """Export by the command."""
        self.stack.command("export", "--website", website_id, "--output", str(file), *options)

    def request(self, **fields: Any) -> ExportSessionsRequest:
        """A request for an export over gRPC."""
        return ExportSessionsRequest(website_id=self.website_id, **DAYS | fields)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with ExitStack() as exits:
        folder = exits.enter_context(tempfile.TemporaryDirectory(prefix="sessions-test-"))
        options = {"SESSIONS_WORKERS": "2", "SESSIONS_LOG_LEVEL": "warning"}
        stack = exits.enter_context(running_stack(Path(folder) / "data", **options))
        made = ("--sessions", str(SESSIONS), "--days", "29", "--until", "2026-06-30")
        website_id = stack.command("generate", *made)
        key = stack.command("keys", "create", "--name", "k", "--scope", "sessions:read")
        channel = exits.enter_context(grpc.insecure_channel(urlsplit(stack.address).netloc, WINDOW))
        yield Service(stack, website_id, key, SessionServiceStub(channel))


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.split("\n")[:-1]]


def session_ids(lines: list[dict[str, Any]]) -> list[str]:
    return [line["session"]["session_id"] for line in lines if "session" in line]


def stored_ids(service: Service) -> list[str]:
    """The ids of all sessions of people, in the order of an export."""
    query = """
    SELECT 'sess_' || replace(session_id::text, '-', '')
      FROM sessions JOIN websites USING (website_key)
     WHERE website_id = %s AND NOT is_bot AND started_at >= '2026-06-01'
     ORDER BY started_at, session_id
    """
    with psycopg.connect(service.stack.database_url) as connection:
        return [id_ for (id_,) in connection.execute(query, (service.website_id,))]


def resumed(service: Service, file: Path) -> list[dict[str, Any]]:
    """All lines of an export that broke off, by the rule of the documentation."""
    found = []
    for _ in range(20):
        kept = [line for line in file.read_text().split("\n")[:-1] if line]
        cursors = [number for number, line in enumerate(kept) if line.startswith('{"cursor"')]
        kept = kept[: cursors[-1] + 1] if cursors else []
        found += [json.loads(line) for line in kept]
        cursor = found[-1]["cursor"] if found else ""
        file.write_bytes(b"")  # curl leaves it as it is where it is answered with an error
        with service.curl(service.url(cursor=cursor), file, "--fail") as process:
            if process.wait(HANGS) == 0:
                return found + lines_of(file.read_text())
        time.sleep(1)
    raise AssertionError("never complete")


def test_ndjson_has_all_sessions_oldest_first_and_an_end(service: Service, tmp_path: Path) -> None:
    lines = lines_of(service.download(tmp_path))
    stored = stored_ids(service)
    assert session_ids(lines) == stored
    assert lines[-1] == {"end": {"sessions": len(stored)}}
    assert {len(line) for line in lines} == {1}
    parameters = DAYS | {"limit": 100, "filter_country": "AT", "filter_device": "mobile"}
    path = f"/api/websites/{service.website_id}/sessions"
    listed = service.stack.request(path, parameters, key=service.key).json["sessions"]
    del parameters["limit"]
    some = lines_of(service.download(tmp_path, **parameters))
    assert [line["session"] for line in some if "session" in line][::-1][:100] == listed


def test_over_grpc_it_is_the_same(service: Service, tmp_path: Path) -> None:
    query = {"include_events": True, "filter": 'country = "AT" AND pageviews > 2'}
    lines = lines_of(service.download(tmp_path, **query | {"include_events": "true"}))
    responses = list(
        service.stub.ExportSessions(service.request(**query), metadata=metadata(service.key))
    )
    kinds = [item.WhichOneof("kind") for response in responses for item in response.items]
    assert kinds == [kind for line in lines for kind in line if kind in ("session", "event")]
    assert {"session", "event"} == set(kinds)
    assert [response.is_last for response in responses][-1:] == [True]
    assert lines[-1] == {"end": {"sessions": responses[-1].sessions}}
    ids = [each.session.session_id for each in responses[0].items if each.HasField("session")]
    assert ids == session_ids(lines)[: len(ids)]


def test_csv_has_fixed_columns_and_a_name(service: Service, tmp_path: Path) -> None:
    text = service.download(tmp_path, "--dump-header", str(tmp_path / "head"), format="csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    lines = lines_of(service.download(tmp_path))
    sessions = [line["session"] for line in lines if "session" in line]
    assert len(rows) == len(sessions)
    for row, session in zip(rows[:500], sessions, strict=False):
        texts = {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in session.items()
        }
        assert {name: value for name, value in row.items() if value} == texts
    head = (tmp_path / "head").read_text().lower()
    assert "content-type: text/csv; charset=utf-8" in head
    name = f"sessions-{service.website_id}.csv"
    assert f'content-disposition: attachment; filename="{name}"' in head


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"format": "xml"}, "format"),
        ({"format": "csv", "include_events": "true"}, "include_events"),
        ({"format": "csv", "cursor": "abc"}, "cursor"),
        ({"cursor": "abc"}, "cursor"),
        ({"filter": "country ="}, "filter"),
        ({"start_date": "2026-13-01"}, "start_date"),
        ({"limit": "10"}, "limit"),
    ],
)
def test_errors_before_the_first_byte_are_ordinary(
    service: Service, parameters: Mapping[str, str], field: str
) -> None:
    path = f"/api/websites/{service.website_id}/sessions:export"
    reply = service.stack.request(path, DAYS | dict(parameters), key=service.key)
    assert reply.status == 400
    assert reply.headers["content-type"] == "application/json"
    assert "content-disposition" not in reply.headers
    [violation] = reply.json["details"][1]["field_violations"]
    assert violation["field"] == field


def test_other_verbs_keys_and_websites(service: Service) -> None:
    path = f"/api/websites/{service.website_id}/sessions:export"
    for method in ("HEAD", "POST"):
        assert service.stack.request(path, method=method, key=service.key).status == 404
    assert service.stack.request(path).status == 401
    other = "/api/websites/site_0000000000/sessions:export"
    assert service.stack.request(other, key=service.key).status == 404
    with pytest.raises(grpc.RpcError, match="is for REST"):
        list(
            service.stub.ExportSessions(
                service.request(format="csv"), metadata=metadata(service.key)
            )
        )


@contextmanager
def workers_killed(service: Service) -> Iterator[None]:
    for pid in running_parts(service.stack.process.pid)["worker"]:
        os.kill(pid, signal.SIGKILL)
    yield


@contextmanager
def database_away(service: Service) -> Iterator[None]:
    with without_connections(service.stack.database_url):
        yield


@pytest.mark.parametrize(
    ("failing", "codes"),
    [
        # Envoy resets the stream of a worker that has gone; gRPC calls that INTERNAL.
        (workers_killed, {grpc.StatusCode.INTERNAL}),
        # Whichever is over first: the time for a connection, or that for the next part.
        (
            database_away,
            {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED},
        ),
    ],
)
def test_a_stream_that_breaks_off_is_noticed_and_resumed(
    service: Service,
    tmp_path: Path,
    failing: Callable[[Service], AbstractContextManager[None]],
    codes: set[grpc.StatusCode],
) -> None:
    file = tmp_path / "export"
    responses: Any = service.stub.ExportSessions(service.request(), metadata=metadata(service.key))
    next(responses)
    with service.curl(service.url(), file) as process:
        # At once: buffers of the system can take all of an export that a slow reader leaves there.
        deadline = time.monotonic() + HANGS
        while not (file.exists() and file.stat().st_size):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with failing(service):
            assert process.wait(HANGS) in (18, 56)
            with pytest.raises(grpc.RpcError) as failed:
                list(responses)
    assert failed.value.code() in codes
    assert file.stat().st_size > 0
    lines = resumed(service, file)
    assert session_ids(lines) == stored_ids(service)
    assert lines[-1] == {"end": {"sessions": len(stored_ids(service))}}


def test_a_slow_reader_holds_no_snapshot(service: Service, tmp_path: Path) -> None:
    query = """
    SELECT count(*) FROM pg_stat_activity
     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
       AND (backend_xmin IS NOT NULL OR xact_start IS NOT NULL)
    """
    file = tmp_path / "export"
    with (
        psycopg.connect(service.stack.database_url, autocommit=True) as connection,
        service.curl(service.url(), file, "--limit-rate", "100k") as process,
    ):
        time.sleep(1.5)
        # Health checks and others run statements, too: what an export held, it would hold always.
        counts = []
        for _ in range(20):
            counts += [count for (count,) in connection.execute(query)]
            time.sleep(0.05)
        assert 0 in counts
        assert process.poll() is None
        process.kill()


def test_slow_readers_hold_up_nobody(service: Service, tmp_path: Path) -> None:
    path = f"/api/websites/{service.website_id}/sessions"
    # One key has four exports in each worker at the most, and other keys have theirs beside it.
    made = ("keys", "create", "--name", "k", "--scope", "sessions:read")
    others = [replace(service, key=service.stack.command(*made)) for _ in range(5)]
    with ExitStack() as exits:
        slow = [
            exits.enter_context(
                each.curl(service.url(), tmp_path / f"{key}-{number}", "--limit-rate", "10k")
            )
            for key, each in enumerate([service, *others])
            for number in range(4)
        ]
        time.sleep(3)
        for _ in range(20):
            began = time.monotonic()
            assert service.stack.request(path, DAYS, key=service.key).status == 200
            assert time.monotonic() - began < 5
        assert [process.poll() for process in slow] == [None] * len(slow)
        for process in slow:
            process.kill()


def test_a_key_that_is_revoked_ends_an_export(service: Service) -> None:
    key = service.stack.command("keys", "create", "--name", "gone", "--scope", "sessions:read")
    responses: Any = service.stub.ExportSessions(service.request(), metadata=metadata(key))
    next(responses)
    [listed] = [
        each
        for each in json.loads(service.stack.command("keys", "list", "--json"))
        if each["name"] == "gone"
    ]
    service.stack.command("keys", "revoke", listed["key_id"])
    time.sleep(6)
    with pytest.raises(grpc.RpcError) as failed:
        list(responses)
    assert failed.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_the_python_sdk_resumes_by_itself(service: Service) -> None:
    with Client(service.stack.address, service.key, retry=HANGS) as client:
        pages = client.export_sessions(service.website_id, **DAYS).pages()
        found = list(next(pages).items)
        with workers_killed(service):
            found += [item for page in pages for item in page.items]
    assert [item.session.session_id for item in found] == stored_ids(service)


def test_the_command_resumes_and_its_file_is_imported_again(
    service: Service, tmp_path: Path
) -> None:
    day = ("--start-date", "2026-06-10", "--end-date", "2026-06-10")
    options = (*day, "--include-bots", "--include-events")
    file, other_file = tmp_path / "one.ndjson", tmp_path / "other.ndjson"
    service.export(service.website_id, file, *options)
    whole = lines_of(file.read_text())
    file.write_bytes(file.read_bytes()[:200_000])
    service.export(service.website_id, file, *options, "--resume")
    lines = lines_of(file.read_text())
    assert [line for line in lines if "cursor" not in line] == [
        line for line in whole if "cursor" not in line
    ]
    other = service.stack.command("websites", "create", "--name", "other")
    done = service.stack.command("import", "--website", other, "--format", "export", str(file))
    assert done == ""
    service.export(other, other_file, *options)
    again = lines_of(other_file.read_text())
    assert without_ids(again) == without_ids(lines)
    assert len(again) > 1_000
    with pytest.raises(AssertionError, match="exists"):
        service.export(other, other_file, *options)


def without_ids(lines: list[dict[str, Any]]) -> list[str]:
    """What an import makes again of the sessions and events."""
    values = [
        value for line in lines for kind, value in line.items() if kind in ("session", "event")
    ]
    for value in values:
        del value["session_id"]
    return sorted(json.dumps(value) for value in values)


numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
data = st.dictionaries(
    texts,
    st.recursive(
        st.none() | st.booleans() | numbers | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


@st.composite
def stored_events(draw: st.DrawFn) -> Event:
    """An event of one visitor, with any texts and numbers."""
    at = START + timedelta(microseconds=draw(st.sampled_from([0, 1, 1_000, 999_999, 60_000_000])))
    name = draw(texts)
    made = event(
        "ann",
        at,
        is_pageview=not name,
        event_name=name,
        url=draw(texts),
        referrer=draw(texts),
        event_data=draw(st.none() | data),
        sequence=draw(st.integers(-(2**31), 2**31 - 1)),
        is_bot=draw(st.booleans()),
        path=draw(texts),
    )
    made.attributes.update({name: draw(texts) for name in NAMES})
    return made


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=st.lists(stored_events(), min_size=1, max_size=20))
async def test_lines_are_what_envoy_prints(
    service: Service, tmp_path: Path, events: list[Event]
) -> None:
    async with open_application(service.stack.database_url, Settings()) as application:
        website = await application.websites.get(await application.websites.create("printed"))
        await application.write_events(website, events)
    everything = {"start_date": "2026-01-01", "end_date": "2026-12-31", "include_bots": "true"}
    url = service.url(website.website_id, **everything, include_events="true")
    with service.curl(url, tmp_path / "printed") as process:
        assert process.wait(HANGS) == 0
    text = (tmp_path / "printed").read_text()
    lines = [exact(line) for line in text.split("\n")[:-1]]  # other line ends are in texts
    [session] = [line["session"] for line in lines if "session" in line]
    path = f"/api/websites/{website.website_id}/sessions/{session['session_id']}"
    with service.curl(f"{service.stack.address}{path}?events_limit=5000", tmp_path / "read") as got:
        assert got.wait(HANGS) == 0
    read = exact((tmp_path / "read").read_text())
    assert session == read["session"]
    printed = [line["event"] for line in lines if "event" in line]
    assert len(printed) == len(read["events"])
    shared = ("event_type", "timestamp", "url", "referrer", "event_name", "event_data")
    for one, other in zip(printed, read["events"], strict=True):
        for name in shared:
            assert one.get(name) == other.get(name), name

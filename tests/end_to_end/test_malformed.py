"""Malformed events and requests: each is refused by name, or accepted as its row says.

Every refused request also holds a good event, of which nothing may be left: events are recorded
all or none. The tables are what a caller can rely on.
"""

import gzip
import http.client
import json
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import grpc
import psycopg
import pytest
from analytics_sessions.v1.event_pb2 import Event
from analytics_sessions.v1.event_service_pb2 import RecordEventsRequest, RecordEventsResponse
from google.protobuf.json_format import ParseDict, ParseError
from sessions.domain.limits import MAX_EVENTS, MAX_REQUEST

from tests.support.clients import Failure, grpc_failure, rest_failure
from tests.support.processes import running_parts
from tests.support.stack import Reply, Stack, metadata, running_stack

TABLES = ("events", "sessions", "session_ids", "overflow_items", "visitors")

INVALID = "INVALID_FIELD"
MALFORMED = "MALFORMED_REQUEST"

PATIENCE = 240.0
"""Seconds that one heavy request among others may take on a busy machine."""

_ids = count()

Json = dict[str, Any]


def view(**more: Any) -> Json:
    """A pageview, changed by what is given."""
    event = {"event_type": "pageview", "visitor_id": "ann", "url": "/"}
    return event | {"timestamp": "2026-03-03T10:15:00Z"} | more


def without(name: str, **more: Any) -> Json:
    """A pageview without one field."""
    return {field: value for field, value in view(**more).items() if field != name}


def fresh(**more: Any) -> Json:
    """A pageview that is not there yet."""
    return view(event_id=f"good-{next(_ids)}", **more)


def nested(depth: int) -> Json:
    """Objects inside each other."""
    return {"a": nested(depth - 1) if depth > 1 else 1}


class Raw(str):
    """An event as it stands in the body: what `json.dumps` would never write."""

    __slots__ = ()


def raw(extra: str, event: Mapping[str, Any] | None = None) -> Raw:
    """A pageview with more text before its closing brace."""
    return Raw(f"{json.dumps(event or view())[:-1]}, {extra}}}")


class Wrong(NamedTuple):
    """An event that is refused: the field that is named, and the reason."""

    event: Any
    field: str
    reason: str = INVALID


A_TIME = [
    *("yesterday", 1767225600, "", True, "2026-02-30T00:00:00Z", "2026-03-03T24:00:00Z"),
    *("2026-03-03T10:15:00", "2026-03-03", "2026-03-03 10:15:00Z", "2026-03-03T10:15:00+25:00"),
    *("0000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "10000-01-01T00:00:00Z"),
]
AN_INTEGER = ["abc", "", 1.5, True, 2**31, -(2**31) - 1, 2**70]
AN_ADDRESS = ["localhost", "1.2.3", "999.1.1.1", "1.2.3.4/8", "::g", "-"]
TEXTS = {
    "event_id": 64,
    "visitor_id": 64,
    "user_agent": 4_096,
    "url": 8_192,
    "referrer": 8_192,
    "hostname": 255,
    "language": 255,
    "country": 64,
    "region": 128,
    "city": 256,
}
"""Limits in bytes; of a visitor_id in characters."""


WRONG_EVENTS: dict[str, Wrong] = {
    # What kind of event
    "no event_type": Wrong(without("event_type"), "event_type"),
    "null for event_type": Wrong(view(event_type=None), "event_type"),
    "unknown event_type": Wrong(view(event_type="view"), "event_type"),
    "event_type in capitals": Wrong(view(event_type="Pageview"), "event_type"),
    "number for event_type": Wrong(view(event_type=5), "event_type", MALFORMED),
    "boolean for event_type": Wrong(view(event_type=True), "event_type", MALFORMED),
    "object for event_type": Wrong(view(event_type={}), "event_type", MALFORMED),
    "list for event_type": Wrong(view(event_type=[]), "", MALFORMED),
    "event without event_name": Wrong(view(event_type="event"), "event_name"),
    "pageview with event_name": Wrong(view(event_name="click"), "event_name"),
    "long event_name": Wrong(view(event_type="event", event_name="ü" * 129), "event_name"),
    # When
    **{f"{at!r} for timestamp": Wrong(view(timestamp=at), "timestamp", MALFORMED) for at in A_TIME},
    "list for timestamp": Wrong(view(timestamp=[]), "", MALFORMED),
    "object for timestamp": Wrong(view(timestamp={}), "timestamp"),
    "timestamp before 2000": Wrong(view(timestamp="1999-12-31T23:59:59.999Z"), "timestamp"),
    "year 1": Wrong(view(timestamp="0001-01-01T00:00:00Z"), "timestamp"),
    "timestamp in the future": Wrong(view(timestamp="2099-01-01T00:00:00Z"), "timestamp"),
    "year 9999": Wrong(view(timestamp="9999-12-31T23:59:59.999999999Z"), "timestamp"),
    **{f"{n!r} for sequence": Wrong(view(sequence=n), "sequence", MALFORMED) for n in AN_INTEGER},
    # Who
    "no visitor": Wrong(without("visitor_id"), "visitor_id"),
    "empty visitor_id": Wrong(view(visitor_id=""), "visitor_id"),
    "misspelt visitor_id": Wrong(without("visitor_id", visitorid="ann"), "visitor_id"),
    "user_agent without client_ip": Wrong(without("visitor_id", user_agent="x"), "visitor_id"),
    "number for visitor_id": Wrong(view(visitor_id=5), "visitor_id", MALFORMED),
    "NUL in visitor_id": Wrong(view(visitor_id="a\0b"), "visitor_id"),
    "65 emoji for visitor_id": Wrong(view(visitor_id="😀" * 65), "visitor_id"),
    "1 MB for visitor_id": Wrong(view(visitor_id="x" * 10**6), "visitor_id"),
    **{f"{ip!r} for client_ip": Wrong(view(client_ip=ip), "client_ip") for ip in AN_ADDRESS},
    "number for client_ip": Wrong(view(client_ip=5), "client_ip", MALFORMED),
    # Which
    "event_id without timestamp": Wrong(without("timestamp", event_id="a"), "event_id"),
    "event_id beyond ASCII": Wrong(view(event_id="é"), "event_id"),
    "line end in event_id": Wrong(view(event_id="a\n"), "event_id"),
    "NUL in event_id": Wrong(view(event_id="\0"), "event_id"),
    "number for event_id": Wrong(view(event_id=5), "event_id", MALFORMED),
    # What
    **{f"long {name}": Wrong(view(**{name: "x" * (n + 1)}), name) for name, n in TEXTS.items()},
    "NUL in url": Wrong(view(url="/\0"), "url"),
    "number for url": Wrong(view(url=5), "url", MALFORMED),
    "long utm_source in url": Wrong(view(url="/?utm_source=" + "x" * 1_025), "url"),
    "long utm_campaign in url": Wrong(view(url="/?utm_campaign=" + "%c3%bc" * 513), "url"),
    # Anything else
    "text for event_data": Wrong(view(event_data="x"), "event_data", MALFORMED),
    "number for event_data": Wrong(view(event_data=5), "event_data", MALFORMED),
    "list for event_data": Wrong(view(event_data=[]), "", MALFORMED),
    "event_data 17 deep": Wrong(view(event_data=nested(17)), "event_data" + ".a" * 16),
    "event_data over 32 KiB": Wrong(view(event_data={"a": "x" * 32_761}), "event_data"),
    "NUL in a key": Wrong(view(event_data={"a": {"\0": 1}}), "event_data.a"),
    "NUL in a list": Wrong(view(event_data={"a": ["", "\0"]}), "event_data.a.1"),
    # The event itself
    "empty object": Wrong({}, "event_type"),
    "number for an event": Wrong(5, "", MALFORMED),
    "text for an event": Wrong("x", "", MALFORMED),
    "boolean for an event": Wrong(True, "", MALFORMED),
}

ACCEPTED_EVENTS: dict[str, tuple[Callable[[], Any], int, str]] = {
    "misspelt optional field": (lambda: fresh(reffer="x"), 1, "unknown fields are ignored"),
    "camelCase": (
        lambda: {"eventId": f"camel-{next(_ids)}"} | without("visitor_id", visitorId="ann"),
        1,
        "protobuf's JSON takes both spellings",
    ),
    "twice the same key": (lambda: raw('"url": "/second"', fresh()), 1, "the last one counts"),
    "null for an event": (lambda: None, 0, "null is the same as not sent"),
    "list for an event": (lambda: [fresh(), fresh()], 2, "lists in the list are taken apart"),
    "null for optional fields": (
        lambda: fresh(sequence=None, event_data=None, referrer=None, country=None),
        1,
        "null is the same as not sent",
    ),
    "null for timestamp": (lambda: view(timestamp=None), 1, "stamped on receipt"),
    "text for sequence": (lambda: fresh(sequence="7"), 1, "protobuf's JSON takes both"),
    "whole double for sequence": (lambda: fresh(sequence=1e3), 1, "the same number"),
    "nanoseconds": (
        lambda: fresh() | {"timestamp": "2026-03-03T10:15:00.123456789Z"},
        1,
        "cut to the microsecond",
    ),
    "leap second": (
        lambda: fresh() | {"timestamp": "2016-12-31T23:59:60Z"},
        1,
        "is the first second of the next minute",
    ),
    "offset": (lambda: fresh() | {"timestamp": "2026-03-03T10:15:00+14:00"}, 1, "RFC 3339"),
    "64 emoji for visitor_id": (lambda: fresh(visitor_id="😀" * 64), 1, "characters are counted"),
    "zone in client_ip": (
        lambda: without("visitor_id", client_ip="fe80::1%eth0"),
        1,
        "an IPv6 address may have a zone",
    ),
    "no url at all": (lambda: fresh(url="ht tp://[::1"), 1, "kept as sent: logs hold such URLs"),
    "escape that is no UTF-8": (lambda: fresh(url="/%ff%00"), 1, "the path stays escaped"),
    "control characters": (lambda: fresh(url="/\x01\x1b\x7f\u202e"), 1, "kept as sent"),
    "text NaN": (lambda: fresh(event_data={"a": "NaN"}), 1, "a text like any other"),
    "huge integer": (lambda: fresh(event_data={"a": 2**70}), 1, "numbers are doubles"),
    "event_data 16 deep": (lambda: fresh(event_data=nested(16)), 1, "the limit"),
    "empty event_data": (lambda: fresh(event_data={}), 1, "an object"),
}

NUMBERS = ("NaN", "Infinity", "-Infinity", "1e400", "01", "0x10")


def body(*events: Any) -> bytes:
    """A request with a good event and others."""
    texts = (each if isinstance(each, Raw) else json.dumps(each) for each in (fresh(), *events))
    return f'{{"events": [{", ".join(texts)}]}}'.encode()


def replaced(old: bytes, new: bytes) -> bytes:
    """A request whose second event has a path of these bytes."""
    return body(fresh(url=f"/{old.decode()}")).replace(old, new)


WRONG_BODIES: dict[str, tuple[bytes, str, str]] = {
    # No events
    "empty body": (b"", "events", INVALID),
    "empty object": (b"{}", "events", INVALID),
    "no events": (b'{"events": []}', "events", INVALID),
    "null for events": (b'{"events": null}', "events", INVALID),
    "misspelt events": (body().replace(b"events", b"event"), "events", INVALID),
    "events in capitals": (body().replace(b"events", b"Events"), "events", INVALID),
    "object for events": (b'{"events": {}}', "events[0].event_type", INVALID),
    "text for events": (b'{"events": "x"}', "events", MALFORMED),
    "number for events": (b'{"events": 5}', "events", MALFORMED),
    "1,001 events": (json.dumps({"events": [view()] * 1_001}).encode(), "events", INVALID),
    # No object
    "array for the body": (b"[" + json.dumps(view()).encode() + b"]", "request", MALFORMED),
    "null for the body": (b"null", "request", MALFORMED),
    "text for the body": (b'"x"', "request", MALFORMED),
    "number for the body": (b"5", "request", MALFORMED),
    # No JSON
    "cut short": (body(view())[:-7], "request", MALFORMED),
    "more after the end": (body(view()) + b"x", "request", MALFORMED),
    "two bodies": (body() * 2, "request", MALFORMED),
    "form": (b"events=1&x=2", "request", MALFORMED),
    "XML": (b"<events/>", "request", MALFORMED),
    "comment": (b"/* */" + body(), "request", MALFORMED),
    "bare NUL": (body().replace(b"[", b"[\0"), "request", MALFORMED),
    "byte order mark": (b"\xef\xbb\xbf" + body(), "request", MALFORMED),
    "UTF-16": (body().decode().encode("utf-16"), "request", MALFORMED),
    "compressed": (gzip.compress(body()), "request", MALFORMED),
    **{
        f"bare {n}": (body(raw(f'"event_data": {{"a": {n}}}')), "request", MALFORMED)
        for n in NUMBERS
    },
    # No UTF-8
    "bad UTF-8": (replaced(b"@@", b"\xff\xfe"), "request", MALFORMED),
    "UTF-8 cut short": (replaced(b"@@", b"\xe2\x82"), "request", MALFORMED),
    "overlong NUL": (replaced(b"@@", b"\xc0\x80"), "request", MALFORMED),
    "surrogate as bytes": (replaced(b"@@", b"\xed\xa0\x80"), "request", MALFORMED),
    "high surrogate alone": (body(view(visitor_id="a\ud800b")), "request", MALFORMED),
    "low surrogate alone": (body(view(visitor_id="\udc00")), "request", MALFORMED),
    "surrogates in the wrong order": (body(view(url="/\udc00\ud800")), "request", MALFORMED),
    "surrogate in event_data": (body(view(event_data={"a": "\ud800"})), "request", MALFORMED),
    "surrogate in a key": (body(view(event_data={"\ud800": 1})), "request", MALFORMED),
    # Too deep
    "1,000 lists": (b'{"events": ' + b"[" * 1_000 + b"]" * 1_000 + b"}", "request", MALFORMED),
    "100,000 lists": (b'{"events": ' + b"[" * 100_000, "request", MALFORMED),
    "2,000 objects": (b'{"a":' * 2_000 + b"1" + b"}" * 2_000, "request", MALFORMED),
    "event_data 40 deep": (body(view(event_data=nested(40))), "request", MALFORMED),
    "event_data 200 deep": (body(view(event_data=nested(200))), "request", MALFORMED),
}

ACCEPTED_BODIES: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "unknown field": (lambda: body().replace(b"{", b'{"x": 1, ', 1), 1, "is ignored"),
    "twice events": (
        lambda: body()[:-1] + b", " + body()[1:],
        2,
        "protobuf's JSON adds the second list to the first",
    ),
    "comma at the end": (lambda: body().replace(b"]}", b",]}"), 1, "protobuf's JSON is lenient"),
    "single quotes": (lambda: body().replace(b'"', b"'"), 1, "protobuf's JSON is lenient"),
    "4 MiB": (lambda: body().ljust(MAX_REQUEST), 1, "the limit"),
    "1,000 events": (lambda: body(*(fresh() for _ in range(MAX_EVENTS - 1))), MAX_EVENTS, "limit"),
}

CONTENT_TYPES: dict[str, dict[str, str]] = {
    "no content type": {},
    "text/plain": {"Content-Type": "text/plain"},
    "form": {"Content-Type": "application/x-www-form-urlencoded"},
    "another charset": {"Content-Type": "application/json; charset=utf-16"},
    "protobuf": {"Content-Type": "application/x-protobuf"},
    "gzip that is none": {"Content-Type": "application/json", "Content-Encoding": "gzip"},
}
"""All of these are ignored: the body is JSON in UTF-8, or it is refused."""


class Site(NamedTuple):
    """A website to send to, and the connection that looks behind."""

    stack: Stack
    website_id: str
    key: str
    database: psycopg.Connection[Any]

    def post(self, content: bytes, path: str = "", **options: Any) -> Reply:
        """Send a body to the REST path."""
        headers = {"Content-Type": "application/json"}
        return self.stack.request(
            f"/api/websites/{self.website_id}/events{path}",
            **{"key": self.key, "method": "POST", "headers": headers} | options,
            body=content,
        )

    def rows(self) -> dict[str, int]:
        """How many rows of each table the website has."""
        query = """
        SELECT {0} FROM websites w WHERE website_id = %s
        """
        counts = ", ".join(
            f"(SELECT count(*) FROM {table} t WHERE t.website_key = w.website_key)"  # noqa: S608
            for table in TABLES
        )
        found = self.database.execute(query.format(counts).encode(), (self.website_id,)).fetchone()
        assert found
        return dict(zip(TABLES, found, strict=True))

    def events(self) -> int:
        """How many events the website has."""
        return self.rows()["events"]


@contextmanager
def new_site(stack: Stack, key: str) -> Iterator[Site]:
    """A website with one event."""
    website_id = stack.command("websites", "create", "--name", "malformed")
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        site = Site(stack, website_id, key, connection)
        assert site.post(body()).json == {"new_events": 1, "known_events": 0}
        yield site


@pytest.fixture(scope="module")
def site(stack: Stack, key: str) -> Iterator[Site]:
    with new_site(stack, key) as made:
        yield made


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Site]:
    """A website of a service of its own, whose calls may wait long for each other."""
    with running_stack(tmp_path / "data", SESSIONS_REQUEST_TIMEOUT=str(PATIENCE)) as stack:
        key = stack.command("keys", "create", "--name", "test", "--scope", "events:write")
        with new_site(stack, key) as made:
            yield made


@pytest.fixture
def unchanged(site: Site) -> Iterator[Site]:
    """A website that must be the same after the test."""
    before = site.rows()
    yield site
    assert site.rows() == before


def refused(reply: Reply, field: str, reason: str) -> None:
    """Check how a request was refused."""
    failure = rest_failure(reply)
    assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", reason)
    assert list(failure.fields[:1]) == ([field] if field else []), failure
    assert not field or failure.message.startswith(f"{field}: "), failure


def indexed(field: str) -> str:
    """The field of the second event."""
    return f"events[1].{field}" if field else "events[1]"


class TestRest:
    """JSON over HTTP."""

    @pytest.mark.parametrize("name", WRONG_EVENTS)
    def test_wrong_event(self, unchanged: Site, name: str) -> None:
        event, field, reason = WRONG_EVENTS[name]
        refused(unchanged.post(body(event)), indexed(field), reason)

    @pytest.mark.parametrize("name", ACCEPTED_EVENTS)
    def test_accepted_event(self, site: Site, name: str) -> None:
        make, new, _ = ACCEPTED_EVENTS[name]
        before = site.events()
        assert site.post(body(make())).json == {"new_events": 1 + new, "known_events": 0}
        assert site.events() == before + 1 + new

    @pytest.mark.parametrize("name", WRONG_BODIES)
    def test_wrong_body(self, unchanged: Site, name: str) -> None:
        content, field, reason = WRONG_BODIES[name]
        refused(unchanged.post(content), field, reason)

    @pytest.mark.parametrize("name", ACCEPTED_BODIES)
    def test_accepted_body(self, site: Site, name: str) -> None:
        make, new, _ = ACCEPTED_BODIES[name]
        before = site.events()
        assert site.post(make()).json == {"new_events": new, "known_events": 0}
        assert site.events() == before + new

    @pytest.mark.parametrize("name", CONTENT_TYPES)
    def test_content_type_is_ignored(self, site: Site, name: str) -> None:
        reply = site.post(body(), headers=CONTENT_TYPES[name])
        assert reply.json == {"new_events": 1, "known_events": 0}

    def test_gzip(self, unchanged: Site) -> None:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        refused(unchanged.post(gzip.compress(body()), headers=headers), "request", MALFORMED)

    def test_larger_than_4_mib(self, unchanged: Site) -> None:
        reply = unchanged.post(body().ljust(MAX_REQUEST + 1))
        assert (reply.status, reply.headers["content-type"]) == (413, "application/json")
        failure = Failure.of(reply.json)
        assert (failure.code, failure.reason) == ("RESOURCE_EXHAUSTED", "REQUEST_TOO_LARGE")

    def test_json_for_grpc(self, unchanged: Site) -> None:
        """Who says that it speaks gRPC is answered in gRPC."""
        for kind in ("application/grpc", "application/grpc+json"):
            reply = unchanged.post(body(), headers={"Content-Type": kind})
            assert (reply.status, reply.json) == (200, None)
            assert int(reply.headers["grpc-status"]) != 0

    @pytest.mark.parametrize("query", ["?x=1", "?website_id=site_a1", "?events=1", "?events.url=/"])
    def test_parameters(self, unchanged: Site, query: str) -> None:
        failure = rest_failure(unchanged.post(body(), query))
        assert failure.code == "INVALID_ARGUMENT"
        assert failure.fields

    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
    def test_verb(self, unchanged: Site, method: str) -> None:
        failure = rest_failure(unchanged.post(body(), method=method))
        assert (failure.code, failure.reason) == ("NOT_FOUND", "ROUTE_NOT_FOUND")

    def test_every_wrong_field_is_named(self, unchanged: Site) -> None:
        wrong = view(event_type="x", visitor_id="", url="/\0", timestamp="1999-01-01T00:00:00Z")
        failure = rest_failure(unchanged.post(body(wrong, view(), {})))
        assert set(failure.fields) == {
            *(f"events[1].{name}" for name in ("event_type", "visitor_id", "url", "timestamp")),
            *("events[3].event_type", "events[3].visitor_id"),
        }

    @pytest.mark.parametrize("ending", ["half a body", "no end of chunks"])
    def test_connection_lost(self, unchanged: Site, ending: str) -> None:
        content = body(view())
        chunk = b"%x\r\n%s\r\n" % (len(content), content)
        framing, sent = {
            "half a body": (b"Content-Length: %d" % (2 * len(content)), content),
            "no end of chunks": (b"Transfer-Encoding: chunked", chunk),
        }[ending]
        head = (
            b"POST /api/websites/%s/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
            % (unchanged.website_id.encode(), unchanged.key.encode())
        )
        address = urlsplit(unchanged.stack.address)
        with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
            connection.sendall(head + framing + b"\r\n\r\n" + sent)
            connection.shutdown(socket.SHUT_WR)
            assert b" 200 " not in connection.recv(100)

    def test_chunks(self, site: Site) -> None:
        netloc = urlsplit(site.stack.address).netloc
        headers = {"Authorization": f"Bearer {site.key}"}
        path = f"/api/websites/{site.website_id}/events"
        with closing(http.client.HTTPConnection(netloc, timeout=10)) as connection:
            chunks = (bytes([byte]) for byte in body())
            connection.request("POST", path, chunks, headers, encode_chunked=True)
            assert json.loads(connection.getresponse().read())["new_events"] == 1


def field(number: int, content: bytes) -> bytes:
    """A field of a protobuf message, with a length."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    """An integer of a protobuf message."""
    if value < 128:
        return bytes([value])
    return bytes([value & 127 | 128]) + varint(value >> 7)


GOOD = field(2, Event(event_type="pageview", visitor_id="ann").SerializeToString())


def with_data(value: bytes) -> bytes:
    """A pageview with `event_data` `{"a": <value>}`."""
    entry = field(1, field(1, b"a") + field(2, value))
    event = Event(event_type="pageview", visitor_id="ann").SerializeToString()
    return field(2, event + field(11, entry))


def number(value: float) -> bytes:
    """A `google.protobuf.Value`."""
    return b"\x11" + struct.pack("<d", value)


def lists(depth: int) -> bytes:
    """Lists inside each other, as a `google.protobuf.Value`."""
    value = number(1)
    for _ in range(depth):
        value = field(6, field(1, value))
    return value


WRONG_MESSAGES: dict[str, tuple[bytes, str, str]] = {
    "no events": (b"", "events", INVALID),
    "empty event": (GOOD + field(2, b""), "events[1].event_type", INVALID),
    "1,001 events": (GOOD * 1_001, "events", INVALID),
    "NaN": (GOOD + with_data(number(float("nan"))), "events[1].event_data.a", INVALID),
    "Infinity": (GOOD + with_data(number(float("inf"))), "events[1].event_data.a", INVALID),
    "17 deep": (GOOD + with_data(lists(16)), "events[1].event_data.a" + ".0" * 15, INVALID),
    "year 10000": (
        GOOD + field(2, field(3, b"\x08\x80\xdd\xdb\xc1\xf5\x3b")),
        "events[1].event_type",
        INVALID,
    ),
    "100 deep": (GOOD + with_data(lists(100)), "request", MALFORMED),
    "10,000 deep": (GOOD + with_data(lists(10_000)), "request", MALFORMED),
    "cut short": (GOOD + GOOD[:-1], "request", MALFORMED),
    "no protobuf": (b"\xff" * 9, "request", MALFORMED),
    "JSON": (body(), "request", MALFORMED),
    "bad UTF-8": (GOOD + field(2, field(5, b"\xff\xfe")), "request", MALFORMED),
    "surrogate": (GOOD + field(2, field(8, b"\xed\xa0\x80")), "request", MALFORMED),
    "bad UTF-8 in a key": (
        GOOD + field(2, field(11, field(1, field(1, b"\xff")))),
        "request",
        MALFORMED,
    ),
}


@pytest.fixture(scope="module")
def channel(stack: Stack) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(urlsplit(stack.address).netloc) as channel:
        yield channel


class TestGrpc:
    """The same over gRPC, as far as a message can hold it, and what only bytes can hold."""

    def send(self, channel: grpc.Channel, site: Site, message: bytes, **options: Any) -> Any:
        call: Any = channel.unary_unary(
            "/analytics.sessions.v1.EventService/RecordEvents",
            request_serializer=None,
            response_deserializer=RecordEventsResponse.FromString,
        )
        named = field(1, site.website_id.encode()) + message
        return call(named, metadata=metadata(site.key), timeout=PATIENCE, **options)

    def failure(self, channel: grpc.Channel, site: Site, message: bytes) -> Failure:
        with pytest.raises(grpc.RpcError) as caught:
            self.send(channel, site, message)
        return grpc_failure(caught.value)

    @pytest.mark.parametrize("name", [n for n, w in WRONG_EVENTS.items() if w.reason == INVALID])
    def test_wrong_event(self, unchanged: Site, channel: grpc.Channel, name: str) -> None:
        event, wrong, _ = WRONG_EVENTS[name]
        try:
            message = ParseDict({"events": [fresh(), event]}, RecordEventsRequest())
        except (ParseError, AttributeError, TypeError):
            pytest.skip("a message can't hold it")
        failure = self.failure(channel, unchanged, message.SerializeToString())
        assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", INVALID)
        assert failure.fields[0] == indexed(wrong)

    @pytest.mark.parametrize("name", WRONG_MESSAGES)
    def test_wrong_message(self, unchanged: Site, channel: grpc.Channel, name: str) -> None:
        message, wrong, reason = WRONG_MESSAGES[name]
        failure = self.failure(channel, unchanged, message)
        assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", reason)
        assert failure.fields[0] == wrong

    @pytest.mark.parametrize("compression", list(grpc.Compression), ids=lambda each: each.name)
    def test_larger_than_4_mib(
        self, unchanged: Site, channel: grpc.Channel, compression: grpc.Compression
    ) -> None:
        """Also where it is small as long as it is compressed."""
        padding = field(99, b"\0" * 64 * 2**20)
        with pytest.raises(grpc.RpcError) as caught:
            self.send(channel, unchanged, GOOD + padding, compression=compression)
        failure = grpc_failure(caught.value)
        assert (failure.code, failure.reason) == ("RESOURCE_EXHAUSTED", "REQUEST_TOO_LARGE")

    def test_accepted(self, site: Site, channel: grpc.Channel) -> None:
        """An unknown field is ignored; compression is understood; an empty value is null."""
        for message in (GOOD + field(99, b"x"), GOOD, with_data(b"")):
            for compression in grpc.Compression:
                answer = self.send(channel, site, message, compression=compression)
                assert (answer.new_events, answer.known_events) == (1, 0)


HEAVY: dict[str, bytes] = {
    "one long text": body(view(visitor_id="x" * 4_000_000)),
    "many keys": body(view(event_data=dict.fromkeys(map(str, range(200_000)), ""))),
    "a million numbers": body(view(event_data={"a": [1] * 1_300_000})),
    "a thousand large objects": body(*[view(event_data={"a": [""] * 900})] * 999),
    "deep": b'{"events": ' + b"[" * 4_000_000,
    "a million events": b'{"events": [' + b"{}," * 1_000_000 + b"{}]}",
}
HEAVY_MESSAGES: dict[str, bytes] = {
    "two million empty values": with_data(field(6, b"\x0a\x00" * 2_000_000)),
    "two million empty events": b"\x12\x00" * 2_000_000,
}
MOST_MEGABYTES = 1_000
"""Of one worker, while eight callers send such requests again and again."""


def test_memory_is_bounded(patient: Site) -> None:
    workers = running_parts(patient.stack.process.pid)["worker"]
    address = urlsplit(patient.stack.address).netloc

    def send(each: tuple[str, bytes]) -> int | str:
        name, content = each
        if name in HEAVY:
            return patient.post(content, timeout=PATIENCE).status
        return TestGrpc().failure(connection, patient, content).code

    def insist(each: tuple[str, bytes]) -> None:
        """As callers do: a worker that has its hands full may send some away for now."""
        began = monotonic()
        while (answer := send(each)) in (503, "UNAVAILABLE"):
            assert monotonic() - began < PATIENCE, each[0]
        assert answer in (200, 400, 413, "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"), each[0]

    with grpc.insecure_channel(address) as connection, ThreadPoolExecutor(8) as pool:
        list(pool.map(insist, [*(HEAVY | HEAVY_MESSAGES).items()] * 3))
    peaks = [_peak(pid) for pid in workers]
    print(f"peak memory of the workers: {peaks} MiB")
    assert running_parts(patient.stack.process.pid)["worker"] == workers
    assert max(peaks) < MOST_MEGABYTES


def _peak(pid: int) -> int:
    """The most memory that a process has taken so far, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmHWM:")]
    return int(line.split()[1]) // 1024

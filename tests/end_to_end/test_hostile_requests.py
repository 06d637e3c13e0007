"""Ten thousand random and hostile requests through Envoy: refused in one shape, and soon forgotten.

Whatever comes in, no answer is a server error, an error is JSON of the one shape without a word
about what is inside, and neither the workers nor Envoy grow. Requests are written to sockets byte
by byte, for no client library would send most of them; connections are kept as long as Envoy
keeps them. All is random by a seed that is printed; TEST_SEED repeats it.

What is no HTTP may end in a closed connection. No 501 and no 505 is needed: an unknown transfer
coding and an unknown version of HTTP are 400. What is sent as gRPC and is no frame of gRPC is
answered by gRPC itself: it resets the stream (UNAVAILABLE through Envoy) or says INTERNAL.
"""

import json
import os
import random
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import grpc
import pytest
import pytest_asyncio
from sessions.composition import Application
from sessions.domain.dimensions import FILTERS
from sessions.domain.events import EventInput
from sessions.domain.session_ids import format_session_id
from sessions.domain.websites import Website

from tests.support.clients import Failure, grpc_failure
from tests.support.latency import beside, percentile, summary
from tests.support.stack import Stack, metadata

REQUESTS, GRPC_REQUESTS, CLIENTS = 10_000, 500, 4
WARM_UP = 2_000
"""Requests before memory is looked at: caches fill, and allocators find their size."""

GROWTH = 32 << 20
"""Bytes that a process may have more after all of it: far below what 8,000 leaks would take."""

SLOWEST = 1.0
"""Seconds that 99 of 100 calls of others stay below meanwhile: five times what was measured."""

STATUSES = {
    "INVALID_ARGUMENT": {400},
    "UNAUTHENTICATED": {401},
    "PERMISSION_DENIED": {403},
    "NOT_FOUND": {404},
    "RESOURCE_EXHAUSTED": {413, 431},
}
"""The errors that a caller can cause, and their HTTP statuses."""

TEXTS: list[str | bytes] = [
    *("", " ", "0", "-1", "1", "100", "101", "99999999999999999999", "1e3", "1.5", "0x10", "NaN"),
    *("true", "TRUE", "yes", "null", "[]", "{}", '"', "'", "''", "\\", "`", "%", "%%", "%s", "%n"),
    *("' OR '1'='1", "'; DROP TABLE sessions; --", "1) UNION ALL (VALUES (1", "$(id)", "{{7*7}}"),
    *("../../etc/passwd", "..%2f..%2f", "..\\..\\", "/etc/shadow", "C:\\", "file:///etc/hosts"),
    *("<script>", "<!--", "]]>", "&amp;", "javascript:", "\r\nX-Injected: 1", "a\r\n\r\nb", "\t"),
    *("2026-03-03", "2026-02-30", "0000-00-00", "9999-12-31", "Europe/Berlin", "UTC", "../UTC"),
    *("ü", "日本", "🙂", "\u202e", "\ufeff", "\u0000", "a\u0000b", "\x7f", "\x1b[31m", "e\u0301"),
    *("sess_xyz789", "site_abc123", "sess_", "site_", "sess_" + "0" * 32, "a" * 300, "ü" * 2000),
    *(b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80", b"a\xe2\x28\xa1"),
    *("x" * 4096, "%" * 1000, "[" * 500, '{"a":' * 200, "&" * 50, "=" * 50, "A" * 1025),
]
"""Texts that mean something to some program, and bytes that are no text."""

NAMES = [
    *("start_date", "end_date", "timezone", "cursor", "limit", "include_bots"),
    *("events_limit", "events_cursor", *(f"filter_{name}" for name in FILTERS)),
    *("startDate", "filterCountry", "START_DATE", "filter", "filter_", "filter_nope", "filters"),
    *("website_id", "websiteId", "session_id", "session.session_id", "next_cursor.null_value"),
    *("a[b]", "limit.x", "limit[]", "", "$alt", "$fields", "key", "access_token", "__proto__"),
]
VERBS = [
    *("GET",) * 8,
    *("HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "G3T"),
]
HEADERS = [
    *("X-Forwarded-For", "X-Request-Id", "X-Envoy-Original-Path", "X-Envoy-Upstream-Rq-Timeout-Ms"),
    *("X-Envoy-Force-Trace", "X-Forwarded-Proto", "X-Http-Method-Override", "Grpc-Timeout", "Te"),
    *("X-Edge-Status", "Origin", "Referer", "Cookie", "Range", "If-None-Match", "Accept", "Via"),
    *("Accept-Encoding", "Accept-Language", "Content-Encoding", "Upgrade", "Forwarded", "X_Y"),
    *("Grpc-Status", "Grpc-Message", "Grpc-Encoding", "Grpc-Status-Details-Bin", "User-Agent"),
]
TYPES = [
    *("application/json", "application/json; charset=latin-1", "text/plain", "nonsense", ""),
    *("application/grpc-web", "application/x-protobuf", "multipart/form-data", "image/png"),
]
METHODS = [
    *("SessionService/ListSessions", "SessionService/GetSession", "EventService/RecordEvents"),
    *("AnalysisService/Summarize", "AnalysisService/Funnel", "AnalysisService/Flows"),
    *("EventService/StreamEvents", "VisitorService/EraseVisitor", "SessionService/Nope"),
]


@dataclass(frozen=True)
class Request:
    """The bytes of one request, and whether they are HTTP at all, and a right frame of gRPC."""

    raw: bytes
    verb: str = "GET"
    is_http: bool = True
    is_grpc: bool = False


class Attacker:
    """Makes requests that nobody should send."""

    def __init__(self, choose: random.Random, host: str, key: str, website: str, session: str):
        self._choose = choose
        self._host, self._key, self._website, self._session = host, key, website, session

    def request(self) -> Request:
        """The next one."""
        kinds: list[Callable[[], Request]]
        kinds = [self._list] * 6 + [self._get, self._path, self._body, self._headers] * 3
        return self._choose.choice([*kinds, self._grpc, self._no_http])()

    def _list(self) -> Request:
        parameters = "&".join(
            self._parameter() for _ in range(self._choose.choice([0, 1, 1, 2, 5]))
        )
        return self._http("GET", f"/api/websites/{self._id(self._website)}/sessions?{parameters}")

    def _get(self) -> Request:
        ids = self._id(self._website), self._id(self._session)
        query = self._choose.choice(["", f"?{self._parameter()}"])
        return self._http("GET", f"/api/websites/{ids[0]}/sessions/{ids[1]}{query}")

    def _path(self) -> Request:
        parts = ["api", "websites", self._website, "sessions", "..", ".", "", "healthz", "%2e%2e"]
        parts += ["stats", "config_dump", "quitquitquit", "%00", "%2f", ";"]
        # Not one of the parts: an error may name the id that was sent, and no error may say grpc.
        health = "/grpc.health.v1.Health/"
        chosen = [self._choose.choice([*parts, self._escaped()]) for _ in range(6)]
        path = "/".join(chosen[: self._choose.randrange(7)])
        starts = ["/", "/", "/", "//", "/api/", "/api/websites/", "http://x/", health]
        start = self._choose.choice([*starts, f"/api/..{health}", f"/%2e{health}"])
        return self._http(self._choose.choice(VERBS), start + path)

    def _body(self) -> Request:
        path = self._choose.choice(["events", "visitors:erase", "sessions", "events/1"])
        body = self._choose.choice([self._json, self._bytes, self._json])()
        headers = {"Content-Type": self._choose.choice(TYPES)}
        if self._choose.random() < 0.1:
            headers["Content-Encoding"] = self._choose.choice(["gzip", "br", "deflate", "nonsense"])
        target = f"/api/websites/{self._id(self._website)}/{path}"
        return self._http("POST", target, headers, body)

    def _headers(self) -> Request:
        chosen = self._choose.sample(HEADERS, self._choose.randrange(6))
        headers = {name: self._header_value() for name in chosen}
        many = self._choose.random()
        if many < 0.03:
            headers |= {f"X-{number}": "a" for number in range(150)}
        elif many < 0.06:
            headers["X-Long"] = "x" * self._choose.choice([8_000, 130_000, 140_000, 1_100_000])
        elif many < 0.4:
            headers["Authorization"] = self._choose.choice(
                [*("", "Bearer", f"Basic {self._key}", self._key), f"Bearer {self._header_value()}"]
            )
        return self._http("GET", f"/api/websites/{self._website}/sessions", headers)

    def _grpc(self) -> Request:
        """A frame of gRPC, whole: of one that is cut short, gRPC waits for the rest."""
        message = self._choose.choice([self._bytes, self._json])()
        flags = self._choose.choice([0] * 9 + [1])  # 1 means compressed
        framed = bytes([flags]) + len(message).to_bytes(4) + message
        headers = {"Content-Type": "application/grpc", "Te": "trailers"}
        path = f"/analytics.sessions.v1.{self._choose.choice(METHODS)}"
        request = self._http("POST", path, headers, framed)
        return replace(request, is_grpc=not flags)

    def _no_http(self) -> Request:
        path = f"/api/websites/{self._website}/sessions".encode()
        host = b"\r\nHost: x\r\nAuthorization: Bearer " + self._key.encode()
        get = b"GET " + path + b" HTTP/1.1" + host
        post = b"POST " + path.replace(b"sessions", b"events") + b" HTTP/1.1" + host
        chunked = post + b"\r\nTransfer-Encoding: chunked"
        raw = self._choose.choice(
            [
                self._bytes() or b"\0",
                b"\r\n\r\n\r\n",
                b"GET\r\n\r\n",
                b"GET /\r\n\r\n",
                b"GET  / HTTP/1.1\r\n\r\n",
                b"GET " + path + b" HTTP/9.9" + host + b"\r\n\r\n",
                b"GET " + path + b" HTTP/1.0\r\n\r\n",
                b"GET " + path + b" http/1.1\r\n\r\n",
                b"GET " + path + b" HTTP/1.1\r\n\r\n",
                b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n",
                b"GET " + path + b"\xff\x00 HTTP/1.1" + host + b"\r\n\r\n",
                get + b"\r\nno colon\r\n\r\n",
                get + b"\r\n: no name\r\n\r\n",
                get + b"\r\nX-Nul: a\0b\r\n\r\n",
                get + b"\r\nX : space\r\n\r\n",
                get + b"\r\n folded: 1\r\n\r\n",
                get + b"\r\nHost: other\r\n\r\n",
                get + b"\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
                get + b"\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
                get + b"\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n",
                get + b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
                get,
                post + b"\r\nContent-Length: 10\r\n\r\n{",
                post + b"\r\nContent-Length: -1\r\n\r\n",
                post + b"\r\nContent-Length: 1, 2\r\n\r\n{}",
                post + b"\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
                post + b"\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
                post + b"\r\nTransfer-Encoding: nonsense\r\n\r\n{}",
                chunked + b"\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
                chunked + b"\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
                chunked + b"\r\n\r\nffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
                chunked + b"\r\n\r\n2\r\n{}",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + self._bytes(),
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0" + b"\0\0\1\1\5\0\0\0\1\xff",
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + self._bytes(),
            ]
        )
        return Request(raw, is_http=False)

    def _http(
        self, verb: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Request:
        """A request that is HTTP, whatever is in it; two of three have a good key."""
        known = {"Host": self._host} | dict(headers or {})
        if self._choose.random() < 0.67:
            known.setdefault("Authorization", f"Bearer {self._key}")
        if body:
            known["Content-Length"] = str(len(body))
        lines = [f"{verb} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in known.items())]
        head = "\r\n".join(lines).encode("latin-1", "replace")
        return Request(head + b"\r\n\r\n" + body, verb)

    def _id(self, good: str) -> str:
        return self._choose.choice([good, good, good, self._escaped()])

    def _parameter(self) -> str:
        name = self._choose.choice([*NAMES, self._escaped()])
        return self._choose.choice([f"{name}={self._escaped()}"] * 8 + [name, f"={name}", "&", ";"])

    def _escaped(self) -> str:
        """A text as it may stand in a URL."""
        text = self._choose.choice(TEXTS)
        escaped = quote(text, safe="")
        return self._choose.choice([escaped, escaped, quote(escaped), quote(text, safe="/+&=?;:")])

    def _header_value(self) -> str:
        text = self._choose.choice(TEXTS)
        raw = text if isinstance(text, str) else text.decode("latin-1")
        return "".join(char for char in raw if char >= " ")[:2000]

    def message(self) -> bytes:
        """Bytes for a call over gRPC: random, or fields of strings and numbers as they come."""
        text = self._choose.choice(TEXTS)
        raw = (text if isinstance(text, bytes) else text.encode())[:127]
        field = bytes([self._choose.randrange(1, 25) << 3 & 0x7F | 2, len(raw)]) + raw
        number = bytes([self._choose.randrange(1, 16) << 3]) + self._choose.randbytes(3)
        return self._choose.choice([self._bytes(), field, field * 3, number, field + number])

    def _bytes(self) -> bytes:
        return self._choose.randbytes(self._choose.choice([0, 1, 5, 50, 500, 5000]))

    def _json(self) -> bytes:
        event = {"event_type": "pageview", "visitor_id": "ann", "url": "/"}
        for _ in range(self._choose.randrange(4)):
            event[self._choose.choice(FIELDS)] = self._value(0)
        body: Any = self._choose.choice(
            [{"events": [event] * self._choose.choice([1, 1, 3, 1001])}, event, self._value(0)]
        )
        raw = json.dumps(body, ensure_ascii=self._choose.random() < 0.5)
        cut = self._choose.choice([None] * 9 + [len(raw) // 2])
        return raw[:cut].encode(errors="surrogatepass")

    def _value(self, depth: int) -> Any:
        """Any JSON, and some that is none."""
        if depth < 4 and self._choose.random() < 0.4:
            inner = [self._value(depth + 1) for _ in range(self._choose.randrange(4))]
            return self._choose.choice([inner, {f"{key}": key for key in map(str, inner)}])
        text = self._choose.choice(TEXTS)
        deep: Any = "deep"
        for _ in range(self._choose.choice([1, 17, 150])):
            deep = {"a": deep}
        return self._choose.choice(
            [
                *(text if isinstance(text, str) else "\ud800", deep, None, True, -1, 2**63),
                *(1e308, float("nan"), float("inf"), 10**400, "2026-03-03T00:00:00Z", [], {}),
            ]
        )


FIELDS = [
    *("event_id", "event_type", "timestamp", "sequence", "visitor_id", "client_ip", "user_agent"),
    *("url", "referrer", "event_name", "event_data", "hostname", "language", "country", "nope"),
]


class Client:
    """A connection to Envoy, made anew when Envoy ends it."""

    def __init__(self, address: str) -> None:
        self._address = urlsplit(address)
        self._socket: socket.socket | None = None

    def close(self) -> None:
        """End the connection."""
        if self._socket:
            self._socket.close()
        self._socket = None

    def send(self, request: Request) -> tuple[HTTPResponse, bytes] | None:
        """The response and its body; None where the connection was closed without one."""
        if not self._socket:
            peer = (self._address.hostname, self._address.port)
            self._socket = socket.create_connection(peer, timeout=20)
        response = HTTPResponse(self._socket, method=request.verb)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                self._socket.sendall(request.raw)
                if not request.is_http:
                    # Whoever waits for more learns that there is none.
                    self._socket.shutdown(socket.SHUT_WR)
            response.begin()
            body = response.read()
        except (HTTPException, ConnectionError):
            self.close()
            return None
        finally:
            response.close()
        if response.will_close or not request.is_http:
            self.close()
        return response, body


def check(request: Request, response: HTTPResponse, body: bytes) -> None:
    """An answer is a success, or an error of the one shape that the caller caused."""
    kind = response.getheader("content-type", "")
    if kind.startswith("application/grpc"):
        _check_grpc(request, response)
    elif response.status >= 300:
        assert response.status < 500
        if request.is_http and request.verb != "HEAD":
            assert kind == "application/json"
            assert body
        if body:
            failure = Failure.of(json.loads(body))
            assert response.status in STATUSES[failure.code]
    elif body:
        json.loads(body)
    for name in response.headers:
        assert not name.lower().startswith(("x-envoy-", "x-edge-", "server", "x-injected"))


def _check_grpc(request: Request, response: HTTPResponse) -> None:
    """Over gRPC the status stands in headers."""
    assert response.status == 200
    code = int(response.getheader("grpc-status", "-1"))
    codes = GRPC_CODES if request.is_grpc else GRPC_CODES | NO_FRAME_CODES
    assert code in {value.value[0] for value in codes}, response.getheader("grpc-message")


_CODE = grpc.StatusCode
GRPC_CODES = {
    *(_CODE.OK, _CODE.INVALID_ARGUMENT, _CODE.UNAUTHENTICATED, _CODE.NOT_FOUND),
    *(_CODE.UNIMPLEMENTED, _CODE.RESOURCE_EXHAUSTED),
}
NO_FRAME_CODES = {_CODE.UNAVAILABLE, _CODE.INTERNAL}


@pytest.fixture(scope="module")
def seed() -> int:
    """Where all chance here begins."""
    return int(os.environ.get("TEST_SEED") or random.SystemRandom().getrandbits(32))


@dataclass
class Target:
    """A website with a session, and a key for it."""

    stack: Stack
    key: str
    website_id: str
    session_id: str
    seed: int

    def attack(self, number: int, requests: int) -> Counter[str]:
        """Send some requests over one connection, and count the answers by status."""
        host = urlsplit(self.stack.address).netloc
        choose = random.Random(f"{self.seed} {number}")  # noqa: S311
        attacker = Attacker(choose, host, self.key, self.website_id, self.session_id)
        answers: Counter[str] = Counter()
        with closing(Client(self.stack.address)) as client:
            for _ in range(requests):
                answers[_answer(client, attacker.request())] += 1
        return answers

    def attack_at_once(self, number: int, requests: int) -> Counter[str]:
        """The same from several clients."""
        with ThreadPoolExecutor(CLIENTS) as clients:
            numbers = range(number * CLIENTS, (number + 1) * CLIENTS)
            attacks = clients.map(self.attack, numbers, [requests // CLIENTS] * CLIENTS)
            return sum(attacks, Counter[str]())


def _answer(client: Client, request: Request) -> str:
    answer = client.send(request)
    if answer is None and request.is_http:
        # Envoy may have ended the connection before it saw this request.
        answer = client.send(request)
    if answer is None:
        assert not request.is_http or len(request.raw) > MAX_HEADERS, request.raw
        return "closed"
    response, body = answer
    try:
        check(request, response, body)
    except Exception as error:
        raise AssertionError(f"{request.raw[:2000]!r}: {response.status} {body!r}") from error
    return str(response.status)


MAX_HEADERS = 32 << 10
"""Headers beyond this may be refused while they are still being sent."""


@pytest_asyncio.fixture
async def target(
    stack: Stack, key: str, application: Application, website: Website, seed: int
) -> Target:
    """What is attacked."""
    now = datetime.now(UTC)
    sent = EventInput(
        event_type="pageview", visitor_id="eve", timestamp=now - timedelta(hours=1), url="/"
    )
    events = application.enricher.enrich_all([sent], website_id=website.website_id, received_at=now)
    await application.write_events(website, events)
    query = "SELECT session_id FROM sessions WHERE website_key = %(key)s"
    rows: list[tuple[Any]] = await application.pools.requests.fetch(query, {"key": website.key})
    print(f"repeat with TEST_SEED={seed}")
    return Target(stack, key, website.website_id, format_session_id(rows[0][0]), seed)


def memory(stack: Stack) -> dict[int, tuple[str, int]]:
    """The name and the resident bytes of each worker and of Envoy, by process id."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            status = dict(
                line.split(":\t", 1) for line in (folder / "status").read_text().splitlines()
            )
            command = (folder / "cmdline").read_text().split("\0")
            name = (
                "worker"
                if "sessions.worker" in command
                else "Envoy"
                if "envoy" in command[0]
                else ""
            )
            if name and int(status["PPid"]) == stack.process.pid:
                found[int(folder.name)] = name, int(status["VmRSS"].split()[0]) << 10
    return found


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_ten_thousand_hostile_requests(target: Target) -> None:
    """They are answered, take little memory, and hold up nobody else."""
    path = f"/api/websites/{target.website_id}/sessions/{target.session_id}"

    def other_caller() -> None:
        assert target.stack.request(path, key=target.key).status == 200

    answers = target.attack_at_once(0, WARM_UP)
    before = memory(target.stack)
    with beside(other_caller) as seconds:
        answers += target.attack_at_once(1, REQUESTS - WARM_UP)
    after = memory(target.stack)
    print("others meanwhile:", summary(seconds))
    print("answers:", dict(answers.most_common()))
    for process, (name, bytes_) in before.items():
        print(f"{name} {process}: {bytes_ >> 20} MiB before, {after[process][1] >> 20} MiB after")
    assert answers.total() == REQUESTS
    assert {"200", "400", "401", "404", "431", "closed"} <= answers.keys()
    # The same processes, none of which was started anew
    assert before.keys() == after.keys()
    assert {name for name, _ in before.values()} == {"worker", "Envoy"}
    assert all(after[process][1] < bytes_ + GROWTH for process, (_, bytes_) in before.items())
    assert percentile(seconds, 0.99) < SLOWEST
    other_caller()


def test_random_bytes_over_grpc(target: Target) -> None:
    choose = random.Random(target.seed)  # noqa: S311
    attacker = Attacker(choose, "", target.key, target.website_id, target.session_id)
    with grpc.insecure_channel(urlsplit(target.stack.address).netloc) as channel:
        for _ in range(GRPC_REQUESTS):
            method = choose.choice([each for each in METHODS if "Stream" not in each])
            call: Any = channel.unary_unary(f"/analytics.sessions.v1.{method}", bytes, bytes)
            message = attacker.message()
            try:
                call(message, metadata=metadata(target.key), timeout=20)
            except grpc.RpcError as error:
                code = grpc_failure(error).code
                assert code in {value.name for value in GRPC_CODES}, message


@pytest.mark.parametrize("size", [(4 << 20) - 1024, (4 << 20) + 1])
def test_large_bodies_are_refused(target: Target, size: int) -> None:
    """The events of a body of the largest size are read, and then refused for what they are."""
    path = f"/api/websites/{target.website_id}/events"
    start, end = b'{"events":[{"url":"', b'"}]}'
    body = start + b"x" * (size - len(start) - len(end)) + end
    reply = target.stack.request(path, method="POST", key=target.key, body=body)
    failure = Failure.of(reply.json)
    assert reply.status in STATUSES[failure.code]
    expected = "INVALID_ARGUMENT" if size <= 4 << 20 else "RESOURCE_EXHAUSTED"
    assert failure.code == expected

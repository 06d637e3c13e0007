"""Who may do what: every key, on every website, with every call, over REST and over gRPC.

`expected` is the whole table. A key is looked at first, then its scope, then the website that it
is bound to; only then does anybody learn whether a website exists.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from urllib.parse import quote, urlsplit

import grpc
import pytest
from analytics_sessions.v1 import analysis_service_pb2 as analysis_messages
from analytics_sessions.v1 import behaviour_pb2
from analytics_sessions.v1 import event_service_pb2 as event_messages
from analytics_sessions.v1 import session_service_pb2 as session_messages
from analytics_sessions.v1 import visitor_service_pb2 as visitor_messages
from analytics_sessions.v1.event_pb2 import Event
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_status import rpc_status
from sessions.composition import Application, open_application
from sessions.domain.api_keys import Scope, new_secret
from sessions.domain.events import EventInput
from sessions.domain.key_limits import KeyLimit
from sessions.domain.session_ids import format_session_id
from sessions.gateway import DESCRIPTORS
from sessions.settings import Settings

from tests.support.clients import rest_failure
from tests.support.forwarding import forwarded
from tests.support.stack import Stack

READ, WRITE, ERASE = Scope.SESSIONS_READ, Scope.EVENTS_WRITE, Scope.VISITORS_ERASE
NOW = datetime.now(UTC)
DAY = timedelta(days=1)

OK, MISSING, INVALID = "OK", "CREDENTIALS_MISSING", "CREDENTIALS_INVALID"

CODES = {
    "CREDENTIALS_MISSING": "UNAUTHENTICATED",
    "CREDENTIALS_INVALID": "UNAUTHENTICATED",
    "KEY_EXPIRED": "UNAUTHENTICATED",
    "KEY_REVOKED": "UNAUTHENTICATED",
    "SCOPE_MISSING": "PERMISSION_DENIED",
    "WEBSITE_FORBIDDEN": "PERMISSION_DENIED",
    "WEBSITE_NOT_FOUND": "NOT_FOUND",
    "SESSION_NOT_FOUND": "NOT_FOUND",
    "INVALID_FIELD": "INVALID_ARGUMENT",
    "KEY_LIMIT_EXCEEDED": "RESOURCE_EXHAUSTED",
}
"""The code that belongs to each reason here."""


@dataclass(frozen=True)
class Key:
    """A kind of key: what it may do on which website, or why it is no key at all.

    `limit` is that of its calls per second; 0 where it has made them all.
    """

    scopes: tuple[Scope, ...] = ()
    bound: bool = False
    limit: int | None = None
    refused: str = ""


ALL = (READ, WRITE, ERASE)

KEYS = {
    "may read": Key((READ,)),
    "may write": Key((WRITE,)),
    "may erase": Key((ERASE,)),
    "may do all": Key(ALL),
    "may read, bound": Key((READ,), bound=True),
    "may write, bound": Key((WRITE,), bound=True),
    "may erase, bound": Key((ERASE,), bound=True),
    "may do all, bound": Key(ALL, bound=True),
    "expires tomorrow": Key(ALL),
    "limited": Key(ALL, limit=100_000),
    "limited, bound": Key(ALL, bound=True, limit=100_000),
    "used up": Key(ALL, limit=0),
    "used up, may read": Key((READ,), limit=0),
    "used up, may write, bound": Key((WRITE,), bound=True, limit=0),
    "used up, may erase": Key((ERASE,), limit=0),
    "used up, revoked": Key(ALL, limit=0, refused="KEY_REVOKED"),
    "expired": Key(ALL, refused="KEY_EXPIRED"),
    "expired, bound": Key(ALL, bound=True, refused="KEY_EXPIRED"),
    "revoked": Key(ALL, refused="KEY_REVOKED"),
    "revoked, bound": Key(ALL, bound=True, refused="KEY_REVOKED"),
    "revoked and expired": Key(ALL, refused="KEY_REVOKED"),
    "of a deleted website": Key(ALL, refused=INVALID),
    "unknown": Key(refused=INVALID),
    "nearly": Key(refused=INVALID),
    "garbage": Key(refused=INVALID),
    "very long": Key(refused=INVALID),
    "none": Key(refused=MISSING),
    "empty": Key(refused=MISSING),
    "scheme alone": Key(refused=MISSING),
    "wrong scheme": Key(refused=MISSING),
    "no scheme": Key(refused=MISSING),
}

WEBSITES = ("own", "other", "unknown", "deleted", "nonsense", "hostile", "empty")
"""The one that bound keys are for, one that they are not for, and ids that nobody has."""


@dataclass(frozen=True)
class Call:
    """One call of the API: what it needs, and a request that is right but for its ids."""

    method: str
    scope: Scope
    request: Message
    verb: str = ""
    path: str = ""
    session: str = ""
    streams: bool = False

    def message(self, website_id: str, session_id: str) -> Any:
        """The request with ids."""
        message = type(self.request)()
        message.CopyFrom(self.request)
        ids = {"website_id": website_id} | ({"session_id": session_id} if self.session else {})
        return type(message)(**ids, **{f.name: value for f, value in message.ListFields()})


EVENT = Event(event_type="pageview", event_id="e", visitor_id="bob", url="/")
EVENT.timestamp.FromDatetime(NOW - DAY)
LIST = session_messages.ListSessionsRequest(limit=1)
GET = session_messages.GetSessionRequest(events_limit=1)
EXPORT = session_messages.ExportSessionsRequest()
SUMMARY = analysis_messages.SummarizeRequest()
SERIES = analysis_messages.TimeSeriesRequest()
BREAKDOWN = analysis_messages.BreakdownRequest(dimension=["country"])
FUNNEL = behaviour_pb2.FunnelRequest(steps=['page = "/"', 'page = "/a"'])
PAGE = behaviour_pb2.TransitionsRequest(page="/")
ERASURE = visitor_messages.EraseVisitorRequest(visitor_id="nobody")
BATCH = event_messages.RecordEventsRequest(events=[EVENT])
STREAMED = event_messages.StreamEventsRequest(batch=7, events=[EVENT])

CALLS = [
    Call("SessionService/ListSessions", READ, LIST, "GET", "sessions"),
    Call("SessionService/GetSession", READ, GET, "GET", "sessions/{}", session="own"),
    Call("SessionService/GetSession", READ, GET, "GET", "sessions/{}", session="other"),
    Call("SessionService/ExportSessions", READ, EXPORT, "GET", "sessions:export", streams=True),
    Call("AnalysisService/Summarize", READ, SUMMARY, "GET", "sessions:summarize"),
    Call("AnalysisService/TimeSeries", READ, SERIES, "GET", "sessions:timeseries"),
    Call("AnalysisService/Breakdown", READ, BREAKDOWN, "GET", "sessions:breakdown"),
    Call("AnalysisService/Funnel", READ, FUNNEL, "GET", "sessions:funnel"),
    Call("AnalysisService/Flows", READ, behaviour_pb2.FlowsRequest(), "GET", "sessions:flows"),
    Call("AnalysisService/Transitions", READ, PAGE, "GET", "sessions:transitions"),
    Call(
        "AnalysisService/Cohorts", READ, behaviour_pb2.CohortsRequest(), "GET", "sessions:cohorts"
    ),
    Call(
        "AnalysisService/Patterns",
        READ,
        behaviour_pb2.PatternsRequest(),
        "GET",
        "sessions:patterns",
    ),
    Call("EventService/RecordEvents", WRITE, BATCH, "POST", "events"),
    Call("EventService/StreamEvents", WRITE, STREAMED, streams=True),
    Call("VisitorService/EraseVisitor", ERASE, ERASURE, "POST", "visitors:erase"),
]


def test_every_call_is_in_the_table() -> None:
    files = FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file
    methods = {
        f"{service.name}/{method.name}"
        for file in files
        for service in file.service
        if file.package.startswith("analytics.")
        for method in service.method
    }
    assert methods == {call.method for call in CALLS}


def expected(key: Key, website: str, call: Call) -> str:
    """The reason of the refusal, or OK."""
    if key.refused:
        return key.refused
    if call.scope not in key.scopes:
        return "SCOPE_MISSING"
    if key.limit == 0:
        return "KEY_LIMIT_EXCEEDED"
    if key.bound and website != "own":
        return "WEBSITE_FORBIDDEN"
    if website in ("unknown", "deleted"):
        return "WEBSITE_NOT_FOUND"
    if website in ("nonsense", "hostile", "empty"):
        return "INVALID_FIELD"
    return "SESSION_NOT_FOUND" if call.session not in ("", website) else OK


@dataclass(frozen=True)
class World:
    """What there is: `Authorization` headers by kind of key, ids by kind of website."""

    headers: Mapping[str, str | None]
    websites: Mapping[str, str]
    sessions: Mapping[str, str]


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    """Keys of all kinds, and two websites with one session each."""

    async def build() -> World:
        async with open_application(stack.database_url, Settings()) as application:
            return await _build(application)

    world = asyncio.run(build())
    for name, key in KEYS.items():
        if key.limit == 0 and not key.refused:
            _use_up(stack, world, name)
    return world


def _use_up(stack: Stack, world: World, name: str) -> None:
    """Make the only call that each worker lets through in this test."""
    key = str(world.headers[name]).removeprefix("Bearer ")
    call = next(call for call in CALLS if call.verb and call.scope in KEYS[name].scopes)
    path = f"/api/websites/{world.websites['own']}/{call.path.format(world.sessions['own'])}"
    for _ in range(40):
        stack.request(path, key=key, method=call.verb)


async def _build(application: Application) -> World:
    websites, keys = application.websites, application.api_keys
    own, other, deleted = [await websites.create(name) for name in ("own", "other", "deleted")]

    async def make(name: str, website_id: str | None, expires_at: datetime | None) -> str:
        kind = KEYS[name]
        scopes = list(kind.scopes)
        limits = {} if kind.limit is None else {KeyLimit.CALLS: max(1, kind.limit)}
        made = await keys.create(
            name, scopes, website_id=website_id, limits=limits, expires_at=expires_at
        )
        return f"Bearer {made}"

    expiries = {"expires tomorrow": NOW + DAY, "expired": NOW - DAY, "revoked and expired": NOW}
    headers: dict[str, str | None] = {
        name: await make(name, own if key.bound else None, expiries.get(name.split(",")[0]))
        for name, key in KEYS.items()
        if key.scopes
    }
    headers["of a deleted website"] = await make("of a deleted website", deleted, None)
    for key in await keys.list_all():
        if "revoked" in key.name:
            await keys.revoke(key.key_id)
    # So little that no call is free again while the test runs.
    async with application.pools.requests.transaction() as connection:
        statement = """
        UPDATE api_keys SET limits = '{"calls": 0.000001}' WHERE name LIKE 'used up%'
        """
        await connection.execute(statement)
    good = headers["may do all"]
    assert good
    secret = good.removeprefix("Bearer ")
    headers |= {
        "unknown": f"Bearer {new_secret()}",
        "nearly": good[:-1],
        "garbage": "Bearer ' OR true; --",
        "very long": f"Bearer {secret * 100}",
        "none": None,
        "empty": "",
        "scheme alone": "Bearer ",
        "wrong scheme": f"Basic {secret}",
        "no scheme": secret,
    }
    sessions = {}
    for name, website_id in (("own", own), ("other", other)):
        website = await websites.get(website_id)
        sent = [EventInput(event_type="pageview", visitor_id="ann", timestamp=NOW - DAY, url="/")]
        events = application.enricher.enrich_all(sent, website_id=website_id, received_at=NOW)
        await application.write_events(website, events)
        [sessions[name]] = await _session_ids(application, website.key)
    await application.delete_website(deleted, lambda *_: None)
    ids = {
        "own": own,
        "other": other,
        "unknown": "site_0000000000",
        "deleted": deleted,
        "nonsense": "nonsense",
        "hostile": f"{own}' OR 'a'='a",
        "empty": "",
    }
    return World(headers, ids, sessions)


async def _session_ids(application: Application, website_key: int) -> list[str]:
    query = "SELECT session_id FROM sessions WHERE website_key = %(key)s"
    rows: list[tuple[Any]] = await application.pools.requests.fetch(query, {"key": website_key})
    return [format_session_id(session_id) for (session_id,) in rows]


@dataclass(frozen=True)
class Answer:
    """What a caller learns."""

    code: str
    reason: str = OK
    message: str = ""


def over_rest(
    stack: Stack, header: str | None, call: Call, ids: tuple[str, str], source: str = "127.0.0.1"
) -> Answer:
    """Make a call as JSON over HTTP."""
    website_id, session_id = (quote(part, safe="") for part in ids)
    body = MessageToDict(call.request, preserving_proto_field_name=True)
    reply = stack.request(
        f"/api/websites/{website_id}/{call.path.format(session_id)}",
        body if call.verb == "GET" else (),
        method=call.verb,
        headers={} if header is None else {"Authorization": header},
        body=json.dumps(body).encode() if call.verb == "POST" else None,
        source=source,
    )
    if reply.status == 200:
        return Answer(OK)
    failure = rest_failure(reply)
    return Answer(failure.code, failure.reason, failure.message)


def over_grpc(
    channel: grpc.Channel, header: str | None, call: Call, ids: tuple[str, str]
) -> Answer:
    """Make a call over gRPC."""
    request = call.message(*ids).SerializeToString()
    metadata = () if header is None else (("authorization", header),)
    path = f"/analytics.sessions.v1.{call.method}"
    try:
        if call.streams:
            list(channel.stream_stream(path)(iter([request]), timeout=30, metadata=metadata))
        else:
            channel.unary_unary(path)(request, timeout=30, metadata=metadata)
    except grpc.RpcError as error:
        return _refusal(error)
    return Answer(OK)


def _refusal(error: Any) -> Answer:
    status = rpc_status.from_call(error)
    assert status, error
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    return Answer(error.code().name, info.reason.removeprefix("ERROR_REASON_"), status.message)


@pytest.fixture(scope="module")
def channel(stack: Stack) -> Iterator[grpc.Channel]:
    """A connection for gRPC."""
    with closing(grpc.insecure_channel(urlsplit(stack.address).netloc)) as opened:
        yield opened


@pytest.fixture
def source(kind: str, transport: str) -> str:
    """An address for each test: too many unknown keys from one are not looked at."""
    return f"127.0.{1 + (transport == 'gRPC')}.{1 + list(KEYS).index(kind)}"


@pytest.fixture
def own_channel(stack: Stack, source: str) -> Iterator[grpc.Channel]:
    """A connection from this address."""
    with (
        forwarded(urlsplit(stack.address).netloc, source) as address,
        closing(grpc.insecure_channel(address)) as opened,
    ):
        yield opened


@pytest.mark.parametrize("transport", ["REST", "gRPC"])
@pytest.mark.parametrize("kind", KEYS)
def test_every_key_on_every_website_with_every_call(
    stack: Stack,
    own_channel: grpc.Channel,
    source: str,
    world: World,
    kind: str,
    transport: str,
) -> None:
    key, header = KEYS[kind], world.headers[kind]
    for call in CALLS:
        told = []
        for website, website_id in world.websites.items():
            ids = (website_id, world.sessions.get(call.session, ""))
            if transport == "gRPC":
                answer = over_grpc(own_channel, header, call, ids)
            elif call.verb and website_id:  # an empty id makes another path
                answer = over_rest(stack, header, call, ids, source)
            else:
                continue
            reason = expected(key, website, call)
            case = (kind, website, call.method)
            assert (answer.code, answer.reason) == (CODES.get(reason, OK), reason), case
            if website != "own":
                told.append(answer.message.replace(website_id or "\0", "ID"))
        if key.refused or key.bound or key.limit == 0 or call.scope not in key.scopes:
            _same_of_all_websites(told)


def _same_of_all_websites(messages: Sequence[str]) -> None:
    """Nobody learns from the text of a refusal which websites there are."""
    words = {message.removesuffix("ID").rstrip() for message in messages}
    assert len(words) <= 1


def test_a_session_of_another_website_is_unknown_like_any_other(
    stack: Stack, channel: grpc.Channel, world: World
) -> None:
    """Also to a key that may read both websites."""
    header, [call] = world.headers["may do all"], [c for c in CALLS if c.session == "other"]
    own, other = world.websites["own"], world.sessions["other"]
    for transport in ("REST", "gRPC"):
        told = []
        for session_id in (other, UNKNOWN_SESSION):
            if transport == "REST":
                answer = over_rest(stack, header, call, (own, session_id))
            else:
                answer = over_grpc(channel, header, call, (own, session_id))
            told.append(replace(answer, message=answer.message.replace(session_id, "ID")))
        assert told[0] == told[1]
        assert told[0].reason == "SESSION_NOT_FOUND"


UNKNOWN_SESSION = "sess_" + "0" * 32


@pytest.mark.parametrize("kind", ["none", "garbage", "revoked"])
def test_health_and_reflection_need_no_key(channel: grpc.Channel, world: World, kind: str) -> None:
    header = world.headers[kind]
    metadata = () if header is None else (("authorization", header),)
    check: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
    answer = check(b"", timeout=30, metadata=metadata)
    serving = health_pb2.HealthCheckResponse(status="SERVING")
    assert health_pb2.HealthCheckResponse.FromString(answer) == serving
    reflect: Any = channel.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    )
    asked = reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString()
    [listed] = map(
        reflection_pb2.ServerReflectionResponse.FromString,
        reflect(iter([asked]), timeout=30, metadata=metadata),
    )
    names = {service.name for service in listed.list_services_response.service}
    assert {f"analytics.sessions.v1.{call.method.split('/')[0]}" for call in CALLS} <= names


def test_healthz_needs_no_key(stack: Stack) -> None:
    assert stack.request("/healthz").status == 200


async def test_a_revocation_is_in_force_within_5_seconds(
    stack: Stack, world: World, application: Application
) -> None:
    """In all workers, also those that have just used the key."""
    secret = await application.api_keys.create("to revoke", [READ])
    [key] = [key for key in await application.api_keys.list_all() if key.name == "to revoke"]
    path = f"/api/websites/{world.websites['own']}/sessions"
    assert {stack.request(path, key=secret).status for _ in range(20)} == {200}
    await application.api_keys.revoke(key.key_id)
    revoked = monotonic()
    asked, statuses = revoked, {200}
    while statuses != {401}:
        await asyncio.sleep(0.1)
        asked = monotonic()
        statuses = {stack.request(path, key=secret).status for _ in range(20)}
        # By when it was asked: a slow machine may take long to answer.
        assert statuses == {401} or asked < revoked + 5

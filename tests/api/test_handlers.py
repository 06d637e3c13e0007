"""The path of a call over a real socket: four kinds of calls, and what each step refuses."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import grpc
import pytest
import pytest_asyncio
from analytics_sessions.v1 import options_pb2
from analytics_sessions.v1.event_pb2 import Event
from analytics_sessions.v1.event_service_pb2 import RecordEventsRequest as Request
from analytics_sessions.v1.event_service_pb2 import StreamEventsRequest as Batch
from analytics_sessions.v1.event_service_pb2 import StreamEventsResponse as Response
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import Default
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from sessions.api.call import Call
from sessions.api.handlers import Handlers
from sessions.api.methods import UNKNOWN
from sessions.domain.api_keys import ApiKey, Scope, secret_of
from sessions.domain.errors import Reason, Unauthenticated
from sessions.storage.database import Database
from sessions.usecases.limit_keys import LimitKeys
from sessions.usecases.ready_workers import ReadyWorkers

from tests.support.processes import eventually

KINDS: dict[str, tuple[Any, bool, bool]] = {
    "Unary": (Request, False, False),
    "Respond": (Request, False, True),
    "Collect": (Batch, True, False),
    "Converse": (Batch, True, True),
}
"""Method, request, whether requests and responses are streams."""
TIMEOUT = 1.0
LIMIT = 100_000
WEBSITE = "site_abc123defg"
LIMITS = {"calls": 2, "events": 10}


def make_service() -> ServiceDescriptor:
    """A service with a method of each kind."""
    file = FileDescriptorProto(name="tests/kinds.proto", package="tests.v1", syntax="proto3")
    file.dependency.extend([Request.DESCRIPTOR.file.name, options_pb2.DESCRIPTOR.name])
    service = file.service.add(name="Kinds")
    policy: Any = options_pb2.method_policy
    for name, (request, streams_requests, streams_responses) in KINDS.items():
        method = service.method.add(
            name=name,
            input_type=f".{request.DESCRIPTOR.full_name}",
            output_type=f".{Response.DESCRIPTOR.full_name}",
            client_streaming=streams_requests,
            server_streaming=streams_responses,
        )
        options = method.options.Extensions[policy]
        options.scope, options.max_request_bytes = Scope.EVENTS_WRITE, LIMIT
        options.concurrency_limit = "exports" if name == "Respond" else ""
    pool: Any = Default()
    pool.Add(file)
    found: ServiceDescriptor = pool.FindServiceByName("tests.v1.Kinds")
    return found


SERVICE = make_service()


@dataclass
class Kinds:
    """Implements it: answers with the number of events; an event of the type `sleep` sleeps."""

    seen: list[int] = field(default_factory=list)

    async def _count(self, request: Any) -> Response:
        self.seen.append(len(request.events))
        for event in request.events:
            if event.event_type == "sleep":
                await asyncio.sleep(60)
            if event.event_type == "fail":
                raise RuntimeError("relation sessions_2026 does not exist")
        return Response(new_events=len(request.events))

    async def Unary(self, request: Request, context: Any) -> Response:  # noqa: N802
        """One message, one response."""
        return await self._count(request)

    async def Respond(self, request: Request, context: Any) -> AsyncIterator[Response]:  # noqa: N802
        """One message, a response for each event."""
        for event in request.events:
            yield await self._count(Request(events=[event]))

    async def Collect(self, requests: AsyncIterator[Batch], context: Any) -> Response:  # noqa: N802
        """Many messages, one response."""
        counted = [await self._count(request) async for request in requests]
        return Response(new_events=sum(each.new_events for each in counted))

    async def Converse(  # noqa: N802
        self, requests: AsyncIterator[Batch], context: Any
    ) -> AsyncIterator[Response]:
        """A response for each message."""
        async for request in requests:
            yield await self._count(request)


async def authenticate(authorization: str | None, address: str) -> ApiKey:
    """Keys are `write`, `read` and `other`, which is for another website, and `limited`."""
    name = (authorization or "").removeprefix("Bearer ")
    if name not in ("write", "read", "other", "limited"):
        secret_of(authorization)
        raise Unauthenticated(Reason.CREDENTIALS_INVALID)
    scopes: list[str] = [Scope.SESSIONS_READ if name == "read" else Scope.EVENTS_WRITE]
    website = "site_other" if name == "other" else None
    limits = LIMITS if name == "limited" else {}
    now = datetime.now(UTC)
    return ApiKey(f"key_{name}", "test", scopes, website, limits, now, None, None, None)


@dataclass
class Client:
    """Calls methods with bytes, so that anything can be sent."""

    channel: grpc.Channel
    kinds: Kinds

    async def call(
        self, method: str, messages: Sequence[bytes], key: str = "write", **headers: str | bytes
    ) -> list[Response]:
        """The responses; raises RpcError.

        Not with grpc.aio, whose client answers INTERNAL where the server ends a stream early.
        """
        metadata = [("authorization", f"Bearer {key}"), *headers.items()]
        make: Any = self.channel.stream_stream(
            f"/tests.v1.Kinds/{method}", response_deserializer=Response.FromString
        )
        call = make(iter(messages), metadata=metadata, timeout=20)
        return await asyncio.to_thread(list, call)


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    async with serving(authenticate) as client:
        yield client


@asynccontextmanager
async def serving(authenticate: Any) -> AsyncIterator[Client]:
    """A server on a free port, and a client of it."""
    kinds = Kinds()
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    limit_keys = LimitKeys(ReadyWorkers(Database("postgresql://127.0.0.1:1/none")))
    handlers = Handlers([(SERVICE, kinds)], authenticate, limit_keys, TIMEOUT)
    server.add_generic_rpc_handlers((handlers,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Client(channel, kinds)
    await server.stop(None)


def message(method: str, *events: Event, website: str = WEBSITE, **fields: Any) -> bytes:
    """A request of a method."""
    request: Any = KINDS[method][0](website_id=website, events=events, **fields)
    raw: bytes = request.SerializeToString()
    return raw


@dataclass(frozen=True)
class Refusal:
    """An error as programs see it."""

    code: grpc.StatusCode
    reason: str
    metadata: dict[str, str]
    fields: list[str]


async def refusal(client: Client, method: str, messages: Sequence[bytes], **call: Any) -> Refusal:
    """The error of a call that has to fail."""
    with pytest.raises(grpc.RpcError) as raised:
        await client.call(method, messages, **call)
    caught: Any = raised
    details = dict(caught.value.trailing_metadata() or ())["grpc-status-details-bin"]
    status = Status.FromString(details)
    info, bad = ErrorInfo(), BadRequest()
    status.details[0].Unpack(info)
    fields = []
    if len(status.details) > 1 and status.details[1].Unpack(bad):
        fields = [violation.field for violation in bad.field_violations]
    reason = info.reason.removeprefix("ERROR_REASON_")
    return Refusal(caught.value.code(), reason, dict(info.metadata), fields)


PAGEVIEW = Event(event_type="pageview")


@pytest.mark.parametrize(
    ("method", "answers"),
    [("Unary", [2]), ("Respond", [1, 1]), ("Collect", [4]), ("Converse", [2, 2])],
)
async def test_each_kind_of_call_is_answered(
    client: Client, method: str, answers: list[int]
) -> None:
    raw = message(method, PAGEVIEW, PAGEVIEW)
    raws = [raw, raw] if KINDS[method][1] else [raw]
    assert [each.new_events for each in await client.call(method, raws)] == answers


@pytest.mark.parametrize("method", KINDS)
async def test_each_step_refuses_before_the_next(client: Client, method: str) -> None:
    """Whatever is wrong with a request, the first step that sees something wrong answers."""
    huge = message(method, website="x" * LIMIT)
    many = message(method, *[PAGEVIEW] * 1_001)
    broken = b"\x0a\xff"
    foreign = message(method, website="site_else")
    good = message(method, PAGEVIEW)
    for raw in (huge, many, broken, foreign, good):
        assert (await refusal(client, method, [raw], key="none")).reason == "CREDENTIALS_INVALID"
        assert (await refusal(client, method, [raw], key="read")).reason == "SCOPE_MISSING"
    found = await refusal(client, method, [huge], key="other")
    assert (found.code, found.reason) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "REQUEST_TOO_LARGE",
    )
    assert found.metadata == {"limit": str(LIMIT), "found": str(len(huge))}
    found = await refusal(client, method, [many], key="other")
    assert (found.reason, found.fields) == ("INVALID_FIELD", ["events"])
    assert found.metadata["limit"] == "1000"
    found = await refusal(client, method, [broken], key="other")
    assert (found.reason, found.fields) == ("MALFORMED_REQUEST", ["request"])
    found = await refusal(client, method, [foreign], key="other")
    assert (found.reason, found.metadata["website_id"]) == ("WEBSITE_FORBIDDEN", "site_else")
    assert client.kinds.seen == []


@pytest.mark.parametrize("method", KINDS)
async def test_a_call_without_a_message_is_answered_at_once(client: Client, method: str) -> None:
    started = perf_counter()
    assert (await refusal(client, method, [], key="none")).reason == "CREDENTIALS_INVALID"
    if KINDS[method][1]:
        await client.call(method, [])
    else:
        found = await refusal(client, method, [])
        assert (found.reason, found.fields) == ("MALFORMED_REQUEST", ["request"])
    assert perf_counter() - started < 5


async def test_a_method_that_does_not_exist_is_unknown_to_holders_of_keys(client: Client) -> None:
    found = await refusal(client, "Nope", [])
    assert (found.code, found.reason) == (grpc.StatusCode.UNIMPLEMENTED, "ROUTE_NOT_FOUND")
    assert (await refusal(client, "Nope", [], key="none")).reason == "CREDENTIALS_INVALID"


@pytest.mark.parametrize("method", ["Unary", "Respond"])
async def test_a_response_has_its_time(client: Client, method: str) -> None:
    found = await refusal(client, method, [message(method, Event(event_type="sleep"))])
    assert (found.code, found.reason) == (
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "DEADLINE_EXCEEDED",
    )


@pytest.mark.parametrize("method", KINDS)
async def test_a_mistake_in_the_service_says_nothing(client: Client, method: str) -> None:
    found = await refusal(client, method, [message(method, Event(event_type="fail"))])
    assert found == Refusal(grpc.StatusCode.INTERNAL, "INTERNAL", {}, [])


@pytest.mark.parametrize("method", ["Collect", "Converse"])
async def test_an_error_names_its_batch(client: Client, method: str) -> None:
    good = message(method, PAGEVIEW, batch=7, website="site_other")
    found = await refusal(client, method, [good, message(method, batch=8)], key="other")
    assert (found.reason, found.metadata["batch"]) == ("WEBSITE_FORBIDDEN", "8")


@pytest.mark.parametrize("method", ["Collect", "Converse"])
async def test_a_key_can_be_revoked_while_a_stream_lives(method: str) -> None:
    keys = iter(["write", "write", "write"])

    async def revoked_later(_: str | None, address: str) -> ApiKey:
        return await authenticate(f"Bearer {next(keys, 'none')}", address)

    async with serving(revoked_later) as client:
        found = await refusal(client, method, [message(method, PAGEVIEW)] * 4)
        assert found.reason == "CREDENTIALS_INVALID"
        assert client.kinds.seen == [1, 1]


@pytest.mark.parametrize("method", KINDS)
async def test_calls_and_batches_count_against_the_limit_of_the_key(
    client: Client, method: str
) -> None:
    one = [message(method, PAGEVIEW)]
    # A stream counts when it is opened, and with each of its batches.
    let_through = 1 if KINDS[method][1] else 2
    for _ in range(let_through):
        await client.call(method, one, key="limited")
    found = await refusal(client, method, one, key="limited")
    assert (found.code, found.reason) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "KEY_LIMIT_EXCEEDED",
    )
    assert (found.metadata["limit"], found.metadata["unit"]) == ("2", "calls per second")
    await client.call(method, one)  # of another key


@pytest.mark.parametrize("method", ["Unary", "Collect", "Converse"])
async def test_events_count_against_the_limit_of_the_key(client: Client, method: str) -> None:
    await client.call(method, [message(method, *[PAGEVIEW] * 20)], key="limited")
    await asyncio.sleep(1)  # until a call and a batch are free again
    found = await refusal(client, method, [message(method, PAGEVIEW)], key="limited")
    assert (found.reason, found.metadata["unit"]) == ("KEY_LIMIT_EXCEEDED", "events per second")
    assert client.kinds.seen == [20]


async def test_a_caller_learns_what_is_left(client: Client) -> None:
    make: Any = client.channel.stream_unary("/tests.v1.Kinds/Unary")
    request = message("Unary", PAGEVIEW)

    def headers(key: str) -> dict[str, str]:
        metadata = [("authorization", f"Bearer {key}")]
        _, call = make.with_call(iter([request]), metadata=metadata, timeout=20)
        return dict(call.initial_metadata())

    found = await asyncio.to_thread(headers, "limited")
    assert found["ratelimit-policy"] == '"calls";q=2;w=1, "events";q=10;w=1'
    assert found["ratelimit"] == '"calls";r=1;t=0, "events";r=9;t=0'
    assert "ratelimit" not in await asyncio.to_thread(headers, "write")
    await asyncio.to_thread(headers, "limited")
    with pytest.raises(grpc.RpcError) as caught:
        await asyncio.to_thread(headers, "limited")
    refused: Any = caught.value
    assert dict(refused.trailing_metadata())["ratelimit"].startswith('"calls";r=0;t=1, ')


async def test_a_key_without_a_limit_has_four_exports_at_once(client: Client) -> None:
    slow = [message("Respond", Event(event_type="sleep"))]
    calls = [asyncio.create_task(client.call("Respond", slow)) for _ in range(4)]
    await eventually(lambda: len(client.kinds.seen) == 4)
    quick = [message("Respond", PAGEVIEW, website="site_other")]
    refused = await refusal(client, "Respond", quick)
    assert refused.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (refused.reason, refused.metadata["unit"]) == ("KEY_LIMIT_EXCEEDED", "exports at once")
    assert len(await client.call("Respond", quick, key="other")) == 1
    await asyncio.gather(*calls, return_exceptions=True)
    assert len(await client.call("Respond", quick)) == 1


async def test_a_website_in_the_path_of_rest_is_that_of_the_request(client: Client) -> None:
    raw = message("Unary", PAGEVIEW)
    await client.call("Unary", [raw], **{"x-path-website-id": WEBSITE.replace("_", "%5F")})
    found = await refusal(client, "Unary", [raw], **{"x-path-website-id": "site_else"})
    assert (found.reason, found.fields) == ("INVALID_FIELD", ["website_id"])


async def test_four_megabytes_of_empty_events_cost_nothing(client: Client) -> None:
    """Beside them others are served as always: none waits for as long as decoding would take."""
    raw = b"\x12\x00" * (LIMIT // 2)
    started = perf_counter()
    found = await refusal(client, "Unary", [raw])
    assert (found.reason, found.fields, found.metadata["limit"]) == (
        "INVALID_FIELD",
        ["events"],
        "1000",
    )
    assert perf_counter() - started < 1


async def test_a_large_request_is_decoded_in_slices(client: Client) -> None:
    events = [Event(event_type="pageview", url="/" + "x" * 80) for _ in range(1_000)]
    [answer] = await client.call("Unary", [message("Unary", *events)])
    assert answer.new_events == 1_000


@pytest.mark.parametrize(
    ("forwarded", "proxies", "expected"),
    [
        ("203.0.113.7", 0, "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", 0, "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", 1, "198.51.100.1"),
        ("192.0.2.9, 198.51.100.1, 203.0.113.7", 1, "198.51.100.1"),
        ("203.0.113.7", 1, "203.0.113.7"),
        ("nonsense", 0, "ipv4:127.0.0.1"),
        ("", 1, "ipv4:127.0.0.1"),
    ],
)
def test_the_address_of_a_caller_is_what_trusted_proxies_say(
    forwarded: str, proxies: int, expected: str
) -> None:
    class Context:
        def invocation_metadata(self) -> list[tuple[str, str]]:
            return [("x-forwarded-for", forwarded)] if forwarded else []

        def peer(self) -> str:
            return "ipv4:127.0.0.1:5000"

    context: Any = Context()
    assert Call(UNKNOWN, context).address(proxies) == expected

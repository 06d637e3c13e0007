"""A worker that stands for the real ones: it answers by the website that is asked for.

Run as a process of its own, so that it can be killed; it prints its port when it listens.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, TypeAlias

import grpc
from analytics_sessions.v1 import session_service_pb2 as pb
from analytics_sessions.v1 import session_service_pb2_grpc as pb_grpc
from analytics_sessions.v1.session_pb2 import Session
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.wrappers_pb2 import Int32Value
from google.rpc import code_pb2, status_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from sessions.api.printer import page_text
from sessions.api.server import SERVER_OPTIONS

from tools.rest_descriptors import DERIVED

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handlers: TypeAlias = "dict[str, grpc.RpcMethodHandler[bytes, bytes]]"

SESSION = {
    "session_id": "sess_xyz789",
    "visitor_id": "a1b2c3d4e5f6g7h8",
    "started_at": "2026-03-03T10:15:00Z",
    "ended_at": "2026-03-03T10:45:00Z",
    "duration": 0,
    "pageviews": 5,
    "events": 0,
    "is_bounce": False,
    "is_bot": False,
    "country": "US",
}
EVENTS = [
    {"event_type": "pageview", "timestamp": "2026-03-03T10:15:00Z", "url": "/", "offset": 0},
    {
        "event_type": "event",
        "timestamp": "2026-03-03T10:17:00Z",
        "event_name": "signup_click",
        "event_data": {"plan": "pro"},
        "offset": 0,
    },
]


def rich_error() -> status_pb2.Status:
    """An error with every kind of detail that the service sends."""
    status = status_pb2.Status(code=code_pb2.INVALID_ARGUMENT, message='limit: "é" is negative')
    violation = BadRequest.FieldViolation(field="limit", description="is negative")
    retry = RetryInfo()
    retry.retry_delay.FromSeconds(1)
    info = ErrorInfo(reason="ERROR_REASON_INVALID_FIELD", domain="analytics.sessions.v1")
    for detail in (info, BadRequest(field_violations=[violation]), retry):
        status.details.add().Pack(detail)
    return status


def unavailable() -> status_pb2.Status:
    """An error after which one may try again, though not at once."""
    status = status_pb2.Status(code=code_pb2.UNAVAILABLE, message='"retry_delay":"9s"')
    retry = RetryInfo()
    retry.retry_delay.FromMilliseconds(1_500)
    for detail in (ErrorInfo(reason="ERROR_REASON_DATABASE_UNAVAILABLE"), retry):
        status.details.add().Pack(detail)
    return status


class Sessions(pb_grpc.SessionServiceServicer):
    """Canned answers, an echo, errors, delays and sudden death."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def ListSessions(  # noqa: N802
        self, request: pb.ListSessionsRequest, context: Context
    ) -> pb.ListSessionsResponse:
        match request.website_id:
            case "site_error":
                await context.abort_with_status(rpc_status.to_status(rich_error()))
            case "site_unavailable":
                await context.abort_with_status(rpc_status.to_status(unavailable()))
            case "site_slow":
                await asyncio.sleep(60)
            case site if site == f"site_fatal{self._port}":
                os.kill(os.getpid(), signal.SIGKILL)
            case "site_half":
                await die_after_headers(context)
            case "site_stuck":
                await context.send_initial_metadata(())
                await asyncio.sleep(60)
        response = pb.ListSessionsResponse()
        response.next_cursor.null_value = 0  # type: ignore[assignment]
        if request.website_id == "site_echo":
            metadata = dict(context.invocation_metadata() or ())
            response.sessions.add(entry_page=_json(request), exit_page=json.dumps(metadata))
        elif request.website_id == "site_message":
            response.sessions.append(Session.FromString(bytes.fromhex(request.cursor)))
        elif request.website_id == "site_large":
            response.sessions.extend(_session(city="x" * 10_000) for _ in range(100))
            response.next_cursor.string_value = "more"
        elif request.website_id == "site_port":
            response.next_cursor.string_value = str(self._port)
            link = f'<?cursor={self._port}>; rel="next"'
            await context.send_initial_metadata((("link", link),))
        else:
            response.sessions.append(_session())
        return response

    async def GetSession(  # noqa: N802
        self, request: pb.GetSessionRequest, context: Context
    ) -> pb.GetSessionResponse:
        if request.website_id == "site_half":
            await die_after_headers(context)
        if request.website_id == "site_message":
            sent = bytes.fromhex(request.events_cursor)
            return pb.GetSessionResponse(session=Session.FromString(sent))
        body = {"session": SESSION | {"session_id": request.session_id}, "events": EVENTS}
        response = ParseDict(body, pb.GetSessionResponse())
        response.next_events_cursor.string_value = "more"
        return response


async def die_after_headers(context: Context) -> None:
    """Ends the process when the headers of an answer are out, and nothing else of it."""
    await context.send_initial_metadata(())
    await asyncio.sleep(0.1)
    os.kill(os.getpid(), signal.SIGKILL)


async def list_for_rest(servicer: Any, request: bytes, context: Context) -> bytes:
    """The same answers as text, which is how Envoy asks for lists."""
    page = await servicer.ListSessions(pb.ListSessionsRequest.FromString(request), context)
    sessions = [session.SerializeToString() for session in page.sessions]
    text = page_text(sessions, page.next_cursor.string_value or None)
    body: bytes = HttpBody(content_type="application/json", data=text).SerializeToString()
    return body


def _session(city: str | None = None) -> Session:
    return ParseDict(SESSION | ({"city": city} if city else {}), Session())


def _json(request: pb.ListSessionsRequest) -> str:
    return json.dumps(MessageToDict(request, preserving_proto_field_name=True))


async def write(request: bytes, context: Context) -> bytes:
    """Answers how long the request is, or dies with it in hand."""
    if b"site_fatal" in request:
        os.kill(os.getpid(), signal.SIGKILL)
    return Int32Value(value=len(request)).SerializeToString()


async def stream(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
    """Answers each message with itself."""
    async for request in requests:
        yield request


async def export(request: bytes, context: Context) -> AsyncIterator[bytes]:
    """Answers three lines, with a pause of a second and a half before the last one."""
    for number in range(3):
        if number == 2:
            await asyncio.sleep(1.5)
        line = HttpBody(content_type="application/x-ndjson", data=b"%d\n" % number)
        yield line.SerializeToString()


async def main(*, serving: bool, anywhere: bool) -> None:
    """Serves on a free port until the process is killed."""
    server = grpc.aio.server(options=SERVER_OPTIONS)
    port = server.add_insecure_port("0.0.0.0:0" if anywhere else "127.0.0.1:0")
    make: Any = Sessions  # abstract for the stubs: it need not have all methods
    servicer = make(port)
    pb_grpc.add_SessionServiceServicer_to_server(servicer, server)
    package = "analytics.sessions.v1"
    handlers: Handlers = {
        "Write": grpc.unary_unary_rpc_method_handler(write),
        "Undo": grpc.unary_unary_rpc_method_handler(write),
        "Export": grpc.unary_stream_rpc_method_handler(export),
    }
    answer = partial(list_for_rest, servicer)
    for_rest: Handlers = {"ListSessions": grpc.unary_unary_rpc_method_handler(answer)}
    streams: Handlers = {"StreamEvents": grpc.stream_stream_rpc_method_handler(stream)}
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(f"{package}.WriteService", handlers),
            grpc.method_handlers_generic_handler(f"{package}.EventService", streams),
            grpc.method_handlers_generic_handler(f"{DERIVED}.SessionService", for_rest),
        )
    )
    status = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    states = health_pb2.HealthCheckResponse
    await status.set("", states.SERVING if serving else states.NOT_SERVING)
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(serving="--not-serving" not in sys.argv, anywhere="--anywhere" in sys.argv))

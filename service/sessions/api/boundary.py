"""What every call passes through: key, decoding, deadline, errors, and one line in the log."""

import asyncio
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NoReturn, TypeAlias
from urllib.parse import unquote

import grpc
import structlog
from google.protobuf.message import DecodeError

from sessions.api.errors import code_of, domain_error, naming_batch, status_of
from sessions.domain.api_keys import ApiKey, Scope, check_allowed
from sessions.domain.errors import InvalidArgument, Reason, Unimplemented, Violation, shortened
from sessions.usecases.authenticate import Authenticate

SCOPES = {
    "/analytics.sessions.v1.SessionService/ListSessions": Scope.SESSIONS_READ,
    "/analytics.sessions.v1.SessionService/GetSession": Scope.SESSIONS_READ,
    "/analytics.sessions.v1.EventService/RecordEvents": Scope.EVENTS_WRITE,
    "/analytics.sessions.v1.EventService/StreamEvents": Scope.EVENTS_WRITE,
    "/analytics.sessions.v1.VisitorService/EraseVisitor": Scope.VISITORS_ERASE,
}
"""What a key needs for each call."""

_SECONDS = {"/analytics.sessions.v1.VisitorService/EraseVisitor": 120.0}
"""Calls that may take longer than others: a visitor with millions of events goes in one piece."""

_OPEN = ("/grpc.health.v1.Health/", "/grpc.reflection.")
"""Services that need no key."""

_PATH_WEBSITE = "x-path-website-id"
"""Set by the gateway on REST calls: the id as it stands in the path, percent-encoded."""

_log = structlog.get_logger()

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
Context = grpc.aio.ServicerContext[Any, Any]
Metadata = Mapping[str, str | bytes]


class Boundary(grpc.aio.ServerInterceptor):
    """Lets a call through when its key allows it, and answers for whatever goes wrong.

    Args:
        authenticate: finds the key of a call.
        timeout: seconds that a unary call may take, also when it brings no deadline; a few may
            take longer.
    """

    def __init__(self, authenticate: Authenticate, timeout: float) -> None:
        self._authenticate = authenticate
        self._timeout = timeout

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Put the boundary around the handler of a call.

        Requests stay bytes until the key has been checked.
        """
        method = handler_call_details.method
        handler: Any = await continuation(handler_call_details)
        if method.startswith(_OPEN):
            return handler  # type: ignore[no-any-return]
        if handler and handler.stream_stream:
            return grpc.stream_stream_rpc_method_handler(
                partial(self._stream, method, handler),
                response_serializer=handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            partial(self._unary, method, handler),
            response_serializer=handler.response_serializer if handler else None,
        )

    async def _unary(self, method: str, handler: Any, raw: bytes, context: Context) -> Any:
        async with _answering(method, context) as metadata:
            async with asyncio.timeout(self._seconds_left(method, context)):
                # Not kept here: a request is gone as soon as its handler is done.
                admitted = [await self._admit(method, handler, raw, metadata)]
                return await handler.unary_unary(admitted.pop(), context)

    async def _stream(
        self, method: str, handler: Any, raws: AsyncIterator[bytes], context: Context
    ) -> AsyncIterator[Any]:
        async with _answering(method, context) as metadata:
            # At once, also where no message comes; then each message anew: a key can
            # be revoked while a stream lives.
            await self._key(metadata)
            requests = (await self._admit(method, handler, raw, metadata) async for raw in raws)
            async for response in handler.stream_stream(requests, context):
                yield response

    async def _admit(self, method: str, handler: Any, raw: bytes, metadata: Metadata) -> Any:
        """The request, once its key was found to allow it."""
        key = await self._key(metadata)
        if handler is None:
            raise Unimplemented(f"there is no method {shortened(method)}", Reason.ROUTE_NOT_FOUND)
        request = _decode(handler.request_deserializer, raw)
        with naming_batch(request):
            check_allowed(key, SCOPES[method], request.website_id)
        _check_website(request.website_id, metadata.get(_PATH_WEBSITE))
        return request

    async def _key(self, metadata: Metadata) -> ApiKey:
        authorization = metadata.get("authorization")
        return await self._authenticate(authorization if isinstance(authorization, str) else None)

    def _seconds_left(self, method: str, context: Context) -> float:
        allowed = max(self._timeout, _SECONDS.get(method, 0.0))
        remaining = context.time_remaining()
        return allowed if remaining is None else min(allowed, remaining)


@asynccontextmanager
async def _answering(method: str, context: Context) -> AsyncIterator[Metadata]:
    """Answer with the status of whatever error is raised inside, and log the call."""
    started = time.perf_counter()
    metadata = dict(context.invocation_metadata() or ())
    log = _log.bind(method=method, request_id=metadata.get("x-request-id"))
    code = grpc.StatusCode.CANCELLED
    try:
        yield metadata
        code = grpc.StatusCode.OK
    except Exception as error:
        told = domain_error(error)
        code = code_of(told)
        if code is grpc.StatusCode.INTERNAL:
            log.exception("failed")
        log = log.bind(reason=told.reason)
        # The frames hold the request, which can be large: not while the answer is sent.
        traceback.clear_frames(error.__traceback__)
        await _abort(context, told)
    finally:
        elapsed = round((time.perf_counter() - started) * 1000, 2)
        log.info("call", code=code.name, milliseconds=elapsed)


def _check_website(website_id: str, in_path: str | bytes | None) -> None:
    """Refuse a REST body that names another website than the path, which it would replace."""
    if in_path is not None and unquote(in_path) != website_id:
        text = "differs from the website in the path; leave it out of the body"
        raise InvalidArgument(Violation("website_id", text))


def _decode(deserialize: Callable[[bytes], Any], raw: bytes) -> Any:
    try:
        return deserialize(raw)
    except (DecodeError, ValueError) as error:
        text = "these bytes are no message of this call: bad UTF-8, cut short or nested too deep"
        violation = Violation("request", text)
        raise InvalidArgument(violation, reason=Reason.MALFORMED_REQUEST) from error


async def _abort(context: Context, error: Any) -> NoReturn:
    status = status_of(error)
    details = ("grpc-status-details-bin", status.SerializeToString())
    await context.abort(code_of(error), error.message, trailing_metadata=(details,))

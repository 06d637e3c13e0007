"""The path of a call: from gRPC through the interceptors to the method of a service.

One message and a response, one message and many, a stream and a response, two streams: each kind
takes the same steps. gRPC hands over all of them as streams of bytes, so that the key is known
before a message is taken, and a call without a message gets an answer.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from functools import partial
from operator import methodcaller
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from sessions.api.call import Call, Context, Step, chain
from sessions.api.interceptors import (
    Deadline,
    FindKey,
    StreamsPerKey,
    check_key_scope,
    check_method,
    check_request_website,
    handle_errors,
    log_call,
    name_batch,
    receive,
)
from sessions.api.links import link_next_page
from sessions.api.methods import UNKNOWN, Method
from sessions.api.requests import check_size, decode
from sessions.usecases.authenticate import Authenticate

_END = object()
_serialize = methodcaller("SerializeToString")


class _Unreadable:
    """In place of a message: Envoy can't read it, and resets the stream.

    After the first byte a status says nothing over REST: Envoy would end the answer as if it were
    complete.
    """

    def SerializeToString(self) -> bytes:  # noqa: N802 (as that of messages)
        """The tag of `data` and its length, without the data."""
        return b"\x12\x01"


_UNREADABLE = _Unreadable()


class Handlers(grpc.GenericRpcHandler):
    """The methods of all services, each behind its interceptors, and an answer for any other.

    Args:
        services: their descriptors and what implements them, with one method for each of the
            descriptor's.
        authenticate: finds the key of a call.
        timeout: seconds that a call may take; some methods have more.
        rest: services, and what implements their streams as pieces of an answer over REST.
    """

    def __init__(
        self,
        services: Iterable[tuple[ServiceDescriptor, object]],
        authenticate: Authenticate,
        timeout: float,
        rest: Iterable[tuple[ServiceDescriptor, object]] = (),
    ) -> None:
        find_key = FindKey(authenticate)
        self._deadline = Deadline(timeout)
        self._streams_per_key = StreamsPerKey()
        self._call = (log_call, handle_errors, find_key, check_method, check_key_scope)
        self._message = (check_size, decode, check_request_website)
        # Each message of a stream is checked again: a key can be revoked in between.
        self._streamed = (
            find_key,
            check_key_scope,
            check_size,
            decode,
            name_batch,
            check_request_website,
        )
        self._unknown = self._handler(UNKNOWN, chain(self._call, _request))
        # A key can be revoked while a stream lives.
        self._renew = chain((find_key, check_key_scope), _request)
        methods = [
            (Method.of(descriptor), getattr(servicer, descriptor.name))
            for service, servicer in services
            for descriptor in service.methods
        ]
        methods += [
            (Method.of(descriptor).over_rest(), getattr(servicer, descriptor.name))
            for service, servicer in rest
            for descriptor in service.methods
            if descriptor.server_streaming
        ]
        self._handlers = {
            method.path: self._handler(method, self._path(method, behaviour))
            for method, behaviour in methods
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The handler of a call."""
        return self._handlers.get(handler_call_details.method, self._unknown)

    def _path(self, method: Method, behaviour: Any) -> Step:
        if method.streams_requests:
            admit = chain(self._streamed, _request)
            return chain(self._call, partial(self._stream, admit, behaviour))
        if method.streams_responses:
            respond = partial(self._respond, behaviour)
            path = (*self._call, receive, *self._message, self._streams_per_key)
            return chain(path, respond)
        # Calls without pages need not pass it.
        links = (link_next_page,) if method.cursors else ()
        path = (*self._call, receive, self._deadline, *self._message, *links)
        return chain(path, partial(_answer, behaviour))

    async def _respond(self, behaviour: Any, call: Call, request: Any) -> None:
        """Send one response after the other, each made in time; sending waits for the caller."""
        seconds = self._deadline.of(call.method)
        has_begun = False
        # Ends the generator of the service also when the caller goes away.
        async with aclosing(behaviour(request, call.context)) as responses:
            try:
                while True:
                    async with call.deadline(seconds):
                        await self._renew(call, request)
                        response = await anext(responses, _END)
                    if response is _END:
                        return
                    await call.context.write(response)
                    has_begun = True
            except Exception:
                if has_begun and call.method.is_rest:
                    await call.context.write(_UNREADABLE)
                raise

    async def _stream(self, admit: Step, behaviour: Any, call: Call, raws: Any) -> Any:
        """Give the method each message when it is admitted: a key can be revoked meanwhile."""
        requests = (await admit(call, raw) async for raw in raws)
        if not call.method.streams_responses:
            return await behaviour(requests, call.context)
        async with aclosing(behaviour(requests, call.context)) as responses:
            async for response in responses:
                await call.context.write(response)
        return None

    def _handler(self, method: Method, path: Step) -> Any:
        async def handle(raws: AsyncIterator[bytes], context: Context) -> Any:
            return await path(Call(method, context), raws)

        if method.streams_responses:
            make = grpc.stream_stream_rpc_method_handler
        else:
            make = grpc.stream_unary_rpc_method_handler
        return make(handle, response_serializer=_serialize)


async def _answer(behaviour: Any, call: Call, request: Any) -> Any:
    return await behaviour(request, call.context)


async def _request(_: Call, request: Any) -> Any:
    """The end of a path of which the request is wanted."""
    return request

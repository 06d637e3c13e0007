"""The path of a call: from gRPC through its steps to the method of a service.

One message and a response, one message and many, a stream and a response, two streams: each kind
takes the same steps. gRPC hands over all of them as streams of bytes, so that the key is known
before a message is taken, and a call without a message gets an answer.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from functools import partial
from operator import methodcaller
from typing import Any, TypeAlias

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from sessions.api.call import Call, Context
from sessions.api.call_metrics import measure_call
from sessions.api.call_tracing import call_span
from sessions.api.key_limits import KeyLimits
from sessions.api.links import link_next_page
from sessions.api.methods import UNKNOWN, Method
from sessions.api.positions import at_position, position_header
from sessions.api.requests import decode
from sessions.api.statuses import naming_batch
from sessions.api.steps import (
    answer_error,
    check_key_scope,
    check_method,
    check_request_website,
    log_call,
    receive,
)
from sessions.storage.replicas import Replicas, repeated
from sessions.usecases.authenticate import Authenticate
from sessions.usecases.limit_keys import LimitKeys

Raws: TypeAlias = AsyncIterator[bytes]
Respond: TypeAlias = Callable[[Call, Raws], Awaitable[Any]]
"""What a kind of call does once its key is known."""

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
    """The methods of all services, each behind its steps, and an answer for any other.

    Args:
        services: their descriptors and what implements them, with one method for each of the
            descriptor's.
        authenticate: finds the key of a call.
        limit_keys: enforces the limits of the key.
        timeout: seconds that a call may take; some methods have more.
        trusted_proxies: how many proxies a call passes before the gateway.
        rest: services, and what implements those of their methods that print answers for REST;
            streams get the call in place of gRPC's context.
        replicas: where calls can read.
    """

    def __init__(
        self,
        services: Iterable[tuple[ServiceDescriptor, object]],
        authenticate: Authenticate,
        limit_keys: LimitKeys,
        timeout: float,
        trusted_proxies: int = 0,
        rest: Iterable[tuple[ServiceDescriptor, object]] = (),
        replicas: Replicas | None = None,
    ) -> None:
        self._replicas = replicas
        self._authenticate = authenticate
        self._limits = KeyLimits(limit_keys)
        self._timeout = timeout
        self._trusted_proxies = trusted_proxies
        self._unknown = self._handler(UNKNOWN, _nothing)
        methods = [
            (Method.of(descriptor), getattr(servicer, descriptor.name))
            for service, servicer in services
            for descriptor in service.methods
        ]
        methods += [
            (Method.of(descriptor).over_rest(), getattr(servicer, descriptor.name))
            for service, servicer in rest
            for descriptor in service.methods
            if hasattr(servicer, descriptor.name)
        ]
        self._handlers = {
            method.called_path: self._handler(method, partial(self._kind(method), behaviour))
            for method, behaviour in methods
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The handler of a call."""
        return self._handlers.get(handler_call_details.method, self._unknown)

    def _kind(self, method: Method) -> Callable[..., Awaitable[Any]]:
        if method.streams_requests:
            return self._collect
        return self._respond if method.streams_responses else self._answer

    def _handler(self, method: Method, respond: Respond) -> Any:
        async def handle(raws: Raws, context: Context) -> Any:
            call = Call(method, context)
            with call_span(call):
                return await self._handle(call, respond, raws)

        if method.streams_responses:
            make = grpc.stream_stream_rpc_method_handler
        else:
            make = grpc.stream_unary_rpc_method_handler
        return make(handle, response_serializer=_serialize)

    async def _handle(self, call: Call, respond: Respond, raws: Raws) -> Any:
        """Answer a call, also where something goes wrong, and log it."""
        try:
            await self._admit(call)
            with self._limits.admit(call), at_position(self._replicas, call):
                response = await respond(call, raws)
            call.code = grpc.StatusCode.OK
            return response
        except grpc.aio.BaseError:
            raise  # gRPC's own: the caller has gone, or the server stops
        except Exception as error:
            await answer_error(call, error)
        finally:
            # Also for a call that was cancelled.
            log_call(call)
            measure_call(call)

    async def _admit(self, call: Call) -> None:
        """Find the key of a call: shape and checksum first, then the database."""
        address = call.address(self._trusted_proxies)
        call.key = await self._authenticate(call.header("authorization"), address)
        check_method(call)
        check_key_scope(call)

    async def _answer(self, behaviour: Any, call: Call, _: Raws) -> Any:
        """One message, one response."""
        raw = await receive(call)
        async with call.deadline(self._seconds(call.method)):
            request = await _request(call, raw)
            self._limits.take_events(call, request)
            response = await repeated(partial(behaviour, request, call.context))
            call.headers |= position_header()
            # Calls without pages need not pass it.
            if call.method.cursors:
                link_next_page(call, request, response)
            await call.send_headers()
            return response

    async def _respond(self, behaviour: Any, call: Call, _: Raws) -> None:
        """One message, a response after the other: each made in time; sending waits."""
        request = await _request(call, await receive(call))
        known = call if call.method.is_rest else call.context
        # Ends the generator of the service also when the caller goes away.
        async with aclosing(behaviour(request, known)) as responses:
            await self._send(call, responses)

    async def _send(self, call: Call, responses: AsyncIterator[Any]) -> None:
        has_begun = False
        try:
            while True:
                async with call.deadline(self._seconds(call.method)):
                    # A key can be revoked while a stream lives.
                    await self._admit(call)
                    response = await anext(responses, _END)
                if not has_begun:
                    await call.send_headers()
                if response is _END:
                    return
                await call.context.write(response)
                has_begun = True
        except Exception:
            if has_begun and call.method.is_rest:
                await call.context.write(_UNREADABLE)
            raise

    async def _collect(self, behaviour: Any, call: Call, raws: Raws) -> Any:
        """A stream of messages, of which the method gets each when it is admitted."""
        await call.send_headers()
        requests = (await self._streamed(call, raw) async for raw in raws)
        if not call.method.streams_responses:
            return await behaviour(requests, call.context)
        async with aclosing(behaviour(requests, call.context)) as responses:
            async for response in responses:
                await call.context.write(response)
        # The headers went out before.
        call.context.set_trailing_metadata(tuple(position_header().items()))
        return None

    async def _streamed(self, call: Call, raw: bytes) -> Message:
        """A message of a stream: a key can be revoked in between."""
        await self._admit(call)
        request = await decode(call.method, raw)
        with naming_batch(request):
            check_request_website(call, request)
            self._limits.take_call(call)
            self._limits.take_events(call, request)
        return request

    def _seconds(self, method: Method) -> float:
        """What a call of a method has: what the method says, or the setting if that is more."""
        return max(self._timeout, method.timeout)


async def _request(call: Call, raw: bytes) -> Message:
    """The message of a call that sends one."""
    request = await decode(call.method, raw)
    check_request_website(call, request)
    return request


async def _nothing(_: Call, __: Raws) -> None:
    """Of a method that does not exist: its calls are refused before."""

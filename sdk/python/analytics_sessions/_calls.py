"""The API's methods, and when a call of one is made again."""

import asyncio
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from threading import Lock
from typing import Any, NamedTuple
from uuid import uuid4

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message_factory import GetMessageClass
from grpc import RpcError, StatusCode, aio

from analytics_sessions._connection import seconds, visible
from analytics_sessions.errors import SessionsError, error_of
from analytics_sessions.v1 import (
    analysis_service_pb2,
    event_service_pb2,
    session_service_pb2,
    visitor_service_pb2,
)
from analytics_sessions.v1.options_pb2 import method_policy

_FILES = (session_service_pb2, analysis_service_pb2, event_service_pb2, visitor_service_pb2)
FAILURES = (RpcError, ValueError, aio.UsageError, asyncio.CancelledError)
"""What an attempt may raise; all but the first only where the client was closed."""

_POSITION = "x-sessions-position"
_TIMEOUT = 10.0
_WITH_IDS = {"RecordEvents", "StreamEvents"}
"""Not idempotent as such, but the events that this client sends have ids."""


class Method(NamedTuple):
    """A method of the API on a channel."""

    name: str
    call: Any
    timeout: float
    is_repeatable: bool
    """Whether doing it twice is doing it once, so that it is safe when its answer was lost."""
    is_stream: bool
    """Whether it answers one request with a stream, which goes on where it broke off."""


class EndedEarly(RpcError):  # type: ignore[misc]
    """A stream ended without its last message."""

    def code(self) -> StatusCode:
        """As where a connection is lost."""
        return StatusCode.UNAVAILABLE

    def details(self) -> str:
        """For people."""
        return "the stream ended before its last message"

    def initial_metadata(self) -> None:
        """There is none."""

    trailing_metadata = initial_metadata


def methods(channel: Any) -> dict[str, Method]:
    """All methods of the API, by name."""
    services = (each for file in _FILES for each in file.DESCRIPTOR.services_by_name.values())
    return {method.name: _method(channel, method) for each in services for method in each.methods}


def _method(channel: Any, method: MethodDescriptor) -> Method:
    name, options = method.name, method.GetOptions()
    is_stream = method.server_streaming and not method.client_streaming
    both = channel.stream_stream if method.client_streaming else channel.unary_unary
    kind = channel.unary_stream if is_stream else both
    timeout = max(_TIMEOUT, options.Extensions[method_policy].timeout_seconds)
    is_idempotent = options.idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN
    call = kind(
        f"/{method.containing_service.full_name}/{name}",
        request_serializer=GetMessageClass(method.input_type).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    return Method(name, call, timeout, is_idempotent or name in _WITH_IDS, is_stream)


@dataclass(frozen=True)
class Settings:
    """How calls are made; checked when made."""

    key: str = field(repr=False)
    timeout: float | None
    retry: float
    request_id: str | None = None

    def __post_init__(self) -> None:
        visible(self.key, "key")
        seconds(self.retry, "retry", zero=True)
        if self.timeout is not None:
            seconds(self.timeout, "timeout", zero=False)
        if self.request_id is not None:
            visible(self.request_id, "request_id")

    def changed(self, **changes: Any) -> "Settings":
        """The same but for those that are not None."""
        return replace(self, **{name: to for name, to in changes.items() if to is not None})


# What grpc.aio says of a stream that ended while a message was written to it.
_ENDED_WHILE_WRITING = "Internal error from Core"


class Position:
    """The position of what a client has recorded: its later calls read from there on, or later."""

    def __init__(self) -> None:
        self._lock, self._known = Lock(), ""

    @property
    def metadata(self) -> list[tuple[str, str]]:
        """What calls say of it."""
        return [(_POSITION, self._known)] if self._known else []

    def note(self, metadata: Iterable[tuple[str, str | bytes]] | None) -> None:
        """Take what an answer says; the highest counts."""
        with self._lock:
            told = (str(value) for name, value in metadata or () if name == _POSITION)
            self._known = max(self._known, *told, "")


class Attempts:
    """The attempts of one call: what each is made with, and what comes after a failure."""

    def __init__(
        self, settings: Settings, method: Method, closing: list[bool], position: Position
    ) -> None:
        self._method, self._closing = method, closing
        self._retry, self._request_id = settings.retry, settings.request_id or str(uuid4())
        metadata = [
            ("authorization", f"Bearer {settings.key}"),
            ("x-request-id", self._request_id),
            *position.metadata,
        ]
        self.stream_options: Any = {"metadata": metadata}
        self.options: Any = self.stream_options | {"timeout": settings.timeout or method.timeout}
        self.begin(0)

    def begin(self, accepted: int) -> None:
        """Begin a first attempt, when so many events are recorded."""
        self._accepted = accepted
        self._end, self._pauses = time.monotonic() + self._retry, backoff()

    def pause_after(self, failure: BaseException) -> float:
        """Seconds to wait before the next attempt; raises the error if there is to be none."""
        if self._closing:
            raise self._closed() from failure
        if not isinstance(failure, RpcError):
            raise failure
        error = error_of(failure, self._accepted, self._request_id)
        pause = (error.retry_seconds or next(self._pauses)) * random.uniform(1, 1.5)  # noqa: S311
        if not self._is_curable(error) or time.monotonic() + pause >= self._end:
            raise error from failure
        return pause

    def _closed(self) -> SessionsError:
        error = SessionsError(StatusCode.CANCELLED, "the client is closed")
        error.request_id, error.accepted = self._request_id, self._accepted
        return error

    def _is_curable(self, error: SessionsError) -> bool:
        if error.code is StatusCode.RESOURCE_EXHAUSTED:  # a limit of calls, which comes back
            return error.retry_seconds is not None
        is_lost = error.code in (StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED)
        # What gRPC makes of a stream that is reset; the server's own INTERNAL has a reason.
        is_reset = error.code is StatusCode.INTERNAL and not error.reason
        is_broken = is_reset and (self._method.is_stream or error.message == _ENDED_WHILE_WRITING)
        return (is_lost or is_broken) and self._method.is_repeatable


def backoff() -> Iterator[float]:
    """Seconds to wait after each attempt, where the server names none."""
    return chain((0.1, 0.2, 0.4, 0.8, 1.6), repeat(2.0))

"""What is true of a method: read from the protos, where it is stated once.

The options are those of `protos/analytics/sessions/v1/options.proto`.
"""

from dataclasses import dataclass, replace
from typing import Any

from analytics_sessions.v1 import options_pb2
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from sessions.api.wire import Bound, Bounds
from sessions.domain.api_keys import Scope
from sessions.domain.key_limits import KeyLimit

# protoc's stubs do not know what an extension holds.
_POLICY: Any = options_pb2.method_policy
_MAX_ITEMS: Any = options_pb2.max_items
_MAX_ITEM_BYTES: Any = options_pb2.max_item_bytes


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the API and what the service asks of its calls.

    `timeout` is in seconds and 0 where only the service's setting counts; `bounds` are those of
    the request's repeated fields; `is_rest` tells that the responses are text for REST, one answer
    or the pieces of one; `cursors` has the cursor
    of a response with the parameter that it is for, such as `next_cursor` and `cursor`;
    `concurrency` is the limit of a key that counts its calls while they run; `has_events` tells
    that events of the request count.
    """

    path: str
    scope: Scope
    timeout: float
    max_bytes: int
    bounds: Bounds
    streams_requests: bool
    streams_responses: bool
    is_rest: bool
    request: type[Message]
    cursors: tuple[tuple[str, str], ...]
    concurrency: KeyLimit | None
    has_events: bool

    @classmethod
    def of(cls, descriptor: MethodDescriptor) -> "Method":
        """The method of a descriptor.

        Raises:
            ValueError: its policy is not complete.
        """
        policy = descriptor.GetOptions().Extensions[_POLICY]
        if not policy.max_request_bytes:
            raise ValueError(f"{descriptor.full_name} has no max_request_bytes")
        return cls(
            path="/{0}/{2}".format(*descriptor.full_name.rpartition(".")),
            scope=Scope(policy.scope),
            timeout=policy.timeout_seconds,
            max_bytes=policy.max_request_bytes,
            bounds=_bounds(descriptor.input_type),
            streams_requests=descriptor.client_streaming,
            streams_responses=descriptor.server_streaming,
            is_rest=False,
            request=GetMessageClass(descriptor.input_type),
            cursors=_cursors(descriptor),
            concurrency=KeyLimit.of(policy.concurrency_limit),
            has_events="events" in descriptor.input_type.fields_by_name,
        )

    def over_rest(self) -> "Method":
        """The same method, as Envoy calls it to get text; see `tools/rest_descriptors.py`."""
        return replace(self, is_rest=True)

    @property
    def called_path(self) -> str:
        """The path of its calls; `path` is what logs and metrics say, over REST too."""
        return (
            self.path.replace(".sessions.v1.", ".sessions.rest.v1.") if self.is_rest else self.path
        )


UNKNOWN = Method(
    "unknown", Scope.SESSIONS_READ, 0, 0, {}, False, False, False, Message, (), None, False
)
"""Stands for any method that the API does not have."""


def _bounds(request: Descriptor) -> dict[int, Bound]:
    options = ((field.number, field.GetOptions()) for field in request.fields)
    return {
        number: Bound(option.Extensions[_MAX_ITEMS], option.Extensions[_MAX_ITEM_BYTES])
        for number, option in options
        if option.HasExtension(_MAX_ITEMS)
    }


def _cursors(descriptor: MethodDescriptor) -> tuple[tuple[str, str], ...]:
    names = (field.name for field in descriptor.output_type.fields)
    # next_cursor belongs to cursor, next_events_cursor to events_cursor.
    pairs = ((name, name.removeprefix("next_")) for name in names if name.startswith("next_"))
    parameters = descriptor.input_type.fields_by_name
    return tuple(pair for pair in pairs if pair[1] in parameters)

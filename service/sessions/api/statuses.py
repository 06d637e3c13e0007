"""From errors of the domain to gRPC statuses with `google.rpc` details.

What belongs to a reason stands in the protos. The rules are those of AIP-193: ErrorInfo always,
BadRequest where fields are wrong, RetryInfo where trying again can help.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from analytics_sessions.v1 import options_pb2
from analytics_sessions.v1.error_reason_pb2 import ErrorReason
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from sessions.domain.errors import (
    DeadlineExceeded,
    DomainError,
    InvalidArgument,
    LimitExceeded,
    Reason,
    Unavailable,
)

DOMAIN = "analytics.sessions.v1"

# Of violations: gRPC clients refuse trailers over 8 KiB by default.
_MOST_BYTES = 4_000

_ERROR: Any = options_pb2.error  # protoc's stubs do not know what an extension holds
_DEFINITIONS = {
    value.name: value.GetOptions().Extensions[_ERROR] for value in ErrorReason.DESCRIPTOR.values
}


def domain_error(error: Exception) -> DomainError:
    """The error that a caller sees: INTERNAL, and nothing more, for one that nobody foresaw."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, TimeoutError):
        return DeadlineExceeded()
    return DomainError(Reason.INTERNAL)


@contextmanager
def naming_batch(request: Message) -> Iterator[None]:
    """Let an error name the batch of a stream that it is about."""
    try:
        yield
    except (DomainError, TimeoutError) as error:
        failure = domain_error(error)
        if hasattr(request, "batch"):
            failure = failure.with_metadata(batch=str(request.batch))
        raise failure from error


def code_of(error: DomainError) -> grpc.StatusCode:
    """The gRPC code of an error."""
    definition = _DEFINITIONS[error.reason]
    return grpc.StatusCode[definition.grpc_code or definition.code]


def status_of(error: DomainError) -> Status:
    """The status that travels in `grpc-status-details-bin`."""
    number: int = code_of(error).value[0]
    return Status(code=number, message=error.message, details=map(_packed, _details(error)))


def _details(error: DomainError) -> Iterable[Message]:
    # AIP-193: always there, and first.
    yield ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    if isinstance(error, InvalidArgument):
        yield BadRequest(field_violations=_violations(error))
    if seconds := _retry_seconds(error):
        delay = Duration()
        # Upwards: who comes a moment too early has to wait again.
        delay.FromMilliseconds(math.ceil(seconds * 1000))
        yield RetryInfo(retry_delay=delay)


def _retry_seconds(error: DomainError) -> float:
    known = error.retry_after if isinstance(error, Unavailable | LimitExceeded) else None
    # The protos say how long to wait, unless the error knows better.
    usual: int = _DEFINITIONS[error.reason].retry_seconds
    return usual if known is None else known


def _violations(error: InvalidArgument) -> Iterable[BadRequest.FieldViolation]:
    """As many as the trailers of a call can carry; the message tells how many there are."""
    size = 0
    for wrong in error.violations:
        violation = BadRequest.FieldViolation(field=wrong.field, description=wrong.description)
        size += violation.ByteSize()
        if size > _MOST_BYTES:
            return
        yield violation


def _packed(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed

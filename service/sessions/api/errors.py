"""From errors of the domain to gRPC statuses with `google.rpc` details: one table.

The rules are those of AIP-193: ErrorInfo always, BadRequest where fields are
wrong, RetryInfo where trying again can help.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from sessions.domain import errors
from sessions.domain.errors import DomainError, Reason

DOMAIN = "analytics.sessions.v1"

_MOST_BYTES = 4_000
"""Of violations: gRPC clients refuse trailers over 8 KiB by default."""

CODES: dict[type[DomainError], grpc.StatusCode] = {
    errors.InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.Unimplemented: grpc.StatusCode.UNIMPLEMENTED,
}


def domain_error(error: Exception) -> DomainError:
    """What a caller is told of an error; of one that nobody foresaw, nothing but that."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, TimeoutError):
        return errors.DeadlineExceeded("the call took longer than it may", Reason.DEADLINE_EXCEEDED)
    return DomainError("internal error", Reason.INTERNAL)


@contextmanager
def naming_batch(request: Message) -> Iterator[None]:
    """Let an error name the batch of a stream that it is about."""
    try:
        yield
    except (DomainError, TimeoutError) as error:
        told = domain_error(error)
        if hasattr(request, "batch"):
            told.metadata = {"batch": str(request.batch)}
        raise told from error


def code_of(error: DomainError) -> grpc.StatusCode:
    """The gRPC code of an error; INTERNAL for one that has none of its own."""
    found = (CODES[kind] for kind in type(error).__mro__ if kind in CODES)
    return next(found, grpc.StatusCode.INTERNAL)


def status_of(error: DomainError) -> Status:
    """The status that travels in `grpc-status-details-bin`."""
    number: int = code_of(error).value[0]
    return Status(code=number, message=error.message, details=map(_packed, _details(error)))


def _details(error: DomainError) -> Iterable[Message]:
    yield ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    if isinstance(error, errors.InvalidArgument):
        yield BadRequest(field_violations=_violations(error))
    if isinstance(error, errors.Unavailable):
        delay = Duration()
        delay.FromMilliseconds(int(error.retry_after * 1000))
        yield RetryInfo(retry_delay=delay)


def _violations(error: errors.InvalidArgument) -> Iterable[BadRequest.FieldViolation]:
    """As many as the trailers of a call can carry; the message tells how many there are."""
    size = 0
    for wrong in error.violations:
        violation = BadRequest.FieldViolation(field=wrong.field, description=wrong.description)
        size += violation.ByteSize()
        if size > _MOST_BYTES:
            return
        yield violation


def _packed(message: Message) -> Any:
    packed = Any()
    packed.Pack(message)
    return packed

"""What a call that failed raises: SessionsError, or the class below it that fits."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode


class FieldViolation(NamedTuple):
    """A field of the request that is wrong, such as `events[3].url`, and what is wrong."""

    field: str
    description: str


@dataclass(eq=False)
class SessionsError(Exception):
    """A call failed for good; a code that has no class of its own raises this one.

    Attributes:
        code: The gRPC code.
        message: What went wrong, for people.
        reason: A name of ErrorReason, for programs; empty where the server gave none.
        fields: The fields that are wrong.
        request_id: Names the call in the server's log, as the client sent it.
        retry_seconds: When the server said so: after how many seconds trying again may help.
        accepted: Of `record` and `stream`: how many events, from the first one on, are recorded.
    """

    code: StatusCode
    message: str
    reason: str = ""
    fields: tuple[FieldViolation, ...] = ()
    request_id: str = ""
    retry_seconds: float | None = None
    accepted: int = 0

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}"


class InvalidArgument(SessionsError):
    """The request is wrong; `fields` says where."""


class Unauthenticated(SessionsError):
    """The key is missing, unknown, expired or revoked."""


class PermissionDenied(SessionsError):
    """The key may not make this call, or is for another website."""


class NotFound(SessionsError):
    """There is no such website, or no such session."""


class ResourceExhausted(SessionsError):
    """The request is too large, or a limit is reached; `retry_seconds` says until when."""


class Unavailable(SessionsError):
    """No server could answer for as long as the client tries."""


class DeadlineExceeded(SessionsError):
    """No answer came in time. A batch of events may have been recorded all the same."""


_CLASSES = {kind.__name__: kind for kind in SessionsError.__subclasses__()}  # named as their codes


def error_of(failure: Any, accepted: int = 0, request_id: str = "") -> SessionsError:
    """The error that a grpc.RpcError stands for, with the details from its metadata."""
    metadata = dict(failure.initial_metadata() or ()) | dict(failure.trailing_metadata() or ())
    info, request, retry = ErrorInfo(), BadRequest(), RetryInfo()
    for detail in Status.FromString(metadata.get("grpc-status-details-bin", b"")).details:
        _ = detail.Unpack(info) or detail.Unpack(request) or detail.Unpack(retry)
    return _CLASSES.get(failure.code().name.title().replace("_", ""), SessionsError)(
        failure.code(),
        failure.details() or "",
        info.reason,
        tuple(FieldViolation(each.field, each.description) for each in request.field_violations),
        metadata.get("x-request-id", request_id),
        retry.retry_delay.ToTimedelta().total_seconds() if retry.HasField("retry_delay") else None,
        accepted,
    )

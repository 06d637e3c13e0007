"""What Envoy answers by itself, in the API's own words.

Each answer is made with the protobuf messages of a worker's errors, once as
JSON for REST and once as bytes for gRPC, so that a caller sees one shape
wherever an error comes from. `errors.lua` puts them in place.
"""

import base64
import json
from dataclasses import dataclass, replace

from analytics_sessions.v1 import error_reason_pb2 as reasons
from analytics_sessions.v1.error_reason_pb2 import ErrorReason
from google.protobuf.json_format import MessageToDict
from google.rpc import code_pb2, status_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo

_DOMAIN = "analytics.sessions.v1"


@dataclass(frozen=True)
class EdgeError:
    """One answer of Envoy's own.

    Attributes:
        code: Its number in `google.rpc.Code`.
        reason: Its reason in the catalogue.
        message: What the caller reads.
        grpc_code: The number for gRPC callers, where it is another one.
        retry_seconds: When to try again, if that can help.
    """

    code: int
    reason: ErrorReason
    message: str
    grpc_code: int | None = None
    retry_seconds: int = 0

    def status(self) -> status_pb2.Status:
        """Returns the error as the message that gRPC and REST answers are made of."""
        status = status_pb2.Status(code=self.code, message=self.message)
        info = ErrorInfo(reason=ErrorReason.Name(self.reason), domain=_DOMAIN)
        status.details.add().Pack(info)
        if self.retry_seconds:
            retry = RetryInfo()
            retry.retry_delay.FromSeconds(self.retry_seconds)
            status.details.add().Pack(retry)
        return status


def edge_errors(request_timeout: float) -> dict[int, EdgeError]:
    """Returns Envoy's own answers by their HTTP status."""
    return {
        400: EdgeError(
            code_pb2.INVALID_ARGUMENT,
            reasons.ERROR_REASON_MALFORMED_REQUEST,
            "the request can't be read",
        ),
        401: EdgeError(
            code_pb2.UNAUTHENTICATED,
            reasons.ERROR_REASON_CREDENTIALS_MISSING,
            'send "Authorization: Bearer <key>"',
        ),
        404: EdgeError(
            code_pb2.NOT_FOUND,
            reasons.ERROR_REASON_ROUTE_NOT_FOUND,
            "there is nothing at this path with this verb",
            grpc_code=code_pb2.UNIMPLEMENTED,
        ),
        408: EdgeError(
            code_pb2.DEADLINE_EXCEEDED,
            reasons.ERROR_REASON_REQUEST_TIMEOUT,
            "the request took too long to arrive",
        ),
        413: EdgeError(
            code_pb2.RESOURCE_EXHAUSTED,
            reasons.ERROR_REASON_REQUEST_TOO_LARGE,
            "the request is larger than 4 MiB",
        ),
        431: EdgeError(
            code_pb2.RESOURCE_EXHAUSTED,
            reasons.ERROR_REASON_HEADERS_TOO_LARGE,
            "the headers are larger than 32 KiB or more than 100",
        ),
        500: EdgeError(code_pb2.INTERNAL, reasons.ERROR_REASON_INTERNAL, "internal error"),
        503: EdgeError(
            code_pb2.UNAVAILABLE,
            reasons.ERROR_REASON_SERVICE_UNAVAILABLE,
            "the service is unavailable, try again",
            retry_seconds=1,
        ),
        504: EdgeError(
            code_pb2.DEADLINE_EXCEEDED,
            reasons.ERROR_REASON_DEADLINE_EXCEEDED,
            f"the call took longer than {request_timeout:g} seconds",
        ),
    }


def lua_tables(request_timeout: float) -> str:
    """Returns the constants that `errors.lua` starts from, as Lua source."""
    errors = edge_errors(request_timeout)
    rows = "".join(f"  [{http}] = {_lua_row(error)},\n" for http, error in errors.items())
    malformed = replace(errors[400], message="@description@").status()
    invalid_field = replace(errors[400], message="@field@: @description@").status()
    violation = BadRequest.FieldViolation(field="@field@", description="@description@")
    invalid_field.details.add().Pack(BadRequest(field_violations=[violation]))
    return (
        f"local ERRORS = {{\n{rows}}}\n"
        "-- Lua puts the caller's words where the @ are.\n"
        f"local MALFORMED = {_lua_text(_rest_body(malformed))}\n"
        f"local INVALID_FIELD = {_lua_text(_rest_body(invalid_field))}\n"
    )


def _lua_row(error: EdgeError) -> str:
    grpc = replace(error, code=error.grpc_code or error.code).status()
    details = base64.b64encode(grpc.SerializeToString()).decode()
    return (
        f"{{body = {_lua_text(_rest_body(error.status()))}, grpc_status = {grpc.code}, "
        f"message = {_lua_text(error.message)}, details = {_lua_text(details)}}}"
    )


def _rest_body(status: status_pb2.Status) -> str:
    """The JSON of an error, with the fields and names that Envoy gives a worker's errors."""
    body = MessageToDict(
        status, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return json.dumps(body, separators=(",", ":"))


def _lua_text(text: str) -> str:
    """A Lua string: for ASCII text that is the same as a JSON string."""
    return json.dumps(text)

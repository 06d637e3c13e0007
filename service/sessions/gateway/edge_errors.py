"""What Envoy answers by itself: the errors of the protos that no worker makes.

Each answer is made with the protobuf messages of a worker's errors, once as
JSON for REST and once as bytes for gRPC, so that a caller sees one shape
wherever an error comes from. `errors.lua` puts them in place.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from analytics_sessions.v1 import error_reason_pb2 as reasons
from analytics_sessions.v1 import options_pb2
from analytics_sessions.v1.error_reason_pb2 import ErrorReason
from google.protobuf.json_format import MessageToDict
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from sessions.gateway.contract import Contract

MAX_HEADER_BYTES = 131_072
"""Bytes of all headers of a request and its path: 100 long values of a filter have to fit."""
MAX_HEADERS = 100
"""Headers of a request, not counting those that proxies add."""

_DOMAIN = "analytics.sessions.v1"
_UNREADABLE = {"field": "request", "description": "can't be read"}
# Where errors.lua puts a caller's words.
_SUBSTITUTED = {"field": "@field@", "description": "@description@"}


def error_tables(contract: Contract) -> Mapping[str, Any]:
    """Returns what `errors.lua` knows of errors, by the names that it uses."""
    answers = dict(_answer(*each) for each in _edge_errors(contract))
    invalid = _status(reasons.ERROR_REASON_MALFORMED_REQUEST, _SUBSTITUTED)
    return {
        "ERRORS": answers,
        "INVALID": _rest_body(invalid),
        "HTTP_STATUS": {
            name: _definition(number).http_status
            for name, number in ErrorReason.items()
            if _definition(number).code == "RESOURCE_EXHAUSTED"
        },
    }


def rest_body(contract: Contract, status: int) -> str:
    """The JSON of the error that Envoy gives by itself with an HTTP status."""
    body: str = error_tables(contract)["ERRORS"][status]["body"]
    return body


def _edge_errors(contract: Contract) -> list[tuple[ErrorReason, Mapping[str, object]]]:
    """The reasons that Envoy gives by itself, one for each HTTP status, with their metadata."""
    headers = {"max_bytes": MAX_HEADER_BYTES, "max_count": MAX_HEADERS}
    return [
        (reasons.ERROR_REASON_MALFORMED_REQUEST, _UNREADABLE),
        (reasons.ERROR_REASON_CREDENTIALS_MISSING, {}),
        (reasons.ERROR_REASON_ROUTE_NOT_FOUND, {}),
        (reasons.ERROR_REASON_REQUEST_TIMEOUT, {}),
        (reasons.ERROR_REASON_REQUEST_TOO_LARGE, {"limit": contract.max_request_bytes}),
        (reasons.ERROR_REASON_HEADERS_TOO_LARGE, headers),
        (reasons.ERROR_REASON_INTERNAL, {}),
        (reasons.ERROR_REASON_SERVICE_UNAVAILABLE, {}),
        (reasons.ERROR_REASON_DEADLINE_EXCEEDED, {}),
    ]


def _answer(
    reason: ErrorReason, metadata: Mapping[str, object]
) -> tuple[int, Mapping[str, object]]:
    """An error's HTTP status, and the answer in both protocols."""
    rest = _status(reason, metadata)
    # A copy, because its code can differ.
    grpc = Status.FromString(rest.SerializeToString())
    if reason == reasons.ERROR_REASON_ROUTE_NOT_FOUND:
        grpc.code = code_pb2.UNIMPLEMENTED  # gRPC's own code for a method that is not there
    return _definition(reason).http_status, {
        "body": _rest_body(rest),
        "grpc_status": str(grpc.code),
        "message": grpc.message,
        "details": base64.b64encode(grpc.SerializeToString()).decode(),
    }


def _definition(reason: int) -> options_pb2.ErrorDefinition:
    value = ErrorReason.DESCRIPTOR.values_by_number[reason]
    return value.GetOptions().Extensions[options_pb2.error]  # type: ignore[index]


def _status(reason: ErrorReason, metadata: Mapping[str, object]) -> Status:
    """The error as the message that gRPC and REST answers are made of."""
    definition = _definition(reason)
    texts = {name: str(value) for name, value in metadata.items()}
    status = Status(
        code=code_pb2.Code.Value(definition.code), message=definition.message.format_map(texts)
    )
    info = ErrorInfo(reason=ErrorReason.Name(reason), domain=_DOMAIN, metadata=texts)
    status.details.add().Pack(info)
    if "field" in texts:
        violation = BadRequest.FieldViolation(
            field=texts["field"], description=texts["description"]
        )
        status.details.add().Pack(BadRequest(field_violations=[violation]))
    if definition.retry_seconds:
        retry = RetryInfo()
        retry.retry_delay.FromSeconds(definition.retry_seconds)
        status.details.add().Pack(retry)
    return status


def _rest_body(status: Status) -> str:
    """The JSON of an error, with the fields and names that Envoy gives a worker's errors."""
    body = MessageToDict(
        status, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return json.dumps(body, separators=(",", ":"))

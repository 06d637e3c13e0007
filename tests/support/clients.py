"""The two ways to call the service, REST and gRPC, with answers and errors in one form.

What a test says about an error holds for both ways; `Failure` also checks the shape that every
error must have, whoever made it.
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit

import grpc
from analytics_sessions.v1 import error_reason_pb2, session_service_pb2
from google.protobuf.json_format import MessageToDict, ParseDict
from google.rpc import code_pb2, error_details_pb2
from grpc_status import rpc_status

from tests.support.stack import Reply, Stack, metadata

HTTP_STATUSES = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "UNIMPLEMENTED": 404,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""The HTTP status that belongs to each code that a caller can meet."""

DETAILS = {
    f"type.googleapis.com/google.rpc.{kind.DESCRIPTOR.name}": kind.DESCRIPTOR.name
    for kind in (
        error_details_pb2.ErrorInfo,
        error_details_pb2.BadRequest,
        error_details_pb2.RetryInfo,
    )
}

_REASONS = [value.name for value in error_reason_pb2.ErrorReason.DESCRIPTOR.values[1:]]

_INTERNAL = re.compile(
    r"traceback|exception|[a-z](Error|Timeout)\b|psycopg|postgres|\bsql|\bSELECT\b|\bFROM\b"
    r"|grpc|envoy|upstream|TYPE_|protobuf|_pb2|python|asyncio|\.py\b|line \d+",
)
"""What a caller must never read."""

_ID = re.compile(r"\b(site|sess)_\w+")
"""An id, in which chance may put any of these words."""

Query = Mapping[str, Any]


@dataclass(frozen=True)
class Failure:
    """An error as its caller sees it, the same over REST and gRPC."""

    code: str
    message: str
    reason: str
    fields: Sequence[str] = ()
    retry_seconds: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, status: Mapping[str, Any]) -> "Failure":
        """Reads a `google.rpc.Status` as JSON, and checks all that is true of every error."""
        assert set(status) == {"code", "message", "details"}, status
        details: dict[str, Mapping[str, Any]] = {}
        for detail in status["details"]:
            name = DETAILS[detail["@type"]]
            assert name not in details, status
            details[name] = detail
        info = details["ErrorInfo"]
        assert info["domain"] == "analytics.sessions.v1"
        assert info["reason"] in _REASONS
        violations = details.get("BadRequest", {}).get("field_violations", ())
        for text in (status["message"], *(each["description"] for each in violations)):
            assert text, status
            assert not _INTERNAL.search(_ID.sub("", text)), text
        retry = details.get("RetryInfo", {}).get("retry_delay")
        code = code_pb2.Code.Name(status["code"])
        is_passing = code in ("UNAVAILABLE", "RESOURCE_EXHAUSTED")
        # What is too large stays so.
        is_passing &= not info["reason"].endswith("_TOO_LARGE")
        assert (retry is not None) == is_passing, status
        return cls(
            code=code,
            message=status["message"],
            reason=info["reason"].removeprefix("ERROR_REASON_"),
            fields=[each["field"] for each in violations],
            retry_seconds=float(retry.removesuffix("s")) if retry else None,
            metadata=info.get("metadata", {}),
        )


class Refused(Exception):
    """A call failed in the way that `failure` says."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


@dataclass(frozen=True)
class Way(ABC):
    """One of the two ways; calls return the answer as JSON has it, or raise Refused."""

    stack: Stack

    @abstractmethod
    def list_sessions(
        self, website_id: str, query: Query, key: str | None, timeout: float = 30.0
    ) -> Any:
        """ListSessions, with lists for repeated parameters."""

    @abstractmethod
    def get_session(
        self, website_id: str, session_id: str, query: Query, key: str | None, timeout: float = 30.0
    ) -> Any:
        """GetSession."""

    def failure(self, website_id: str, query: Query, key: str | None) -> Failure:
        """How ListSessions fails."""
        try:
            answer = self.list_sessions(website_id, query, key)
        except Refused as error:
            return error.failure
        raise AssertionError(f"answered: {answer}")

    def session_failure(
        self, website_id: str, session_id: str, query: Query, key: str | None
    ) -> Failure:
        """How GetSession fails."""
        try:
            answer = self.get_session(website_id, session_id, query, key)
        except Refused as error:
            return error.failure
        raise AssertionError(f"answered: {answer}")

    def walk(self, website_id: str, query: Query, key: str) -> Iterator[list[dict[str, Any]]]:
        """All pages of a list."""
        cursor: str | None = ""
        while cursor is not None:
            sent = {**query, "cursor": cursor} if cursor else query
            page = self.list_sessions(website_id, sent, key)
            yield page["sessions"]
            assert page["next_cursor"] != cursor, "no way forward"
            cursor = page["next_cursor"]


class Rest(Way):
    """JSON over HTTP."""

    def list_sessions(
        self, website_id: str, query: Query, key: str | None, timeout: float = 30.0
    ) -> Any:
        """GET /api/websites/:id/sessions."""
        return self.get(f"/api/websites/{_segment(website_id)}/sessions", query, key, timeout)

    def get_session(
        self, website_id: str, session_id: str, query: Query, key: str | None, timeout: float = 30.0
    ) -> Any:
        """GET /api/websites/:id/sessions/:session_id."""
        path = f"/api/websites/{_segment(website_id)}/sessions/{_segment(session_id)}"
        return self.get(path, query, key, timeout)

    def get(self, path: str, query: Query, key: str | None, timeout: float = 30.0) -> Any:
        """Any path."""
        reply = self.stack.request(path, query, key=key, timeout=timeout)
        if reply.status == 200:
            return reply.json
        raise Refused(rest_failure(reply))


def rest_failure(reply: Reply) -> Failure:
    """The error that a response holds."""
    assert reply.headers["content-type"] == "application/json", reply
    for name in reply.headers:
        assert not name.startswith(("grpc-", "x-envoy-", "server")), reply
    failure = Failure.of(reply.json)
    assert reply.status == HTTP_STATUSES[failure.code], reply
    seconds = failure.retry_seconds
    expected = None if seconds is None else str(math.ceil(seconds))
    assert reply.headers.get("retry-after") == expected, reply
    return failure


class Grpc(Way):
    """gRPC, on the same port; one channel for all calls."""

    @cached_property
    def channel(self) -> grpc.Channel:
        """The connection, made for the first call."""
        return grpc.insecure_channel(urlsplit(self.stack.address).netloc)

    def close(self) -> None:
        """End the connection."""
        self.channel.close()

    def list_sessions(
        self, website_id: str, query: Query, key: str | None, timeout: float = 30.0
    ) -> Any:
        """ListSessions."""
        request = session_service_pb2.ListSessionsRequest(website_id=website_id)
        ParseDict(dict(query), request)
        return self.call("ListSessions", request.SerializeToString(), key, timeout)

    def get_session(
        self, website_id: str, session_id: str, query: Query, key: str | None, timeout: float = 30.0
    ) -> Any:
        """GetSession."""
        request = session_service_pb2.GetSessionRequest(
            website_id=website_id, session_id=session_id
        )
        ParseDict(dict(query), request)
        return self.call("GetSession", request.SerializeToString(), key, timeout)

    def unary_unary(self, path: str) -> "grpc.UnaryUnaryMultiCallable[bytes, bytes]":
        """A method by its path, with bytes in and bytes out."""
        return self.channel.unary_unary(path, bytes, bytes)

    def call(self, method: str, request: bytes, key: str | None, timeout: float = 30.0) -> Any:
        """Any method of SessionService, or of another service by its path, with raw bytes."""
        path = method if "/" in method else f"/analytics.sessions.v1.SessionService/{method}"
        response_type = getattr(session_service_pb2, f"{method}Response", None)
        try:
            response: bytes = self.unary_unary(path)(
                request, timeout=timeout, metadata=metadata(key) if key else ()
            )
        except grpc.RpcError as error:
            raise Refused(grpc_failure(error)) from error
        assert response_type
        return _json(response_type.FromString(response))


def grpc_failure(error: Any) -> Failure:
    """The error of a call: its code and text, and the details that travel beside them.

    An error that arises in the client has no details: its deadline passed, or nobody answered.
    """
    status = rpc_status.from_call(error)
    if status is None and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Failure("DEADLINE_EXCEEDED", error.details(), "")
    if status is None and error.code() is grpc.StatusCode.UNAVAILABLE:
        return Failure("UNREACHABLE", error.details(), "")
    assert status, error
    assert (error.code().name, error.details()) == (
        code_pb2.Code.Name(status.code),
        status.message,
    )
    return Failure.of(_json(status))


def _json(message: Any) -> Any:
    return MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _segment(text: str) -> str:
    return quote(text, safe="")

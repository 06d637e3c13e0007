"""The steps of a call, one concern each. `handlers.py` puts them in order."""

import time
import traceback
from typing import Any, NoReturn
from urllib.parse import unquote

import grpc
import structlog

from sessions.api.call import Call
from sessions.api.methods import UNKNOWN
from sessions.api.statuses import code_of, domain_error, status_of
from sessions.domain.api_keys import check_scope, check_website
from sessions.domain.errors import InvalidArgument, Reason, Unimplemented, Violation

_log = structlog.get_logger()


def log_call(call: Call) -> None:
    """Write one line for a call that has ended. No header but the request id."""
    fields = {} if call.reason is None else {"reason": call.reason}
    _log.info(
        "call",
        method=call.method.path,
        request_id=call.request_id,
        code=call.code.name,
        milliseconds=round((time.perf_counter() - call.started) * 1000, 2),
        **fields,
    )


async def answer_error(call: Call, error: Exception) -> NoReturn:
    """Answer with the status of an error, whatever it is."""
    failure = domain_error(error)
    call.code, call.reason = code_of(failure), failure.reason
    if call.code is grpc.StatusCode.INTERNAL:
        _log.exception("failed", request_id=call.request_id)
    # The frames hold the request, which can be large: not while the answer is sent.
    traceback.clear_frames(error.__traceback__)
    details = ("grpc-status-details-bin", status_of(failure).SerializeToString())
    # Nothing went out before them: to Envoy these are the headers of the answer.
    trailers = (details, *call.headers.items())
    await call.context.abort(call.code, failure.message, trailing_metadata=trailers)


def check_method(call: Call) -> None:
    """Refuse a method that does not exist, which only holders of a key learn."""
    if call.method is UNKNOWN:
        raise Unimplemented(Reason.ROUTE_NOT_FOUND)


def check_key_scope(call: Call) -> None:
    """Refuse a key that lacks the scope of the method."""
    check_scope(call.key, call.method.scope)


async def receive(call: Call) -> bytes:
    """Take the one message of a call that sends one; gRPC would wait for one that never comes."""
    raw: Any = await call.context.read()
    if raw is grpc.aio.EOF:
        violation = Violation("request", "there is no message; send one")
        raise InvalidArgument(violation, reason=Reason.MALFORMED_REQUEST)
    return raw  # type: ignore[no-any-return]


def check_request_website(call: Call, request: Any) -> None:
    """Refuse a website that the key is not for, or that a REST body puts in place of the path's."""
    check_website(call.key, request.website_id)
    in_path = call.website_in_path
    # Envoy lets a field of the body win over the one in the path.
    if in_path is not None and unquote(in_path) != request.website_id:
        text = "differs from the website in the path; leave it out of the body"
        raise InvalidArgument(Violation("website_id", text))

"""What calls pass through, one concern each. `handlers.py` puts them in order."""

import re
import time
import traceback
from collections import Counter
from typing import Any, NoReturn
from urllib.parse import unquote

import grpc
import structlog

from sessions.api.call import Call, Step
from sessions.api.methods import UNKNOWN, Method
from sessions.api.statuses import code_of, domain_error, naming_batch, status_of
from sessions.domain.api_keys import check_scope, check_website
from sessions.domain.errors import (
    DomainError,
    InvalidArgument,
    Reason,
    Unavailable,
    Unimplemented,
    Violation,
)
from sessions.usecases.authenticate import Authenticate

_REQUEST_ID = re.compile(r"[!-~]{1,128}")

_log = structlog.get_logger()


async def log_call(call: Call, request: Any, *, proceed: Step) -> Any:
    """Write one line for each call, whatever becomes of it. No header but the request id."""
    started = time.perf_counter()
    try:
        return await proceed(call, request)
    finally:
        # Also for a call that was cancelled.
        fields = {} if call.reason is None else {"reason": call.reason}
        _log.info(
            "call",
            method=call.method.path,
            request_id=_request_id(call),
            code=call.code.name,
            milliseconds=round((time.perf_counter() - started) * 1000, 2),
            **fields,
        )


def _request_id(call: Call) -> str | None:
    found = call.header("x-request-id")
    return found if found and _REQUEST_ID.fullmatch(found) else None


async def handle_errors(call: Call, request: Any, *, proceed: Step) -> Any:
    """Answer with the status of whatever error is raised."""
    try:
        response = await proceed(call, request)
    except grpc.aio.BaseError:
        raise  # gRPC's own: the caller has gone, or the server stops
    except Exception as error:
        failure = domain_error(error)
        call.code, call.reason = code_of(failure), failure.reason
        if call.code is grpc.StatusCode.INTERNAL:
            _log.exception("failed", request_id=_request_id(call))
        # The frames hold the request, which can be large: not while the answer is sent.
        traceback.clear_frames(error.__traceback__)
        await _abort(call, failure)
    call.code = grpc.StatusCode.OK
    return response


async def _abort(call: Call, error: DomainError) -> NoReturn:
    details = ("grpc-status-details-bin", status_of(error).SerializeToString())
    await call.context.abort(call.code, error.message, trailing_metadata=(details,))


class StreamsPerKey:
    """Lets a key have so many answers in many messages at once, and refuses more.

    A slow reader is waited for without limit: one caller could hold all places of a worker.
    """

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._running = Counter[str]()

    async def __call__(self, call: Call, request: Any, *, proceed: Step) -> Any:
        """Raise Unavailable where the key has as many as it may."""
        key_id = call.key.key_id
        if self._running[key_id] >= self._most:
            message = f"this key has {self._most} streams open, try again when one has ended"
            raise Unavailable(Reason.SERVICE_UNAVAILABLE, message, retry_after=5.0)
        self._running[key_id] += 1
        try:
            return await proceed(call, request)
        finally:
            self._running[key_id] -= 1
            # Without zeros, so that keys that are gone leave nothing behind.
            self._running += Counter()


class FindKey:
    """Finds the key of a call: shape and checksum first, then the database."""

    def __init__(self, authenticate: Authenticate) -> None:
        self._authenticate = authenticate

    async def __call__(self, call: Call, request: Any, *, proceed: Step) -> Any:
        """Proceeds with the key."""
        call.key = await self._authenticate(call.header("authorization"))
        return await proceed(call, request)


async def check_method(call: Call, request: Any, *, proceed: Step) -> Any:
    """Refuse a method that does not exist, which only holders of a key learn."""
    if call.method is UNKNOWN:
        raise Unimplemented(Reason.ROUTE_NOT_FOUND)
    return await proceed(call, request)


async def check_key_scope(call: Call, request: Any, *, proceed: Step) -> Any:
    """Refuse a key that lacks the scope of the method."""
    check_scope(call.key, call.method.scope)
    return await proceed(call, request)


async def receive(call: Call, requests: Any, *, proceed: Step) -> Any:
    """Take the one message of a call that sends one; gRPC would wait for one that never comes."""
    raw = await call.context.read()
    if raw is grpc.aio.EOF:
        violation = Violation("request", "there is no message; send one")
        raise InvalidArgument(violation, reason=Reason.MALFORMED_REQUEST)
    return await proceed(call, raw)


class Deadline:
    """Gives a call no more time than its method has, or the service's setting if that is more."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def of(self, method: Method) -> float:
        """The seconds that a call of a method has."""
        return max(self._seconds, method.timeout)

    async def __call__(self, call: Call, request: Any, *, proceed: Step) -> Any:
        """Raises TimeoutError when the time is over."""
        async with call.deadline(self.of(call.method)):
            return await proceed(call, request)


async def name_batch(call: Call, request: Any, *, proceed: Step) -> Any:
    """Let an error name the batch of a stream that it is about."""
    with naming_batch(request):
        return await proceed(call, request)


async def check_request_website(call: Call, request: Any, *, proceed: Step) -> Any:
    """Refuse a website that the key is not for, or that a REST body puts in place of the path's."""
    check_website(call.key, request.website_id)
    in_path = call.website_in_path
    # Envoy lets a field of the body win over the one in the path.
    if in_path is not None and unquote(in_path) != request.website_id:
        text = "differs from the website in the path; leave it out of the body"
        raise InvalidArgument(Violation("website_id", text))
    return await proceed(call, request)

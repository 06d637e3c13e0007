"""The boundary: it knows every call that the protos have, and names the batch that it refuses."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from analytics_sessions.v1 import event_service_pb2, session_service_pb2, visitor_service_pb2
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from sessions.api.boundary import SCOPES, Boundary
from sessions.domain.api_keys import ApiKey, Scope


def test_each_call_needs_a_scope() -> None:
    calls = {
        f"/{service.full_name}/{method.name}"
        for file in (session_service_pb2, event_service_pb2, visitor_service_pb2)
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert calls == set(SCOPES)


class Refused(Exception):
    """What the boundary aborts a call with."""


class Context:
    """As much of a call as the boundary looks at."""

    def invocation_metadata(self) -> None:
        return None

    async def abort(self, code: Any, message: str, trailing_metadata: Any) -> None:
        raise Refused(Status.FromString(trailing_metadata[0][1]))


async def test_a_batch_for_another_website_is_named() -> None:
    async def authenticate(_: str | None) -> ApiKey:
        now = datetime.now(UTC)
        return ApiKey("key_1", "test", list(Scope), "site_a", now, None, None, None)

    async def handle(requests: AsyncIterator[Any], _: Any) -> AsyncIterator[Any]:
        async for request in requests:
            yield request.batch

    async def continuation(_: Any) -> Any:
        deserialize = event_service_pb2.StreamEventsRequest.FromString
        return grpc.stream_stream_rpc_method_handler(handle, deserialize)

    async def messages() -> AsyncIterator[bytes]:
        for batch, website_id in ((7, "site_a"), (8, "site_b")):
            request = event_service_pb2.StreamEventsRequest(batch=batch, website_id=website_id)
            yield request.SerializeToString()

    call: Any = SimpleNamespace(method="/analytics.sessions.v1.EventService/StreamEvents")
    boundary: Any = Boundary(authenticate, 10.0)  # type: ignore[arg-type]
    stream = await boundary.intercept_service(continuation, call)
    answers = stream.stream_stream(messages(), Context())
    assert await anext(answers) == 7
    with pytest.raises(Refused) as refused:
        await anext(answers)
    (status,) = refused.value.args
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert dict(info.metadata) == {"batch": "8"}

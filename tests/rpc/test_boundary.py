"""The boundary: it knows every call that the protos have."""

from analytics.sessions.v1 import event_service_pb2, session_service_pb2, visitor_service_pb2
from sessions.rpc.boundary import SCOPES


def test_each_call_needs_a_scope() -> None:
    calls = {
        f"/{service.full_name}/{method.name}"
        for file in (session_service_pb2, event_service_pb2, visitor_service_pb2)
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert calls == set(SCOPES)

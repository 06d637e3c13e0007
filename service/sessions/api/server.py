"""The gRPC server: its services, options and interceptors."""

import asyncio

import grpc
from analytics_sessions.v1 import event_service_pb2, session_service_pb2, visitor_service_pb2
from analytics_sessions.v1.event_service_pb2_grpc import add_EventServiceServicer_to_server
from analytics_sessions.v1.session_service_pb2_grpc import add_SessionServiceServicer_to_server
from analytics_sessions.v1.visitor_service_pb2_grpc import add_VisitorServiceServicer_to_server
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from sessions.api.boundary import Boundary
from sessions.api.event_service import EventService
from sessions.api.session_service import SessionService
from sessions.api.visitor_service import VisitorService
from sessions.composition import Application
from sessions.domain.limits import MAX_REQUEST
from sessions.settings import Settings

SERVICES = [
    service.full_name
    for file in (session_service_pb2, event_service_pb2, visitor_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
]

_MAX_HEADERS = 160 * 1024

_OPTIONS = (
    # Whoever starts workers holds their ports, and lets in only sockets that share.
    ("grpc.so_reuseport", 1),
    ("grpc.max_receive_message_length", MAX_REQUEST),
    # All that Envoy lets through, and what it adds; the default is 16 KiB.
    ("grpc.max_metadata_size", _MAX_HEADERS),
    ("grpc.absolute_max_metadata_size", _MAX_HEADERS),
)


def make_server(
    application: Application,
    status: health.aio.HealthServicer,
    settings: Settings,
    draining: asyncio.Event,
) -> grpc.aio.Server:
    """A server with all services, neither bound to a port nor started.

    Args:
        application: the use cases that the services call.
        status: answers health checks.
        settings: deadlines.
        draining: ends the streams of events once it is set.
    """
    boundary = Boundary(application.authenticate, settings.request_timeout)
    server = grpc.aio.server(interceptors=[boundary], options=_OPTIONS)
    service = SessionService(application.list_sessions, application.get_session)
    add_SessionServiceServicer_to_server(service, server)
    events = EventService(
        application.receive_events,
        timeout=settings.request_timeout,
        stream_age=settings.stream_age,
        draining=draining,
    )
    add_EventServiceServicer_to_server(events, server)
    add_VisitorServiceServicer_to_server(VisitorService(application.erase_visitor), server)
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    reflection.enable_server_reflection(
        [*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME], server
    )
    return server

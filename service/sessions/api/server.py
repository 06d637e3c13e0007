"""The gRPC server: its services and options."""

import asyncio

import grpc
from analytics_sessions.v1 import (
    analysis_service_pb2,
    event_service_pb2,
    session_service_pb2,
    visitor_service_pb2,
)
from grpc_health.v1 import health, health_pb2_grpc

from sessions.api.analysis_service import AnalysisService
from sessions.api.event_service import EventService
from sessions.api.exports import Exports
from sessions.api.handlers import Handlers
from sessions.api.reflection import reflection_handlers
from sessions.api.rest_service import RestSessionService
from sessions.api.session_service import SessionService
from sessions.api.visitor_service import VisitorService
from sessions.composition import Application
from sessions.domain.limits import MAX_REQUEST
from sessions.settings import Settings

_SESSIONS = session_service_pb2.DESCRIPTOR.services_by_name["SessionService"]
_ANALYSIS = analysis_service_pb2.DESCRIPTOR.services_by_name["AnalysisService"]
_EVENTS = event_service_pb2.DESCRIPTOR.services_by_name["EventService"]
_VISITORS = visitor_service_pb2.DESCRIPTOR.services_by_name["VisitorService"]

SERVICES = [service.full_name for service in (_SESSIONS, _ANALYSIS, _EVENTS, _VISITORS)]

# Envoy lets 128 KiB pass, and adds headers of its own.
_MAX_HEADERS = 160 * 1024

SERVER_OPTIONS = (
    # Whoever starts workers holds their ports, and lets in only sockets that share.
    ("grpc.so_reuseport", 1),
    ("grpc.max_receive_message_length", MAX_REQUEST),
    # All that Envoy lets through, and what it adds; the default is 16 KiB.
    ("grpc.max_metadata_size", _MAX_HEADERS),
    ("grpc.absolute_max_metadata_size", _MAX_HEADERS),
    # Envoy asks every 2 seconds whether the connection is alive, also where no call is in flight.
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.keepalive_permit_without_calls", 1),
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
        draining: ends streams once it is set.
    """
    server = grpc.aio.server(options=SERVER_OPTIONS)
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    events = EventService(
        application.ingest_events,
        timeout=settings.request_timeout,
        stream_age=settings.stream_age,
        draining=draining,
    )
    exports = Exports(application.export_sessions, draining)
    services = [
        (
            _SESSIONS,
            SessionService(application.list_sessions, application.get_session, exports),
        ),
        (_ANALYSIS, AnalysisService(application.analyses)),
        (_EVENTS, events),
        (_VISITORS, VisitorService(application.erase_visitor)),
    ]
    # The last one, because it answers for whatever the others do not have.
    handlers = Handlers(
        services,
        application.authenticate,
        application.limit_keys,
        settings.request_timeout,
        trusted_proxies=settings.trusted_proxies,
        rest=[(_SESSIONS, RestSessionService(application.list_sessions, exports))],
        replicas=application.pools.replicas,
    )
    reflection = reflection_handlers([*SERVICES, health.SERVICE_NAME])
    server.add_generic_rpc_handlers((*reflection, handlers))
    return server

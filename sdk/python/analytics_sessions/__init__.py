"""A client of the Sessions API for web analytics: `Client`, and `AsyncClient` for asyncio.

The messages and stubs, as the API's contract has them, are in `analytics.sessions.v1`.
"""

from analytics.sessions.v1.event_pb2 import Event
from analytics.sessions.v1.session_pb2 import Session, SessionEvent

from analytics_sessions import errors
from analytics_sessions._clients import AsyncClient, Client
from analytics_sessions._core import Query, Recorded

__all__ = [
    "AsyncClient",
    "Client",
    "Event",
    "Query",
    "Recorded",
    "Session",
    "SessionEvent",
    "errors",
]

"""A client of the Sessions API for web analytics: `Client`, and `AsyncClient` for asyncio.

The messages and stubs, as the API's contract has them, are in `analytics_sessions.v1`.
"""

from analytics_sessions import errors
from analytics_sessions._clients import AsyncClient, Client
from analytics_sessions._core import Query, Recorded
from analytics_sessions.v1.event_pb2 import Event
from analytics_sessions.v1.session_pb2 import Session, SessionEvent

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

"""A client of the Sessions API for web analytics: `Client`, and `AsyncClient` for asyncio.

The messages and stubs, as the API's contract has them, are in `analytics_sessions.v1`.
"""

from analytics_sessions import errors
from analytics_sessions._clients import AsyncClient, AsyncWalk, Client, Walk
from analytics_sessions._messages import Event, Page, Query, Recorded, SummaryQuery
from analytics_sessions.v1.analysis_service_pb2 import Comparison, SummarizeResponse
from analytics_sessions.v1.session_pb2 import Session, SessionEvent
from analytics_sessions.v1.summary_pb2 import Summary
from analytics_sessions.v1.visitor_service_pb2 import EraseVisitorResponse

__all__ = [
    "AsyncClient",
    "AsyncWalk",
    "Client",
    "Comparison",
    "EraseVisitorResponse",
    "Event",
    "Page",
    "Query",
    "Recorded",
    "Session",
    "SessionEvent",
    "SummarizeResponse",
    "Summary",
    "SummaryQuery",
    "Walk",
    "errors",
]

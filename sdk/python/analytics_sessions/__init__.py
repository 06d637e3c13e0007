"""A client of the Sessions API for web analytics: `Client`, and `AsyncClient` for asyncio.

The messages and stubs, as the API's contract has them, are in `analytics_sessions.v1`.
"""

from analytics_sessions import errors
from analytics_sessions._clients import AsyncClient, AsyncWalk, Client, Walk
from analytics_sessions._messages import (
    BreakdownQuery,
    Event,
    Page,
    Query,
    Recorded,
    SeriesQuery,
    SummaryQuery,
)
from analytics_sessions.v1.analysis_service_pb2 import (
    BreakdownResponse,
    BreakdownRow,
    Comparison,
    SummarizeResponse,
    TimeBucket,
    TimeSeriesResponse,
)
from analytics_sessions.v1.session_pb2 import Session, SessionEvent
from analytics_sessions.v1.summary_pb2 import Summary
from analytics_sessions.v1.visitor_service_pb2 import EraseVisitorResponse

__all__ = [
    "AsyncClient",
    "AsyncWalk",
    "BreakdownQuery",
    "BreakdownResponse",
    "BreakdownRow",
    "Client",
    "Comparison",
    "EraseVisitorResponse",
    "Event",
    "Page",
    "Query",
    "Recorded",
    "SeriesQuery",
    "Session",
    "SessionEvent",
    "SummarizeResponse",
    "Summary",
    "SummaryQuery",
    "TimeBucket",
    "TimeSeriesResponse",
    "Walk",
    "errors",
]

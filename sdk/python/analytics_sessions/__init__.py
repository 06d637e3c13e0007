"""A client of the Sessions API for web analytics: `Client`, and `AsyncClient` for asyncio.

The messages and stubs, as the API's contract has them, are in `analytics_sessions.v1`.
"""

from analytics_sessions import errors
from analytics_sessions._clients import (
    AsyncClient,
    AsyncExport,
    AsyncWalk,
    Client,
    Export,
    Walk,
)
from analytics_sessions._messages import (
    BreakdownQuery,
    CohortsQuery,
    Event,
    FlowsQuery,
    FunnelQuery,
    Page,
    PatternsQuery,
    Query,
    Recorded,
    Row,
    SeriesQuery,
    SummaryQuery,
    TransitionsQuery,
)
from analytics_sessions.v1.analysis_service_pb2 import (
    BreakdownResponse,
    BreakdownRow,
    Comparison,
    SummarizeResponse,
    TimeBucket,
    TimeSeriesResponse,
)
from analytics_sessions.v1.behaviour_pb2 import (
    CohortsResponse,
    DrillDown,
    FlowsResponse,
    FunnelResponse,
    PatternsResponse,
    TransitionsResponse,
)
from analytics_sessions.v1.session_pb2 import Session, SessionEvent, StoredEvent
from analytics_sessions.v1.session_service_pb2 import ExportItem
from analytics_sessions.v1.summary_pb2 import Summary
from analytics_sessions.v1.visitor_service_pb2 import EraseVisitorResponse

__all__ = [
    "AsyncClient",
    "AsyncExport",
    "AsyncWalk",
    "BreakdownQuery",
    "BreakdownResponse",
    "BreakdownRow",
    "Client",
    "CohortsQuery",
    "CohortsResponse",
    "Comparison",
    "DrillDown",
    "EraseVisitorResponse",
    "Event",
    "Export",
    "ExportItem",
    "FlowsQuery",
    "FlowsResponse",
    "FunnelQuery",
    "FunnelResponse",
    "Page",
    "PatternsQuery",
    "PatternsResponse",
    "Query",
    "Recorded",
    "Row",
    "SeriesQuery",
    "Session",
    "SessionEvent",
    "StoredEvent",
    "SummarizeResponse",
    "Summary",
    "SummaryQuery",
    "TimeBucket",
    "TimeSeriesResponse",
    "TransitionsQuery",
    "TransitionsResponse",
    "Walk",
    "errors",
]

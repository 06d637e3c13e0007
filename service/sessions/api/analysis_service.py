"""AnalysisService: each call is one use case."""

from typing import Any

import grpc
from analytics_sessions.v1 import analysis_service_pb2 as messages
from analytics_sessions.v1 import analysis_service_pb2_grpc as services

from sessions.api.analysis_messages import (
    breakdown_query,
    breakdown_response,
    comparison_query,
    summarize_response,
    time_series_response,
)
from sessions.api.messages import selection_query
from sessions.usecases.analyses import Analyses

Context = grpc.aio.ServicerContext[Any, Any]


class AnalysisService(services.AnalysisServiceServicer):
    """Counts sessions."""

    def __init__(self, analyses: Analyses) -> None:
        self._analyses = analyses

    async def Summarize(  # noqa: N802 (the name in the protos)
        self, request: messages.SummarizeRequest, context: Context
    ) -> messages.SummarizeResponse:
        """Summarizes the sessions of a selection."""
        return summarize_response(
            await self._analyses.summarize(
                selection_query(request), comparison_query(request), request.goal
            )
        )

    async def TimeSeries(  # noqa: N802 (the name in the protos)
        self, request: messages.TimeSeriesRequest, context: Context
    ) -> messages.TimeSeriesResponse:
        """Summarizes the sessions of a selection over time."""
        return time_series_response(
            await self._analyses.time_series(
                selection_query(request), request.granularity, request.goal
            )
        )

    async def Breakdown(  # noqa: N802 (the name in the protos)
        self, request: messages.BreakdownRequest, context: Context
    ) -> messages.BreakdownResponse:
        """Breaks the sessions of a selection down by dimensions."""
        return breakdown_response(
            await self._analyses.breakdown(selection_query(request), breakdown_query(request))
        )

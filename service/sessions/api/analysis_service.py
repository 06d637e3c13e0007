"""AnalysisService: each call is one use case."""

from analytics_sessions.v1 import analysis_service_pb2 as messages
from analytics_sessions.v1 import analysis_service_pb2_grpc as services
from analytics_sessions.v1 import behaviour_pb2 as behaviour

from sessions.api.analysis_messages import (
    breakdown_query,
    breakdown_response,
    comparison_query,
    summarize_response,
    time_series_response,
)
from sessions.api.behaviour_messages import (
    cohorts_response,
    flow_query,
    flows_response,
    funnel_query,
    funnel_response,
    pattern_query,
    patterns_response,
    transition_query,
    transitions_response,
)
from sessions.api.call import Context
from sessions.api.messages import selection_query
from sessions.usecases.analyses import Analyses


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

    async def Funnel(  # noqa: N802 (the name in the protos)
        self, request: behaviour.FunnelRequest, context: Context
    ) -> behaviour.FunnelResponse:
        """Counts a funnel."""
        return funnel_response(
            await self._analyses.funnel(selection_query(request), funnel_query(request))
        )

    async def Flows(  # noqa: N802 (the name in the protos)
        self, request: behaviour.FlowsRequest, context: Context
    ) -> behaviour.FlowsResponse:
        """Follows what sessions did."""
        return flows_response(
            await self._analyses.flows(selection_query(request), flow_query(request))
        )

    async def Transitions(  # noqa: N802 (the name in the protos)
        self, request: behaviour.TransitionsRequest, context: Context
    ) -> behaviour.TransitionsResponse:
        """Counts the transitions of a page."""
        return transitions_response(
            await self._analyses.transitions(selection_query(request), transition_query(request))
        )

    async def Cohorts(  # noqa: N802 (the name in the protos)
        self, request: behaviour.CohortsRequest, context: Context
    ) -> behaviour.CohortsResponse:
        """Counts cohorts of visitors."""
        return cohorts_response(
            await self._analyses.cohorts(selection_query(request), request.granularity)
        )

    async def Patterns(  # noqa: N802 (the name in the protos)
        self, request: behaviour.PatternsRequest, context: Context
    ) -> behaviour.PatternsResponse:
        """Finds patterns."""
        return patterns_response(
            await self._analyses.patterns(selection_query(request), pattern_query(request))
        )

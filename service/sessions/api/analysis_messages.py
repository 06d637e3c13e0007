"""Analyses as messages: what requests ask for, and results as answers."""

from typing import Any

from analytics_sessions.v1 import analysis_service_pb2 as messages

from sessions.api.messages import timestamp_fields
from sessions.domain.comparison import ComparisonQuery
from sessions.domain.selection import Days
from sessions.usecases.analysis_reader import Scope
from sessions.usecases.summarize import Comparison, Summarized


def scope_fields(scope: Scope) -> dict[str, Any]:
    """The fields that each answer has."""
    return {
        **_date_fields(scope.days),
        "timezone": scope.days.zone.key,
        "as_of": timestamp_fields(scope.as_of),
    }


def _date_fields(days: Days) -> dict[str, Any]:
    return {"start_date": days.start.isoformat(), "end_date": days.end.isoformat()}


def comparison_query(request: messages.SummarizeRequest) -> ComparisonQuery:
    """The comparison that a request asks for."""
    return ComparisonQuery(
        compare=request.compare,
        start_date=request.compare_start_date,
        end_date=request.compare_end_date,
    )


def summarize_response(found: Summarized) -> messages.SummarizeResponse:
    """The answer of Summarize. What is None in a summary is absent."""
    return messages.SummarizeResponse(
        **scope_fields(found.scope),
        summary=found.summary,
        comparison=found.comparison and _comparison_fields(found.comparison),
    )


def _comparison_fields(comparison: Comparison) -> dict[str, Any]:
    return {
        **_date_fields(comparison.compared.days),
        "start": timestamp_fields(comparison.range.since),
        "end": timestamp_fields(comparison.range.until),
        "adjusted": comparison.compared.adjusted,
        "summary": comparison.summary,
    }

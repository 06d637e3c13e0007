"""Analyses as messages: what requests ask for, and results as answers."""

from typing import Any

from analytics_sessions.v1 import analysis_service_pb2 as messages

from sessions.analysis.page_views import PageTotals
from sessions.domain.breakdown_query import BreakdownQuery
from sessions.domain.period_comparison import ComparisonQuery
from sessions.domain.selection import Days
from sessions.session_message import timestamp_fields
from sessions.usecases.analysis_reader import Scope
from sessions.usecases.breakdown import BrokenDown, SummarizedRow
from sessions.usecases.summarize import Comparison, Summarized
from sessions.usecases.time_series import Series, SummarizedBucket

# Times of views are counted in microseconds.
_SECOND = 1_000_000


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


def time_series_response(found: Series) -> messages.TimeSeriesResponse:
    """The answer of TimeSeries."""
    return messages.TimeSeriesResponse(
        **scope_fields(found.scope),
        granularity=found.granularity,
        buckets=map(_bucket_fields, found.buckets),
    )


def _bucket_fields(found: SummarizedBucket) -> dict[str, Any]:
    return {
        "start": timestamp_fields(found.bucket.start),
        "end": timestamp_fields(found.bucket.end),
        "is_partial": found.is_partial,
        "is_cut": found.bucket.is_cut,
        "summary": found.summary,
        "filter": found.filter,
        "cell": found.cell,
    }


def breakdown_query(request: messages.BreakdownRequest) -> BreakdownQuery:
    """By what a request breaks sessions down."""
    return BreakdownQuery(
        dimensions=request.dimension,
        order_by=request.order_by,
        limit=request.limit,
        goal=request.goal,
        page_times=request.page_times,
    )


def breakdown_response(found: BrokenDown) -> messages.BreakdownResponse:
    """The answer of Breakdown."""
    return messages.BreakdownResponse(
        **scope_fields(found.scope),
        rows=map(_row_fields, found.rows),
        other=found.other and _row_fields(found.other),
        total=found.total,
        distinct_values=found.distinct_values,
        is_additive=found.is_additive,
    )


def _row_fields(row: SummarizedRow) -> dict[str, Any]:
    return {
        "values": row.values,
        "share": row.share,
        "summary": row.summary,
        "filter": row.filter,
        "cell": row.cell,
        **(_page_fields(row.pages) if row.pages else {}),
    }


def _page_fields(pages: PageTotals) -> dict[str, Any]:
    """What a row says of the views of a page; times are in seconds."""
    return {
        "views": pages.views,
        "entries": pages.entries,
        "exits": pages.exits,
        "exit_rate": _ratio(pages.exits, pages.views),
        "measured_views": pages.measured_views,
        "total_time": _ratio(pages.total_time, _SECOND),
        "avg_time": _ratio(_ratio(pages.total_time, _SECOND), pages.measured_views),
        "median_time": _ratio(pages.median_time, _SECOND),
    }


def _ratio(numerator: float | None, denominator: int | None) -> float | None:
    return None if numerator is None or not denominator else numerator / denominator

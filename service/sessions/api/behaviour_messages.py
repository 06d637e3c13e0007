"""Funnels, flows, transitions, cohorts and patterns as messages."""

from typing import Any

from analytics_sessions.v1 import behaviour_pb2 as messages

from sessions.analysis.sequences import Item
from sessions.api.analysis_messages import scope_fields
from sessions.domain.behaviour_queries import FlowQuery, FunnelQuery, PatternQuery, TransitionQuery
from sessions.domain.cells import DrillDown
from sessions.session_message import timestamp_fields
from sessions.usecases.count_cohorts import Cohort, Cohorts
from sessions.usecases.count_funnel import Funnel, FunnelStep
from sessions.usecases.count_transitions import Transitions
from sessions.usecases.find_patterns import Pattern, Patterns
from sessions.usecases.trace_flows import FlowNode, Flows


def funnel_query(request: messages.FunnelRequest) -> FunnelQuery:
    """The funnel that a request asks for."""
    return FunnelQuery(
        steps=tuple(request.steps),
        unit=request.unit,
        order=request.order,
        window=request.window,
        dimension=request.dimension,
        limit=request.limit,
    )


def funnel_response(found: Funnel) -> messages.FunnelResponse:
    """The answer of Funnel."""
    return messages.FunnelResponse(
        **scope_fields(found.scope),
        steps=map(_step_fields, found.steps),
        rows=[{"value": row.value, "steps": map(_step_fields, row.steps)} for row in found.rows],
        other=map(_step_fields, found.other),
        is_complete=found.is_complete,
    )


def _step_fields(step: FunnelStep) -> dict[str, Any]:
    fields = step._asdict()
    fields["reached_sessions"] = _drill_down(step.reached_sessions)
    fields["dropped_sessions"] = step.dropped_sessions and _drill_down(step.dropped_sessions)
    return fields


def _drill_down(found: DrillDown) -> dict[str, Any]:
    return {name: value or None for name, value in found._asdict().items()}


def flow_query(request: messages.FlowsRequest) -> FlowQuery:
    """The flows that a request asks for."""
    return FlowQuery(
        depth=request.depth,
        width=request.width,
        anchor=request.anchor,
        direction=request.direction,
        items=request.items,
        collapse_repeats=_optional(request, "collapse_repeats"),
    )


def _optional(request: Any, name: str) -> Any:
    """The value of a field; None where it was not sent."""
    return getattr(request, name) if request.HasField(name) else None


def flows_response(found: Flows) -> messages.FlowsResponse:
    """The answer of Flows."""
    return messages.FlowsResponse(**scope_fields(found.scope), nodes=map(_node_fields, found.nodes))


def _node_fields(node: FlowNode) -> dict[str, Any]:
    return node._asdict() | {"item": node.item and _item_fields(node.item)}


def _item_fields(item: Item) -> dict[str, str]:
    return {item.kind: item.value}


def transition_query(request: messages.TransitionsRequest) -> TransitionQuery:
    """The transitions that a request asks for."""
    return TransitionQuery(page=request.page, limit=request.limit)


def transitions_response(found: Transitions) -> messages.TransitionsResponse:
    """The answer of Transitions."""
    fields = found._asdict()
    fields.update(scope_fields(fields.pop("scope")))
    for name in ("view_sessions", "entry_sessions", "exit_sessions", "reload_sessions"):
        fields[name] = _drill_down(fields[name])
    for name in ("previous", "next"):
        fields[name] = [row._asdict() for row in fields[name]]
    return messages.TransitionsResponse(**fields)


def cohorts_response(found: Cohorts) -> messages.CohortsResponse:
    """The answer of Cohorts."""
    return messages.CohortsResponse(
        **scope_fields(found.scope),
        granularity=found.granularity,
        cohorts=map(_cohort_fields, found.cohorts),
    )


def _cohort_fields(cohort: Cohort) -> dict[str, Any]:
    return _period_fields(cohort) | {"periods": map(_period_fields, cohort.periods)}


def _period_fields(period: Any) -> dict[str, Any]:
    moments = {name: timestamp_fields(getattr(period, name)) for name in ("start", "end")}
    fields: dict[str, Any] = period._asdict() | moments
    return fields


def pattern_query(request: messages.PatternsRequest) -> PatternQuery:
    """The patterns that a request asks for."""
    return PatternQuery(
        length=request.length,
        min_sessions=request.min_sessions,
        goal=request.goal,
        items=request.items,
        collapse_repeats=_optional(request, "collapse_repeats"),
        limit=request.limit,
    )


def patterns_response(found: Patterns) -> messages.PatternsResponse:
    """The answer of Patterns."""
    return messages.PatternsResponse(
        **scope_fields(found.scope),
        sessions=found.sessions,
        goal_sessions=found.goal_sessions,
        is_exact=found.is_exact,
        patterns=map(_pattern_fields, found.patterns),
    )


def _pattern_fields(pattern: Pattern) -> dict[str, Any]:
    return {
        **pattern.figures._asdict(),
        "items": map(_item_fields, pattern.items),
        "with_goal": pattern.with_goal and pattern.with_goal._asdict(),
        "without_goal": pattern.without_goal and pattern.without_goal._asdict(),
        "cell": pattern.cell,
    }

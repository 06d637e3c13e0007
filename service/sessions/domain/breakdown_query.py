"""By what sessions are broken down."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sessions.domain.dimensions import COLLECTIONS, TEXTS
from sessions.domain.errors import InvalidArgument, Violation, shortened
from sessions.domain.metrics import METRICS
from sessions.domain.parameters import number
from sessions.domain.steps import Step, parse_goal

DEFAULT_LIMIT, MAX_LIMIT, MAX_DIMENSIONS = 10, 1_000, 2
DEFAULT_ORDER = "sessions"

_DIMENSIONS = (*TEXTS, *COLLECTIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakdownQuery:
    """By what sessions are broken down, as it was asked for; `''` and 0 stand for the defaults."""

    dimensions: Sequence[str]
    order_by: str = ""
    limit: int = 0
    goal: str = ""
    page_times: bool = False


class BreakdownRules(NamedTuple):
    """What a breakdown does.

    Attributes:
        dimensions: one or two, of which at most one is a collection.
        order_by: the metric by which rows are ordered, the largest first.
        limit: rows at most.
        goal: the step that counts in `goal_sessions`.
        page_times: whether views of pages are timed.
    """

    dimensions: Sequence[str]
    order_by: str
    limit: int
    goal: Step | None = None
    page_times: bool = False


def breakdown_rules(by: BreakdownQuery) -> BreakdownRules:
    """What a caller asks for.

    Raises:
        InvalidArgument: a parameter is wrong; names the field.
    """
    _check_dimensions(by.dimensions)
    if by.page_times and "page" not in by.dimensions:
        text = "goes with the dimension page; add it, or leave this out"
        raise InvalidArgument(Violation("page_times", text))
    return BreakdownRules(
        by.dimensions,
        order_by=_order(by),
        limit=number("limit", by.limit, DEFAULT_LIMIT, 1, MAX_LIMIT),
        goal=parse_goal(by.goal),
        page_times=by.page_times,
    )


def _check_dimensions(dimensions: Sequence[str]) -> None:
    if not dimensions:
        text = f"is missing; send one or two of {', '.join(_DIMENSIONS)}"
        raise InvalidArgument(Violation("dimension", text))
    if len(dimensions) > MAX_DIMENSIONS:
        text = f"{len(dimensions)} values; send {MAX_DIMENSIONS} at the most"
        raise InvalidArgument(Violation("dimension", text, MAX_DIMENSIONS, len(dimensions)))
    for index, name in enumerate(dimensions):
        if name not in _DIMENSIONS:
            text = f"{shortened(name)!r} is none; send one of {', '.join(_DIMENSIONS)}"
            raise InvalidArgument(Violation(f"dimension[{index}]", text))
    if len(set(dimensions)) < len(dimensions):
        raise InvalidArgument(Violation("dimension", f"{dimensions[0]} is given twice"))
    if set(COLLECTIONS) <= set(dimensions):
        text = f"{' and '.join(COLLECTIONS)} do not go together; send one of them"
        raise InvalidArgument(Violation("dimension", text))


def _order(by: BreakdownQuery) -> str:
    order_by = by.order_by or DEFAULT_ORDER
    names = [metric.name for metric in METRICS]
    if order_by not in names:
        text = f"{shortened(order_by)!r} is no metric; send one of {', '.join(names)}"
        raise InvalidArgument(Violation("order_by", text))
    if order_by.startswith("goal_") and not by.goal:
        raise InvalidArgument(Violation("order_by", f"{order_by} needs a goal; send one"))
    return order_by

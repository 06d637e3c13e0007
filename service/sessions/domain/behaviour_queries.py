"""What funnels, flows, transitions, cohorts and patterns are asked for, and what that means.

A query holds the parameters of a call as they were sent, where `''`, 0 and None stand for the
defaults; the rules are what an analysis follows. InvalidArgument names the field that is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sessions.domain.dimensions import COLLECTIONS, TEXTS
from sessions.domain.errors import InvalidArgument, Violation
from sessions.domain.parameters import choice, number
from sessions.domain.steps import Step, parse_goal, parse_step, parse_steps

MIN_STEPS, MAX_STEPS = 2, 10
MAX_WINDOW_DAYS = 90
MAX_DEPTH, MAX_WIDTH = 10, 50
MIN_LENGTH, MAX_LENGTH = 2, 5
MAX_ROWS = 1_000
MAX_FUNNELS = 100
"""Values of a dimension with a funnel of their own, each with up to 10 steps."""

UNITS = ("session", "visitor")
ORDERS = ("ordered", "strict")
DIRECTIONS = ("next", "previous")
ITEMS = ("pages", "events", "both")
"""Of each the first one is the default."""

_KINDS = {"pages": ("page",), "events": ("event",), "both": COLLECTIONS}
_DAY_SECONDS = 86_400
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelQuery:
    """The parameters of Funnel."""

    steps: Sequence[str]
    unit: str = ""
    order: str = ""
    window: int = 0
    dimension: str = ""
    limit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelRules:
    """What makes events a chain of the funnel.

    Attributes:
        steps: 2 to 10 of them; each event serves one step.
        by_visitor: whether visitors go through it, and not only sessions.
        is_strict: whether between two steps there may only be events that match the first of them.
        window: microseconds from the first step to the last one; None is any time.
        dimension: the text of the session of the first step by which the funnel is broken down; ''
            is none.
        limit: how many of its values get a funnel of their own.
    """

    steps: tuple[Step, ...]
    by_visitor: bool = False
    is_strict: bool = False
    window: int | None = None
    dimension: str = ""
    limit: int = 10


def funnel_rules(query: FunnelQuery) -> FunnelRules:
    """The rules of a query."""
    count, by_visitor = len(query.steps), choice("unit", query.unit, UNITS) == "visitor"
    if not MIN_STEPS <= count <= MAX_STEPS:
        text = f"{count} steps; send {MIN_STEPS} to {MAX_STEPS}"
        raise InvalidArgument(Violation("steps", text, MAX_STEPS, count))
    if by_visitor and not query.window:
        raise InvalidArgument(Violation("window", "is required with unit=visitor; send seconds"))
    window = number("window", query.window, 0, 1, MAX_WINDOW_DAYS * _DAY_SECONDS)
    if query.dimension:
        choice("dimension", query.dimension, TEXTS)
    elif query.limit:
        raise InvalidArgument(Violation("limit", "goes with a dimension; send one, or no limit"))
    return FunnelRules(
        steps=parse_steps(query.steps, "steps"),
        by_visitor=by_visitor,
        is_strict=choice("order", query.order, ORDERS) == "strict",
        window=window * _SECOND or None,
        dimension=query.dimension,
        limit=number("limit", query.limit, 10, 1, MAX_FUNNELS),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowQuery:
    """The parameters of Flows."""

    depth: int = 0
    width: int = 0
    anchor: str = ""
    direction: str = ""
    items: str = ""
    collapse_repeats: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRules:
    """Which way a session takes through the tree.

    Attributes:
        kinds: `page`, `event` or both: what is an item.
        collapse: whether a page that comes again directly after itself counts once.
        depth: how many items the tree follows.
        width: how many children a node has at most.
        anchor: where to begin instead of at the entry: at the first event that matches, or, if
            `is_backward`, at the last one. Sessions without one have no place in the tree.
        is_backward: whether what came before the anchor is followed instead of what came after.
    """

    kinds: tuple[str, ...]
    collapse: bool
    depth: int
    width: int
    anchor: Step | None = None
    is_backward: bool = False


def flow_rules(query: FlowQuery) -> FlowRules:
    """The rules of a query."""
    if query.direction and not query.anchor:
        raise InvalidArgument(Violation("direction", "needs an anchor; send one, or no direction"))
    return FlowRules(
        kinds=_KINDS[choice("items", query.items, ITEMS)],
        collapse=query.collapse_repeats is not False,
        depth=number("depth", query.depth, 4, 1, MAX_DEPTH),
        width=number("width", query.width, 10, 1, MAX_WIDTH),
        anchor=parse_step(query.anchor, "anchor") if query.anchor else None,
        is_backward=choice("direction", query.direction, DIRECTIONS) == "previous",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionQuery:
    """The parameters of Transitions; there is always a page."""

    page: str
    limit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionRules:
    """The path whose transitions are counted, and how many neighbours are listed at most."""

    page: str
    limit: int


def transition_rules(query: TransitionQuery) -> TransitionRules:
    """The rules of a query."""
    if not query.page:
        raise InvalidArgument(Violation("page", "is required; send the path of a page"))
    return TransitionRules(page=query.page, limit=number("limit", query.limit, 10, 1, MAX_ROWS))


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternQuery:
    """The parameters of Patterns."""

    length: int = 0
    min_sessions: int = 0
    goal: str = ""
    items: str = ""
    collapse_repeats: bool | None = None
    limit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternRules:
    """Which runs are patterns.

    Attributes:
        kinds: `page`, `event` or both: what is an item.
        collapse: whether a page that comes again directly after itself counts once.
        length: how many items a run has at most; the shortest have 2.
        min_sessions: how many sessions must hold it.
        goal: what sessions reach that are told apart.
        limit: how many patterns are listed at most.
    """

    kinds: tuple[str, ...]
    collapse: bool
    length: int
    min_sessions: int
    goal: Step | None
    limit: int


def pattern_rules(query: PatternQuery) -> PatternRules:
    """The rules of a query."""
    return PatternRules(
        kinds=_KINDS[choice("items", query.items, ITEMS)],
        collapse=query.collapse_repeats is not False,
        length=number("length", query.length, 3, MIN_LENGTH, MAX_LENGTH),
        min_sessions=number("min_sessions", query.min_sessions, 10, 1, 2**31 - 1),
        goal=parse_goal(query.goal),
        limit=number("limit", query.limit, 100, 1, MAX_ROWS),
    )

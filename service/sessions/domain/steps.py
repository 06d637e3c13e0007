"""Steps: conditions on one event of a session, in the same language as `filter`."""

from collections.abc import Sequence
from dataclasses import dataclass

from sessions.domain.comparisons import compare_field
from sessions.domain.errors import InvalidArgument, Violation
from sessions.domain.expressions import MAX_COMPARISONS, parse_expression
from sessions.domain.filter_fields import STEP_FIELDS
from sessions.domain.predicates import OneOf, Predicate, leaves


@dataclass(frozen=True, slots=True)
class Step:
    """A condition on one event.

    Attributes:
        text: as it was asked for.
        condition: OneOf and Like on `page`, which are true of pageviews only, and on `event`,
            true of custom events only; and combinations of these.
    """

    text: str
    condition: Predicate


def parse_step(text: str, field: str) -> Step:
    """The step that an expression stands for.

    Args:
        text: the expression.
        field: what an error names, such as `journey[0]`.

    Raises:
        InvalidArgument: it can't be understood; says at which character, and what was expected.
    """
    condition = parse_expression(
        text, field, lambda comparison: compare_field(comparison, STEP_FIELDS)
    )
    return Step(text, condition)


def parse_steps(texts: Sequence[str], field: str) -> tuple[Step, ...]:
    """The steps of a repeated parameter, which have MAX_COMPARISONS comparisons in all at most.

    Raises:
        InvalidArgument: one of them can't be understood, or they have too many comparisons.
    """
    steps = tuple(parse_step(text, f"{field}[{index}]") for index, text in enumerate(texts))
    if (found := sum(_comparisons(step.condition) for step in steps)) > MAX_COMPARISONS:
        text = f"{found} comparisons in all steps; send {MAX_COMPARISONS} at the most"
        raise InvalidArgument(Violation(field, text, MAX_COMPARISONS, found))
    return steps


def _comparisons(condition: Predicate) -> int:
    # Comparisons of one field that were joined by OR are one condition with several values.
    return sum(len(leaf.values) if isinstance(leaf, OneOf) else 1 for leaf in leaves(condition))


def parse_goal(text: str) -> Step | None:
    """The step that the parameter `goal` stands for; None where there is none.

    Raises:
        InvalidArgument: it can't be understood.
    """
    return parse_step(text, "goal") if text else None

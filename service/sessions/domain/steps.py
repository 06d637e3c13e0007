"""Steps: conditions on one event of a session, in the same language as `filter`."""

from dataclasses import dataclass

from sessions.domain.comparisons import compare_field
from sessions.domain.expressions import parse_expression
from sessions.domain.filter_fields import STEP_FIELDS
from sessions.domain.predicates import Predicate


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

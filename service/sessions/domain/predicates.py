"""Predicates: conditions on one session, as a tree that every reader of sessions can evaluate.

Storage compiles a predicate to SQL over rows, analysis to a mask over columns. Values are folded
already, the way that `dimensions.fold` does it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias


class Pattern(NamedTuple):
    """A text with a wildcard at one end or both; `''` is no value and matches none."""

    text: str
    any_before: bool
    any_after: bool


@dataclass(frozen=True, slots=True)
class OneOf:
    """A text of the session (`dimensions.TEXTS`, `visitor_id`) is one of the values.

    `''` is unknown. In the condition of a step the text is its `page` or `event`.
    """

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """Such a text matches a pattern."""

    field: str
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Has:
    """The session holds one of the values in a collection (`dimensions.COLLECTIONS`).

    The value `''` stands for sessions that hold none at all.
    """

    collection: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HasLike:
    """The session holds a value that matches a pattern in a collection."""

    collection: str
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Between:
    """A number of the session is in a range, with both ends; None stands for an open end.

    `started_at` counts in microseconds since 1970, `duration` in whole seconds, and `pageviews`
    and `events` as they are.
    """

    field: str
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Flag:
    """`is_bounce` or `is_bot` is true of the session."""

    field: str


@dataclass(frozen=True, slots=True)
class VisitorKeys:
    """The session's visitor is one of these: sorted keys as integers of 8 bytes, big-endian.

    What stands for a condition on `visitor_id` where only keys are known.
    """

    keys: bytes


@dataclass(frozen=True, slots=True)
class Journey:
    """The session has events for which these conditions are true in turn, one event for each.

    A step is a condition on one event: OneOf and Like on `page` and `event`, and combinations.
    """

    steps: "tuple[Predicate, ...]"


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """What an analysis says of the session, as its columns tell it.

    Attributes:
        columns: the names of those columns.
        mask: gives the mask of some `sessions.analysis.columns.Columns`.
    """

    columns: frozenset[str]
    mask: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Not:
    """The operand is false."""

    operand: "Predicate"


@dataclass(frozen=True, slots=True)
class All:
    """Every operand is true; without operands it is true of every session."""

    operands: "tuple[Predicate, ...]" = ()


@dataclass(frozen=True, slots=True)
class Either:
    """At least one operand is true; without operands it is true of no session."""

    operands: "tuple[Predicate, ...]" = ()


Predicate: TypeAlias = (
    OneOf
    | Like
    | Has
    | HasLike
    | Between
    | Flag
    | VisitorKeys
    | Journey
    | Computed
    | Not
    | All
    | Either
)


def any_of(operands: Sequence[Predicate]) -> Predicate:
    """At least one of the operands is true; values of one field are one list, as in a filter."""
    first = operands[0]
    if isinstance(first, OneOf) and all(
        isinstance(each, OneOf) and each.field == first.field for each in operands
    ):
        values = (value for each in operands if isinstance(each, OneOf) for value in each.values)
        return OneOf(first.field, tuple(values))
    return Either(tuple(operands))


def leaves(predicate: Predicate) -> Iterator[Predicate]:
    """The single conditions of a predicate; of a journey the journey itself."""
    match predicate:
        case Not(operand):
            yield from leaves(operand)
        case All(operands) | Either(operands):
            for each in operands:
                yield from leaves(each)
        case _:
            yield predicate


def with_leaves(predicate: Predicate, others: Mapping[Predicate, Predicate]) -> Predicate:
    """The same predicate with others in place of some of its leaves."""
    match predicate:
        case Not(operand):
            return Not(with_leaves(operand, others))
        case All(operands) | Either(operands):
            return type(predicate)(tuple(with_leaves(each, others) for each in operands))
    return others.get(predicate, predicate)


def canonical(predicate: Predicate) -> list[Any]:
    """The predicate as JSON values: equal for equal predicates, different for different ones."""
    # The name of the class tells apart what has the same parts.
    name = type(predicate).__name__
    match predicate:
        case OneOf(subject, values) | Has(subject, values):
            return [name, subject, *values]
        case Like(subject, pattern) | HasLike(subject, pattern):
            return [name, subject, *pattern]
        case Between(subject, low, high):
            return [name, subject, low, high]
        case Flag(subject):
            return [name, subject]
        case VisitorKeys(keys):
            return [name, keys.hex()]
        case Not(operand):
            return [name, canonical(operand)]
        case Journey(operands) | All(operands) | Either(operands):
            return [name, *map(canonical, operands)]
    raise AssertionError(predicate)

"""Predicates: conditions on one session, as a tree that every reader of sessions can evaluate.

Storage compiles a predicate to SQL over rows. Values are folded already, the way that
`dimensions.fold` does it.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class OneOf:
    """A text of the session (`dimensions.TEXTS`) equals one of the values; `''` is unknown."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Has:
    """The session holds one of the values in a collection (`dimensions.COLLECTIONS`).

    The value `''` stands for sessions that hold none at all.
    """

    collection: str
    values: tuple[str, ...]


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


Predicate: TypeAlias = OneOf | Has | Not | All | Either


def canonical(predicate: Predicate) -> list[Any]:
    """The predicate as JSON values: equal for equal predicates, different for different ones."""
    name = type(predicate).__name__
    match predicate:
        # The name of the class tells the two apart.
        case OneOf(subject, values) | Has(subject, values):
            return [name, subject, *values]
        case Not(operand):
            return [name, canonical(operand)]
        case All(operands) | Either(operands):
            return [name, *map(canonical, operands)]

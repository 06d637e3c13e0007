"""Compiles a predicate to a condition in SQL on the table `sessions s`.

Text is compared with columns that the index of all filters covers, and what a session holds with
its items: `=` and `&&` at the top of the condition are what the index answers.
"""

import re
from enum import Enum, auto
from typing import Any, LiteralString, NamedTuple

from sessions.domain.dimensions import BORDER_PAGES
from sessions.domain.hours import moment
from sessions.domain.items import MORE_ITEMS, item_hash
from sessions.domain.predicates import (
    All,
    Between,
    Computed,
    Either,
    Flag,
    Has,
    HasLike,
    Journey,
    Like,
    Not,
    OneOf,
    Pattern,
    Predicate,
    VisitorKeys,
    leaves,
)
from sessions.domain.selection import Selection


class Condition(NamedTuple):
    """The text of a condition, in parentheses, and the values that it names."""

    text: LiteralString
    parameters: dict[str, Any]


def compile_predicate(predicate: Predicate) -> Condition:
    """The condition that a predicate is; predicates of one shape give one text."""
    compiler = _Compiler()
    return Condition(f"({compiler.condition(predicate)})", compiler.parameters)


def compile_selection(selection: Selection) -> Condition:
    """The condition that a selection's predicate is, and people alone unless it has bots."""
    text, parameters = compile_predicate(selection.predicate)
    return Condition(text if selection.include_bots else f"s.is_bot = false AND {text}", parameters)


class Access(Enum):
    """By what the sessions are found of which a predicate is true."""

    TIMELINE = auto()
    """The sessions of some visitors; where rows can't tell the rest, their events do."""
    INDEX = auto()
    """The index of all filters."""
    NARROWED = auto()
    """The same index finds more sessions, and their rows tell which ones."""
    ROWS = auto()
    """Rows tell, and no index helps to find them."""
    COLUMNS = auto()
    """Rows can't tell."""


def access(predicate: Predicate) -> Access:
    """The best way to the sessions of a predicate."""
    if visitors_of(predicate):
        return Access.TIMELINE
    if not in_rows(predicate):
        return Access.COLUMNS
    if _in_index(predicate):
        return Access.INDEX
    return Access.NARROWED if _is_narrowed(predicate) else Access.ROWS


def in_rows(predicate: Predicate) -> bool:
    """Whether rows of sessions can tell; `compile_predicate` takes no other predicates.

    They hold hashes of pages and event names, and no order of them.
    """
    return not any(
        isinstance(leaf, HasLike | Journey | VisitorKeys | Computed) for leaf in leaves(predicate)
    )


def visitors_of(predicate: Predicate) -> tuple[str, ...]:
    """The ids of visitors who have all sessions of the predicate; none where it names none."""
    match predicate:
        case OneOf("visitor_id", values):
            return values
        case All(operands):
            return next(filter(None, map(visitors_of, operands)), ())
    return ()


def _in_index(predicate: Predicate) -> bool:
    match predicate:
        case OneOf(field):
            return field != "visitor_id"
        case Has(collection, values):
            return collection == "page" or "" not in values
        case All(operands) | Either(operands):
            return all(map(_in_index, operands))
    return False


def _is_narrowed(predicate: Predicate) -> bool:
    match predicate:
        case All(operands):
            return any(_in_index(each) or _is_narrowed(each) for each in operands)
    return False


_BOUNCE: LiteralString = "(s.pageviews <= 1 AND s.events = 0)"
# In whole seconds, rounded down, as the list shows it.
_DURATION: LiteralString = "floor(extract(epoch FROM s.ended_at - s.started_at))"


class _Compiler:
    """Collects the parameters of one condition, named p0, p1 and so on."""

    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}

    def condition(self, predicate: Predicate) -> LiteralString:
        match predicate:
            case OneOf(field, values):
                return self._one_of(field, values)
            case Like(field, pattern):
                return f"s.{field} LIKE {self._parameter(_like(pattern))}"
            case Between(field, low, high):
                return self._between(field, low, high)
            case Flag("is_bounce"):
                return _BOUNCE
            case Flag(field):
                return f"s.{field}"
            case Has("event", values) if "" in values:  # no item stands for having no event
                return f"(s.events = 0 OR {self._has('event', values)})"
            case Has(collection, values):
                return self._has(collection, values)
            case Not(operand):
                return f"NOT ({self.condition(operand)})"
            case All(operands):
                return " AND ".join(map(self._nested, operands)) or "true"
            case Either(operands):
                return " OR ".join(map(self._nested, operands)) or "false"
        raise ValueError(f"not in rows: {predicate}")

    def _between(self, field: str, low: int | None, high: int | None) -> LiteralString:
        def bound(number: int) -> LiteralString:
            return self._parameter(moment(number) if field == "started_at" else number)

        value: LiteralString = _DURATION if field == "duration" else f"s.{field}"
        found: list[LiteralString] = []
        if low is not None:
            found.append(f"{value} >= {bound(low)}")
        if high is not None:
            found.append(f"{value} <= {bound(high)}")
        return f"({' AND '.join(found) or 'true'})"

    def _nested(self, predicate: Predicate) -> LiteralString:
        condition = self.condition(predicate)
        return f"({condition})" if isinstance(predicate, All | Either) else condition

    def _one_of(self, field: str, values: tuple[str, ...]) -> LiteralString:
        if field in BORDER_PAGES:
            hashes = [item_hash(field, value) for value in values]
            return f"s.items && {self._parameter(hashes)}::uuid[]"
        # Of one value the index is always asked; of several, if that looks good to the planner.
        if len(values) == 1:
            return f"s.{field} = {self._parameter(values[0])}"
        return f"s.{field} = ANY({self._parameter(list(values))})"

    def _has(self, collection: str, values: tuple[str, ...]) -> LiteralString:
        """The row's own items decide, except where it could not hold them all."""
        hashes = [item_hash(collection, value) for value in values]
        items = f"{self._parameter(hashes)}::uuid[]"
        # The index answers this first condition; the second is checked on the rows that it finds.
        items_or_more = f"{self._parameter([*hashes, MORE_ITEMS])}::uuid[]"
        return f"""(s.items && {items_or_more}
   AND (s.items && {items}
        OR EXISTS (
            SELECT FROM overflow_items o
             WHERE o.website_key = %(website_key)s AND o.visitor_key = s.visitor_key
               AND o.item = ANY({items})
               AND o.occurred_at BETWEEN s.started_at AND s.ended_at)))"""

    def _parameter(self, value: Any) -> LiteralString:
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})s"


def _like(pattern: Pattern) -> str:
    """The pattern in the syntax of LIKE, where `%` alone would match `''`, too."""
    if not pattern.text:
        return "_%"
    escaped = re.sub(r"([\\\\%_])", r"\\\1", pattern.text)
    return f"{'%' * pattern.any_before}{escaped}{'%' * pattern.any_after}"

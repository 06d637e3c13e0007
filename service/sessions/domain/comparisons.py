"""What comparisons in expressions mean: a field, an operator and a value as a predicate."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from lark import Token

from sessions.domain.dimensions import fold, fold_pattern
from sessions.domain.errors import shortened
from sessions.domain.expressions import Comparison, Mistake, parse_expression
from sessions.domain.filter_fields import OPERATORS, SESSION_FIELDS, Kind
from sessions.domain.hours import microseconds
from sessions.domain.predicates import (
    All,
    Between,
    Flag,
    Has,
    HasLike,
    Like,
    Not,
    OneOf,
    Pattern,
    Predicate,
)
from sessions.domain.timestamps import rfc3339

_WHOLE = re.compile(r"-?\d+", re.ASCII)
_SECONDS = re.compile(r"(-?\d+)s?", re.ASCII)
# Beyond every number of a session, and with its neighbours an integer of 64 bits.
_LARGEST = 2**62
# No session started before or after, and the neighbours of both are moments, too.
_EARLIEST = microseconds(datetime(1, 1, 2, tzinfo=UTC))
_LATEST = microseconds(datetime(9999, 12, 30, tzinfo=UTC))
_PIECE = re.compile(r"\\(.)|\*|[^\\*]+", re.DOTALL)


def parse_filter(text: str, *, include_bots: bool) -> Predicate:
    """The predicate on sessions that the parameter `filter` stands for; blank is true of all.

    Raises:
        InvalidArgument: it can't be understood, or compares `is_bot` where bots are left out.
    """

    def compare(comparison: Comparison) -> Predicate:
        if comparison.field == "is_bot" and not include_bots:
            raise _mistake(comparison.field, "is_bot needs include_bots=true")
        return compare_field(comparison, SESSION_FIELDS)

    return parse_expression(text, "filter", compare) if text.strip() else All()


def compare_field(comparison: Comparison, fields: Mapping[str, Kind]) -> Predicate:
    """The predicate of a comparison of one of some fields.

    Raises:
        Mistake: there is no such field, it has no such operator, or the value is not of its kind.
    """
    field, operator, value = comparison
    kind = fields.get(field)
    if kind is None:
        names = ", ".join(sorted(fields))
        raise _mistake(field, f"there is no field {shortened(str(field))!r}; there are {names}")
    if operator not in OPERATORS[kind]:
        has = " ".join(OPERATORS[kind])
        raise _mistake(operator, f"{field} has no operator {operator}; it has {has}")
    predicate = _equal_or_in_range(str(field), kind, operator, value)
    return Not(predicate) if operator == "!=" else predicate


def _equal_or_in_range(field: str, kind: Kind, operator: str, value: Token) -> Predicate:
    match kind:
        case Kind.TEXT | Kind.COLLECTION:
            return _text(field, kind, operator, value)
        case Kind.BOOLEAN:
            return Flag(field) if _boolean(value) else Not(Flag(field))
        case Kind.NUMBER:
            return _range(field, operator, _whole(value, _WHOLE, "a whole number, such as 3"))
        case Kind.DURATION:
            return _range(field, operator, _whole(value, _SECONDS, "whole seconds, such as 60s"))
        case Kind.TIMESTAMP:
            return _range(field, operator, _moment(value))


def _text(field: str, kind: Kind, operator: str, value: Token) -> Predicate:
    if value.type == "ANY" and operator != ":":
        raise _mistake(value, "a value * stands after ':' only")
    text, any_before, any_after = _string(value)
    one_of, like = (Has, HasLike) if kind is Kind.COLLECTION else (OneOf, Like)
    if not (any_before or any_after):
        return one_of(field, (fold(field, text),))
    if not text and field == "visitor_id":  # every session has one
        return All()
    if not text and kind is Kind.COLLECTION:
        return Not(Has(field, ("",)))
    try:
        return like(field, fold_pattern(field, Pattern(text, any_before, any_after)))
    except ValueError as error:
        raise _mistake(value, str(error)) from None


class _String(NamedTuple):
    """The text of a value without its wildcards, and at which ends these are."""

    text: str
    any_before: bool
    any_after: bool


def _string(value: Token) -> _String:
    if value.type == "ANY":
        return _String("", True, True)
    if value.type != "STRING":
        return _String(str(value), False, False)
    body, text, stars = value[1:-1], "", set[int]()
    for piece in _PIECE.finditer(body):
        position = piece.start()
        if piece[0] == "*":
            if 0 < position < len(body) - 1:
                mistake = r"* stands at the ends of a string only; write \* for an asterisk"
                raise _mistake(value, mistake, 1 + position)
            stars.add(position)
        elif piece[1] and piece[1] not in '*"\\':
            mistake = rf"{piece[0]!r} is no escape; there are \*, \" and \\"
            raise _mistake(value, mistake, 1 + position)
        else:
            text += piece[1] or piece[0]
    return _String(text, 0 in stars, len(body) - 1 in stars)


def _plain(value: Token, expected: str) -> str:
    text, *wildcards = _string(value)
    if any(wildcards):
        raise _unlike(value, expected)
    return text


def _unlike(value: Token, expected: str) -> Mistake:
    return _mistake(value, f"found {shortened(str(value), 40)!r}, expected {expected}")


def _boolean(value: Token) -> bool:
    text = _plain(value, expected := "true or false")
    if text not in ("true", "false"):
        raise _unlike(value, expected)
    return text == "true"


def _whole(value: Token, form: re.Pattern[str], expected: str) -> int:
    found = form.fullmatch(_plain(value, expected))
    if not found:
        raise _unlike(value, expected)
    number = int(found[found.lastindex or 0])
    return max(-_LARGEST, min(number, _LARGEST))


def _moment(value: Token) -> int:
    expected = "a time with its offset, such as 2026-03-03T10:15:00Z"
    try:
        return max(_EARLIEST, min(microseconds(rfc3339(_plain(value, expected))), _LATEST))
    except (ValueError, OverflowError):
        raise _unlike(value, expected) from None


def _range(field: str, operator: str, number: int) -> Between:
    match operator:
        case "<":
            return Between(field, None, number - 1)
        case "<=":
            return Between(field, None, number)
        case ">":
            return Between(field, number + 1, None)
        case ">=":
            return Between(field, number, None)
    return Between(field, number, number)


def _mistake(token: Token, text: str, offset: int = 0) -> Mistake:
    return Mistake((token.start_pos or 0) + offset, text)

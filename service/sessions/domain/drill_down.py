"""Drill-down: the filter that leads from a row of an analysis to its sessions."""

import re
from collections.abc import Sequence
from functools import lru_cache

from sessions.domain.dimensions import COLLECTIONS
from sessions.domain.expressions import MAX_BYTES, MAX_COMPARISONS, MAX_DEPTH
from sessions.domain.selection import SelectionQuery


def equals(dimension: str, value: str) -> str:
    """The condition that a session has a value, or holds it, of a dimension."""
    operator = ":" if dimension in COLLECTIONS else " = "
    return f"{dimension}{operator}{quoted(value)}"


def quoted(text: str) -> str:
    """A text as expressions have it, in which no character is a wildcard."""
    for special in ("\\", '"', "*"):
        text = text.replace(special, f"\\{special}")
    return f'"{text}"'


def all_of(conditions: Sequence[str]) -> str:
    """The condition that all of some hold."""
    return " AND ".join(conditions)


def none_of(alternatives: Sequence[Sequence[str]]) -> str:
    """The condition that of each list of conditions at least one does not hold."""
    whole = " OR ".join(f"({all_of(conditions)})" for conditions in alternatives)
    return f"NOT ({whole})"


def narrowed(query: SelectionQuery, condition: str) -> str | None:
    """The filter that takes the place of a query's, where a condition must be true, too.

    Returns:
        None where it would be more than a filter may be, or the query has a cell, which goes with
        no other filter than the one that it was made with.
    """
    if query.cell:
        return None
    filter_ = query.filter
    found = f"({filter_}) AND {condition}" if filter_.strip() else condition
    size = len(found.encode())
    (before, depth), (more, deeper) = _shape(filter_), _shape(condition)
    is_allowed = before + more <= MAX_COMPARISONS and max(depth + 1, deeper) <= MAX_DEPTH
    return found if size <= MAX_BYTES and is_allowed else None


# What counts in an expression, and strings, in which nothing does.
_SIGN = re.compile(r'"(?:[^"\\]|\\.)*"|[<>!]=|[=<>:()]', re.DOTALL)


# A filter is asked about once for each row.
@lru_cache(maxsize=16)
def _shape(expression: str) -> tuple[int, int]:
    """How many comparisons an expression has, and how deep its parentheses are; or more."""
    comparisons = depth = deepest = 0
    for sign in _SIGN.findall(expression):
        depth += (sign == "(") - (sign == ")")
        deepest = max(deepest, depth)
        # Times without quotes have colons, too.
        comparisons += sign[0] not in '"()'
    return comparisons, deepest

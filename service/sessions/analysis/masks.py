"""Compiles a predicate to a mask over columns: which sessions it is true of.

A condition on a text is decided once for each of its words.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from sessions.analysis.columns import EVENT, PAGE, Columns, Flags
from sessions.domain.predicates import All, Either, Has, Not, OneOf, Predicate
from sessions.domain.selection import Selection

_KINDS = {"page": PAGE, "event": EVENT}


def columns_of(selection: Selection) -> frozenset[str]:
    """The columns that `select` looks at."""
    bots = () if selection.include_bots else ("is_bot",)
    return _columns_of(selection.predicate).union(bots)


def select(columns: Columns, selection: Selection) -> Columns:
    """The same columns, with those sessions deselected that a selection does not have.

    Its range does not count here.
    """
    selected = columns.selected & mask(selection.predicate, columns)
    if not selection.include_bots:
        selected &= columns["is_bot"] == 0
    return replace(columns, selected=selected)


def _columns_of(predicate: Predicate) -> frozenset[str]:
    match predicate:
        case OneOf(field):
            return frozenset((field,))
        case Has():
            return frozenset(("step_item",))
        case Not(operand):
            return _columns_of(operand)
        case All(operands) | Either(operands):
            return frozenset().union(*map(_columns_of, operands))


def mask(predicate: Predicate, columns: Columns) -> Flags:
    """For each session, whether the predicate is true of it."""
    match predicate:
        case OneOf(field, values):
            is_match: Flags = _words(columns.words[field], values.__contains__)
            return is_match[columns[field]]
        case Has(collection, values):
            return _has(columns, _KINDS[collection], values)
        case Not(operand):
            return ~mask(operand, columns)
        case All(operands):
            found = _all(columns)
            for each in operands:
                found &= mask(each, columns)
            return found
        case Either(operands):
            return ~mask(All(tuple(map(Not, operands))), columns)


def _all(columns: Columns) -> Flags:
    return np.ones(len(columns), np.bool_)


def _words(words: Sequence[str], is_match: Callable[[str], bool]) -> Flags:
    return np.fromiter(map(is_match, words), np.bool_, len(words))


def _has(columns: Columns, kind: str, values: Sequence[str]) -> Flags:
    """Sessions with one of these steps; the value `''` stands for those with none of the kind."""
    wanted = {kind + value for value in values if value}
    found = _any_step(columns, wanted.__contains__)
    if "" in values:
        found |= ~_any_step(columns, lambda word: word.startswith(kind) and word != kind)
    return found


def _any_step(columns: Columns, is_match: Callable[[str], bool]) -> Flags:
    """Sessions with at least one step whose word matches; every session has a step."""
    matches = _words(columns.words["step_item"], is_match)
    if not matches.any():
        return ~_all(columns)
    return np.logical_or.reduceat(matches[columns["step_item"]], columns.step_starts)

"""Compiles a predicate to a mask over columns: which sessions it is true of.

A condition on a text is decided once for each of its words.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from sessions.analysis.columns import KINDS, Columns, Flags, Integers
from sessions.domain.predicates import (
    All,
    Between,
    Either,
    Flag,
    Has,
    HasLike,
    Journey,
    Like,
    Not,
    OneOf,
    Predicate,
    VisitorKeys,
)
from sessions.domain.selection import Selection
from sessions.domain.steps import Step

_SECOND = 1_000_000


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
        case Flag("is_bounce"):
            return frozenset(("pageviews", "events"))
        case OneOf(field) | Like(field) | Between(field) | Flag(field):
            return frozenset((field,))
        case Has() | HasLike() | Journey():
            return frozenset(("step_item",))
        case VisitorKeys():
            return frozenset(("visitor_key",))
        case Not(operand):
            return _columns_of(operand)
        case All(operands) | Either(operands):
            return frozenset().union(*map(_columns_of, operands))


def mask(predicate: Predicate, columns: Columns) -> Flags:
    """For each session, whether the predicate is true of it."""
    return _combine(predicate, partial(_of_sessions, columns), len(columns))


def step_mask(step: Step, columns: Columns) -> Flags:
    """For each step of all sessions, whether a condition on one event is true of it.

    The columns have `step_item`.
    """
    return _of_steps(columns, step.condition)


def _of_steps(columns: Columns, condition: Predicate) -> Flags:
    words = columns.words["step_item"]
    is_match: Flags = _combine(condition, partial(_of_step_words, words), len(words))
    return is_match[columns["step_item"]]


def _combine(predicate: Predicate, leaf: Callable[[Predicate], Flags], size: int) -> Flags:
    """A tree of conditions on so many things, of which `leaf` decides the single ones."""
    match predicate:
        case Not(operand):
            return ~_combine(operand, leaf, size)
        case All(operands):
            found = np.ones(size, np.bool_)
            for each in operands:
                found &= _combine(each, leaf, size)
            return found
        case Either(operands):
            found = np.zeros(size, np.bool_)
            for each in operands:
                found |= _combine(each, leaf, size)
            return found
    return leaf(predicate)


def _of_sessions(columns: Columns, predicate: Predicate) -> Flags:
    match predicate:
        case OneOf(field, values):
            return _of_text(columns, field, values.__contains__)
        case Like(field, pattern):
            return _of_text(columns, field, pattern.matches)
        case Has(collection, values):
            return _has(columns, KINDS[collection], values)
        case HasLike(collection, pattern):
            kind = KINDS[collection]
            return _any_step(columns, lambda word: word[:1] == kind and pattern.matches(word[1:]))
        case Between(field, low, high):
            return _between(columns, field, low, high)
        case Flag("is_bounce"):
            is_bounce: Flags = (columns["pageviews"] <= 1) & (columns["events"] == 0)
            return is_bounce
        case Flag(field):
            is_set: Flags = columns[field] != 0
            return is_set
        case VisitorKeys(keys):
            return np.isin(columns["visitor_key"], np.frombuffer(keys, ">i8"))
        case Journey(steps):
            return _journey(columns, steps)
    raise AssertionError(predicate)


def _of_step_words(words: Sequence[str], condition: Predicate) -> Flags:
    """A word is a kind and a value, and a condition is about one kind."""
    match condition:
        case OneOf(field, values):
            wanted = {KINDS[field] + value for value in values}
            return _words(words, wanted.__contains__)
        case Like(field, pattern):
            kind = KINDS[field]
            return _words(words, lambda word: word[:1] == kind and pattern.matches(word[1:]))
    raise AssertionError(condition)


def _words(words: Sequence[str], is_match: Callable[[str], bool]) -> Flags:
    return np.fromiter(map(is_match, words), np.bool_, len(words))


def _of_text(columns: Columns, field: str, is_match: Callable[[str], bool]) -> Flags:
    matches: Flags = _words(columns.words[field], is_match)
    return matches[columns[field]]


def _between(columns: Columns, field: str, low: int | None, high: int | None) -> Flags:
    # Arrays have small unsigned types, which many bounds do not fit.
    values = columns[field].astype(np.int64, copy=False)
    if field == "duration":  # whole seconds, as the list shows them
        values = values // _SECOND
    found = np.ones(len(columns), np.bool_)
    if low is not None:
        found &= values >= low
    if high is not None:
        found &= values <= high
    return found


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
        return np.zeros(len(columns), np.bool_)
    return np.logical_or.reduceat(matches[columns["step_item"]], columns.step_starts)


def _journey(columns: Columns, steps: Sequence[Predicate]) -> Flags:
    """Sessions with these steps in order: for each step in turn, the earliest one counts."""
    # The sessions that have done all steps so far, and from where each of them goes on.
    sessions: Integers = np.arange(len(columns))
    reached: Integers = columns.step_starts
    for step in steps:
        matches = np.flatnonzero(_of_steps(columns, step))
        # Beyond the last match lies a position that no session has.
        positions = np.append(matches, len(columns["step_item"]))
        at = positions[np.searchsorted(matches, reached)]
        has = at < columns.step_ends[sessions]
        sessions, reached = sessions[has], at[has] + 1
    found = np.zeros(len(columns), np.bool_)
    found[sessions] = True
    return found

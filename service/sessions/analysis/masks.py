"""Compiles a predicate to a mask over columns: which sessions it is true of.

A condition on a text is decided once for each of its words, and once however often a predicate
has it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from sessions.analysis import interruption
from sessions.analysis.columns import KINDS, Array, Columns, Flags, Integers
from sessions.analysis.grouping import distinct
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
)
from sessions.domain.selection import Selection
from sessions.domain.steps import Step

_SECOND = 1_000_000
_ANY = Pattern("", True, True)


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
        case Computed(columns):
            return columns
        case Not(operand):
            return _columns_of(operand)
        case All(operands) | Either(operands):
            return frozenset().union(*map(_columns_of, operands))


def mask(predicate: Predicate, columns: Columns) -> Flags:
    """For each session, whether the predicate is true of it.

    Raises:
        Interrupted: see `sessions.analysis.interruption`.
    """
    of_step = _Remembered(partial(_of_step_words, columns.words.get("step_item", ())))
    of_session = _Remembered(partial(_of_sessions, columns, of_step))
    return _combine(predicate, of_session, len(columns))


def step_mask(step: Step, columns: Columns) -> Flags:
    """For each step of all sessions, whether a condition on one event is true of it.

    The columns have `step_item`.
    """
    of_step = _Remembered(partial(_of_step_words, columns.words["step_item"]))
    return _of_steps(columns, step.condition, of_step)


_Leaf = Callable[[Predicate], Flags]
"""Decides a single condition."""


class _Remembered:
    """Decides each single condition once; between two of them a computation can be stopped."""

    def __init__(self, leaf: _Leaf) -> None:
        self._leaf = leaf
        self._found: dict[Predicate, Flags] = {}

    def __call__(self, condition: Predicate) -> Flags:
        if condition not in self._found:
            interruption.check()
            self._found[condition] = self._leaf(condition)
        return self._found[condition]


def step_matches(steps: Sequence[Step], columns: Columns) -> Array:
    """For each step of all sessions, which conditions on one event are true of it, in its bits.

    The columns have `step_item`; the first condition has the lowest bit.
    """
    words = columns.words["step_item"]
    of_step = _Remembered(partial(_of_step_words, words))
    matches = np.zeros(len(words), np.min_scalar_type((1 << len(steps)) - 1))
    for bit, step in enumerate(steps):
        is_match = _combine(step.condition, of_step, len(words))
        matches |= is_match.astype(matches.dtype) << bit
    found: Array = matches[columns["step_item"]]
    return found


def keys_of(visitor_keys: Array) -> bytes:
    """Keys of visitors as `predicates.VisitorKeys` has them."""
    return distinct(visitor_keys).astype(">i8").tobytes()


def _of_steps(columns: Columns, condition: Predicate, of_step: _Leaf) -> Flags:
    is_match = _combine(condition, of_step, len(columns.words["step_item"]))
    found: Flags = is_match[columns["step_item"]]
    return found


def _combine(predicate: Predicate, leaf: _Leaf, size: int) -> Flags:
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


def _of_sessions(columns: Columns, of_step: _Leaf, predicate: Predicate) -> Flags:
    match predicate:
        case OneOf(field, values):
            is_match = _flags(map(frozenset(values).__contains__, columns.words[field]))
            return is_match[columns[field]]
        case Like(field, pattern):
            is_match = _like(pattern, columns.words[field])
            return is_match[columns[field]]
        case Has(collection, values):
            return _has(columns, KINDS[collection], values)
        case HasLike(collection, pattern):
            return _any_step(columns, of_step(Like(collection, pattern)))
        case Between(field, low, high):
            return _between(columns, field, low, high)
        case Flag("is_bounce"):
            is_bounce: Flags = (columns["pageviews"] <= 1) & (columns["events"] == 0)
            return is_bounce
        case Flag(field):
            is_set: Flags = columns[field] != 0
            return is_set
        case VisitorKeys(keys):
            return _is_among(columns["visitor_key"], np.frombuffer(keys, ">i8").astype(np.int64))
        case Journey(steps):
            return _journey(columns, steps, of_step)
        case Computed():
            found: Flags = predicate.mask(columns)
            return found
    raise AssertionError(predicate)


def _of_step_words(words: Sequence[str], condition: Predicate) -> Flags:
    """A word is a kind and a value, and a condition is about one kind."""
    match condition:
        case OneOf(field, values):
            wanted = {KINDS[field] + value for value in values}
            return _flags(map(wanted.__contains__, words))
        case Like(field, pattern):
            return _like(pattern, words, KINDS[field])
    raise AssertionError(condition)


def _flags(values: Iterable[bool]) -> Flags:
    return np.fromiter(values, np.bool_)


def _like(pattern: Pattern, words: Sequence[str], kind: str = "") -> Flags:
    """Whether words are of a kind, and what follows it matches a pattern.

    There can be a hundred thousand words: a function of our own for each of them would take ten
    times as long.
    """
    text, size = pattern.text, len(kind)
    # Words are sorted, and the kind alone stands for no value, which no pattern matches.
    first = bisect_right(words, kind)
    last = bisect_left(words, chr(ord(kind) + 1)) if kind else len(words)
    values = words[first:last]
    found = np.zeros(len(words), np.bool_)
    match pattern.any_before, pattern.any_after:
        case True, True:
            found[first:last] = [text in word[size:] for word in values]
        case True, False:
            found[first:last] = [word.endswith(text, size) for word in values]
        case False, True:
            found[first:last] = [word.startswith(text, size) for word in values]
        case _:
            found[first:last] = [word[size:] == text for word in values]
    return found


def _is_among(values: Array, keys: Integers) -> Flags:
    """Which values are among some sorted keys."""
    if not len(keys):
        return np.zeros(len(values), np.bool_)
    at = np.minimum(np.searchsorted(keys, values), len(keys) - 1)
    found: Flags = keys[at] == values
    return found


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
    words = columns.words["step_item"]
    wanted = {kind + value for value in values if value}
    found = _any_step(columns, _flags(map(wanted.__contains__, words)))
    if "" in values:
        found |= ~_any_step(columns, _like(_ANY, words, kind))
    return found


def _any_step(columns: Columns, matches: Flags) -> Flags:
    """Sessions with at least one step whose word matches; every session has a step."""
    if not matches.any():
        return np.zeros(len(columns), np.bool_)
    return np.logical_or.reduceat(matches[columns["step_item"]], columns.step_starts)


def _journey(columns: Columns, steps: Sequence[Predicate], of_step: _Leaf) -> Flags:
    """Sessions with these steps in order: for each step in turn, the earliest one counts."""
    # The sessions that have done all steps so far, and from where each of them goes on.
    sessions: Integers = np.arange(len(columns))
    reached: Integers = columns.step_starts
    for step in steps:
        matches = np.flatnonzero(_of_steps(columns, step, of_step))
        # Beyond the last match lies a position that no session has.
        positions = np.append(matches, len(columns["step_item"]))
        at = positions[np.searchsorted(matches, reached)]
        has = at < columns.step_ends[sessions]
        sessions, reached = sessions[has], at[has] + 1
    found = np.zeros(len(columns), np.bool_)
    found[sessions] = True
    return found

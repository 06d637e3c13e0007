"""Patterns: runs of items, directly one after the other, that many sessions have."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

from sessions.analysis import interruption, masks
from sessions.analysis.columns import Array, Columns, Flags, Integers
from sessions.analysis.grouping import distinct
from sessions.analysis.sequences import Items, sequences, word_number
from sessions.domain.behaviour_queries import PatternRules
from sessions.domain.predicates import Journey

MAX_CANDIDATES = 1_000_000
"""Different runs that are counted; each takes about 150 bytes."""

_ITEM_BITS = 21  # holds `sequences.MAX_ITEMS`
_ITEM = (1 << _ITEM_BITS) - 1


class Support(NamedTuple):
    """Sessions that hold something: all of them, and those that also reached the goal."""

    sessions: int
    goal_sessions: int

    @property
    def others(self) -> int:
        """Those that did not reach the goal."""
        return self.sessions - self.goal_sessions


class Pattern(NamedTuple):
    """A run of items as words, the sessions that hold it, and those that hold each item."""

    items: tuple[str, ...]
    support: Support
    of_items: list[Support]


class PatternResult(NamedTuple):
    """The patterns that most sessions have first; `total` are all selected sessions.

    Where `is_exact` is false there were more different runs than could be counted: patterns may be
    missing, and a pattern that is there may be a part of a missing one with as many sessions.
    """

    total: Support
    patterns: list[Pattern]
    is_exact: bool


@dataclass
class _Runs:
    """The runs of one length: the number of each, and its sessions with and without the goal.

    A run is known by the number of the run without its last item, and by that item.
    """

    numbers: dict[int, int]
    counts: Integers

    @classmethod
    def empty(cls) -> "_Runs":
        return cls({}, np.zeros((0, 2), np.int64))

    def number(self, keys: Integers, room: int) -> Integers:
        """The numbers of runs; -1 for those that are new when there is no room for more."""
        different, positions = np.unique(keys, return_inverse=True)
        numbers, limit = self.numbers, len(self.numbers) + room
        found = [
            numbers.setdefault(key, len(numbers)) if len(numbers) < limit else numbers.get(key, -1)
            for key in different.tolist()
        ]
        return np.array(found, np.int64)[positions]

    def count(self, numbers: Integers, sessions: Integers, reached: Flags) -> None:
        """Count the sessions that hold runs, once each."""
        size = max(len(self.numbers), 1)
        pairs = distinct(sessions * size + numbers)
        kinds = pairs % size * 2 + reached[pairs // size]
        counts = np.bincount(kinds, minlength=size * 2).reshape(size, 2)
        counts[: len(self.counts)] += self.counts
        self.counts = counts[: len(self.numbers)]

    @property
    def keys(self) -> Integers:
        return np.fromiter(self.numbers, np.int64, len(self.numbers))

    @property
    def totals(self) -> Integers:
        totals: Integers = self.counts.sum(axis=1)
        return totals

    def support(self, number: int) -> Support:
        without, reached = self.counts[number].tolist()
        return Support(without + reached, reached)


class PatternAccumulator:
    """The runs of the selected sessions."""

    columns: Collection[str] = ("step_item",)

    def __init__(self, rules: PatternRules) -> None:
        self._rules = rules
        self._items = Items()
        self._levels = [_Runs.empty() for _ in range(rules.length)]
        self._total = np.zeros(2, np.int64)
        self._is_exact = True

    def add(self, part: Columns) -> None:
        """Count the runs of the selected sessions."""
        part = part.compact()
        reached = np.zeros(len(part), np.bool_)
        if self._rules.goal:
            reached = masks.mask(Journey((self._rules.goal.condition,)), part)
        self._total += np.bincount(reached, minlength=2)
        found = sequences(part, self._rules.kinds, collapse=self._rules.collapse)
        items = self._items.of(part, found.words).astype(np.int64)
        sessions = np.repeat(np.arange(len(part)), found.ends - found.starts)
        ends = found.ends[sessions]
        # runs: for each position the number of the run that begins there, without its last item.
        runs, begins = np.zeros(len(items), np.int64), np.arange(len(items))
        for more, level in enumerate(self._levels):
            interruption.check()
            has_room = begins + more < ends[begins]
            begins, runs = begins[has_room], runs[has_room]
            runs = level.number(runs << _ITEM_BITS | items[begins + more], self._room(more))
            is_counted = runs >= 0
            self._is_exact &= bool(is_counted.all())
            begins, runs = begins[is_counted], runs[is_counted]
            level.count(runs, sessions[begins], reached)

    def _room(self, level: int) -> int:
        """How many new runs there may be; those of one item are as many as items."""
        runs = sum(len(each.numbers) for each in self._levels[1:])
        return MAX_CANDIDATES - runs if level else len(self._items)

    def result(self) -> PatternResult:
        """The patterns of at least so many sessions that are not a part of an equal longer one."""
        closed, words = self._closed(), self._items.words
        keys = [level.keys.tolist() for level in self._levels]
        found = []
        for level in range(1, len(self._levels)):
            is_wanted = closed[level] & (self._levels[level].totals >= self._rules.min_sessions)
            for run in np.flatnonzero(is_wanted).tolist():
                items = _items(keys[: level + 1], run)
                of_items = [
                    self._levels[0].support(self._levels[0].numbers[item]) for item in items
                ]
                support = self._levels[level].support(run)
                found.append(Pattern(tuple(words[item] for item in items), support, of_items))
        found.sort(key=lambda pattern: (-pattern.support.sessions, pattern.items))
        without, reached = self._total.tolist()
        return PatternResult(
            Support(without + reached, reached), found[: self._rules.limit], self._is_exact
        )

    def _closed(self) -> list[Flags]:
        """For each run whether no longer one that it is a part of has as many sessions."""
        closed = [np.ones(len(level.numbers), np.bool_) for level in self._levels]
        # suffixes: for each run the number of the run without its first item.
        suffixes = np.zeros(len(self._levels[0].numbers), np.int64)
        for length in range(1, len(self._levels)):
            interruption.check()
            longer, shorter = self._levels[length], self._levels[length - 1]
            prefixes, keys = longer.keys >> _ITEM_BITS, longer.keys & _ITEM
            keys |= suffixes[prefixes] << _ITEM_BITS
            suffixes = np.array([shorter.numbers.get(key, -1) for key in keys.tolist()], np.int64)
            for parts in (prefixes, suffixes):
                is_equal = (parts >= 0) & (shorter.totals[parts] == longer.totals)
                closed[length - 1][parts[is_equal]] = False
        return closed


def _items(keys: Sequence[Sequence[int]], run: int) -> list[int]:
    """The numbers of the items of a run, from the keys of its length and of all shorter ones."""
    items = []
    for own in reversed(keys):
        run, item = divmod(own[run], 1 << _ITEM_BITS)
        items.append(item)
    return items[::-1]


def lift(sessions: int, total: int, of_items: Collection[int]) -> float | None:
    """P(pattern) ÷ ∏ P(item) over so many sessions in all; None where it has no value."""
    expected = prod(count / total for count in of_items) if total else 0.0
    return sessions / total / expected if expected else None


def holds_run(part: Columns, rules: PatternRules, items: Collection[str]) -> Flags:
    """Which sessions hold a run of items."""
    found = sequences(part, rules.kinds, collapse=rules.collapse)
    sessions = np.repeat(np.arange(len(part)), found.ends - found.starts)
    begins: Array = np.arange(len(sessions) - len(items) + 1)
    for more, item in enumerate(items):
        number = word_number(part.words["step_item"], item)
        at = begins + more
        begins = begins[(found.words[at] == number) & (sessions[at] == sessions[begins])]
    holds = np.zeros(len(part), np.bool_)
    holds[sessions[begins]] = True
    return holds

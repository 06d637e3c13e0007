"""Sessions as columns: an array for each field, with one element for a session or for a step.

A step is an event of a session: a view of a page, or a custom event by its name. The steps of
all sessions stand one after the other, in order, in the `STEPS` columns.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sessions.domain.dimensions import TEXTS
from sessions.domain.hours import HOUR

Array = NDArray[Any]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

NUMBERS = ("started_at", "duration", "visitor_key", "pageviews", "events", "is_bot")
"""Moments and durations are microseconds, `is_bot` is 0 or 1."""
STEPS = ("step_item", "step_gap")
"""The number of a step's word, and microseconds since the step before it in its session."""
ALL = (*NUMBERS, *TEXTS, *STEPS)
"""Texts are numbers of words, too; the word `''` stands for unknown."""

WIDTHS: Mapping[int, str] = {1: "<u1", 2: "<u2", 4: "<u4", 8: "<i8"}
"""The type of integers of so many bytes. An unsigned one of 8 would turn sums into floats."""

PAGE, EVENT = "p", "e"
"""With what the word of a step begins: the path of a viewed page (`''` is unknown), or the name
of a custom event, follows."""
KINDS: Mapping[str, str] = {"page": PAGE, "event": EVENT}
"""The same by the name of the collection (`dimensions.COLLECTIONS`)."""

_ALWAYS = frozenset({"started_at", "visitor_key"})
_STEPS = frozenset(STEPS)
_STEP_COUNTS = frozenset({"pageviews", "events"})


def with_implied(names: Collection[str]) -> frozenset[str]:
    """These columns and those without which they can't be read."""
    return _ALWAYS.union(names, () if _STEPS.isdisjoint(names) else _STEP_COUNTS)


@dataclass(frozen=True)
class Columns:
    """Some sessions, by (`started_at`, `visitor_key`), which identifies them.

    Arrays have the smallest integer type that holds their values, mostly an unsigned one: name a
    `dtype` where values are added up or subtracted. They are not to be written to.

    Attributes:
        arrays: by the name of the column, those that were asked for, and `started_at` and
            `visitor_key`. With steps there are always `pageviews` and `events`.
        words: the sorted words of each column of texts, and those of `step_item`.
        selected: which sessions count. Others may stand here with values that are out of date.
    """

    arrays: Mapping[str, Array]
    words: Mapping[str, Sequence[str]]
    selected: Flags

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def __len__(self) -> int:
        return len(self.arrays["started_at"])

    @cached_property
    def step_counts(self) -> Integers:
        """How many steps each session has: at least one."""
        return np.add(self["pageviews"], self["events"], dtype=np.int64)

    @cached_property
    def step_ends(self) -> Integers:
        """For each session the position after its last step."""
        return np.cumsum(self.step_counts)

    @cached_property
    def step_starts(self) -> Integers:
        """For each session the position of its first step."""
        return self.step_ends - self.step_counts

    @cached_property
    def step_sessions(self) -> Array:
        """For each step the position of its session."""
        sessions = np.arange(len(self), dtype=np.min_scalar_type(len(self)))
        return np.repeat(sessions, self.step_counts)

    @cached_property
    def step_offsets(self) -> Integers:
        """For each step the microseconds since its session's start; needs `step_gap`."""
        elapsed = np.cumsum(self["step_gap"], dtype=np.int64)
        return elapsed - np.repeat(elapsed[self.step_starts], self.step_counts)

    @cached_property
    def hours(self) -> Integers:
        """For each session the number of the hour (UTC) in which it started."""
        return self["started_at"] // HOUR

    def take(self, sessions: Integers) -> "Columns":
        """The sessions at these positions, with their steps."""
        steps = sessions if _STEPS.isdisjoint(self.arrays) else self._steps_of(sessions)
        arrays = {
            name: array[steps if name in _STEPS else sessions]
            for name, array in self.arrays.items()
        }
        return Columns(arrays, self.words, self.selected[sessions])

    def _steps_of(self, sessions: Integers) -> Integers:
        """The positions of the steps of these sessions."""
        counts = self.step_counts[sessions]
        ends = np.cumsum(counts)
        # For each step, by how much its position in the result differs from the one here.
        first = np.repeat(self.step_starts[sessions] - (ends - counts), counts)
        return first + np.arange(len(first))

    def without_hours(self, hours: Iterable[int]) -> "Columns":
        """The same, but sessions that started in these hours are not selected."""
        edges = np.array([(hour * HOUR, (hour + 1) * HOUR) for hour in hours], np.int64)
        selected = self.selected.copy()
        for first, last in np.searchsorted(self["started_at"], edges).tolist():
            selected[first:last] = False
        return replace(self, selected=selected)

    def between(self, since: int, until: int) -> "Columns":
        """The same, but only sessions that started from `since` on and before `until` (µs)."""
        first, last = np.searchsorted(self["started_at"], [since, until])
        selected = np.zeros(len(self), np.bool_)
        selected[first:last] = self.selected[first:last]
        return replace(self, selected=selected)

    def hour(self, hour: int) -> "Columns":
        """The sessions that started in an hour, alone."""
        return self.take(np.flatnonzero(self.hours == hour))

    def compact(self) -> "Columns":
        """The selected sessions alone."""
        return self if self.selected.all() else self.take(np.flatnonzero(self.selected))


def concatenate(parts: Sequence[Columns]) -> Columns:
    """All sessions of some parts with the same columns, in order."""
    if len(parts) == 1:
        return parts[0]
    arrays: dict[str, Array] = {}
    words: dict[str, Sequence[str]] = {}
    for name in parts[0].arrays:
        pieces = [part[name] for part in parts]
        if name in parts[0].words:
            words[name] = sorted(set().union(*(part.words[name] for part in parts)))
            numbers = {word: number for number, word in enumerate(words[name])}
            pieces = [_renumber(part, name, numbers) for part in parts]
        arrays[name] = np.concatenate(pieces)
    joined = Columns(arrays, words, np.concatenate([part.selected for part in parts]))
    return joined.take(np.lexsort((joined["visitor_key"], joined["started_at"])))


def _renumber(part: Columns, name: str, numbers: Mapping[str, int]) -> Array:
    """A column of texts by the numbers of another list of words."""
    new = np.fromiter(map(numbers.__getitem__, part.words[name]), np.uint32, len(part.words[name]))
    return new[part[name]]


def smallest(values: Array) -> Array:
    """These values, none below 0, in the smallest type that holds the largest."""
    largest = int(values.max()) if len(values) else 0
    # 8 bytes are signed and hold half as much.
    width = next(width for width in WIDTHS if largest < 2 ** (8 * width - (width == 8)))
    return values.astype(WIDTHS[width], copy=False)

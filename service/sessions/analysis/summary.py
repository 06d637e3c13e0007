"""Summaries of groups of sessions, exact over many parts."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

from sessions.analysis.columns import Array, Columns, Flags, smallest
from sessions.analysis.grouping import Ordered, begins, in_order
from sessions.analysis.masks import step_mask
from sessions.domain.metrics import METRICS, Totals
from sessions.domain.steps import Step

_SECOND = 1_000_000

_COLUMNS = ("duration", "pageviews", "events")


def _bounces(part: Columns) -> Flags:
    is_bounce: Flags = (part["pageviews"] <= 1) & (part["events"] == 0)
    return is_bounce


def _seconds(part: Columns) -> Array:
    """Whole seconds, as lists show them."""
    return smallest(np.floor_divide(part["duration"], _SECOND, dtype=np.int64))


_SUMS: Mapping[str, Callable[[Columns], Array]] = {
    "pageviews": lambda part: part["pageviews"],
    "events": lambda part: part["events"],
    "bounces": _bounces,
    "total_duration": _seconds,
}
"""The metrics that are sums, and what a session adds to each."""

_SHORT_RUN = 4
"""Adding up runs of a group pays from so many sessions a run on."""

_PERCENTILES = {metric.name: metric.percent for metric in METRICS if metric.percent is not None}


class Measures(NamedTuple):
    """What summaries are made of: one element for each session of a part, none deselected."""

    visitors: Array
    sums: Mapping[str, Array]

    @property
    def durations(self) -> Array:
        """In whole seconds."""
        return self.sums["total_duration"]


class Measure:
    """Takes the measures of sessions.

    Args:
        goal: the step that counts in `goal_sessions`.
    """

    def __init__(self, goal: Step | None) -> None:
        self.columns = _COLUMNS if goal is None else (*_COLUMNS, "step_item")
        self._sums = dict(_SUMS)
        if goal is not None:
            self._sums["goal_sessions"] = partial(_reaches, goal)

    def __call__(self, part: Columns) -> Measures:
        """The measures of sessions that all are selected."""
        return Measures(part["visitor_key"], {name: of(part) for name, of in self._sums.items()})

    @property
    def nothing(self) -> Totals:
        """The totals of no sessions."""
        return dict.fromkeys(("sessions", "visitors", *self._sums), 0)


def _reaches(goal: Step, part: Columns) -> Flags:
    """Sessions that did a step at least once; every session has a step."""
    return np.logical_or.reduceat(step_mask(goal, part), part.step_starts)


class Grouped(NamedTuple):
    """Which sessions of a part belong to which groups.

    Attributes:
        measures: of the sessions.
        groups: numbers of groups, one for each session, or for each pair of session and group.
        sessions: the sessions of the pairs; None where each session has one group, in order.
    """

    measures: Measures
    groups: Array
    sessions: Array | None = None

    def by(self, numbers: Array) -> "Grouped":
        """The same with the group that `numbers` has for each one."""
        return self._replace(groups=numbers[self.groups])

    def below(self, count: int) -> "Grouped":
        """Without what belongs to groups from `count` on."""
        is_kept = self.groups < count
        if is_kept.all():
            return self
        positions = np.flatnonzero(is_kept)
        sessions = positions if self.sessions is None else self.sessions[positions]
        return self._replace(groups=self.groups[positions], sessions=sessions)

    def values(self, of_sessions: Array) -> Array:
        """A value of sessions for each pair."""
        return of_sessions if self.sessions is None else of_sessions[self.sessions]


def summarize(parts: Iterable[Grouped], count: int) -> list[Totals]:
    """The totals of the groups from 0 on and below `count`; there is at least one part."""
    kept = [part.below(count) for part in parts]
    groups = np.concatenate([part.groups for part in kept])

    def ordered(values: Callable[[Measures], Array]) -> Ordered:
        own = np.concatenate([part.values(values(part.measures)) for part in kept])
        return in_order(groups, own, count)

    names = ("sessions", *kept[0].measures.sums)
    columns = {name: add_up(kept, name, count) for name in names}
    columns["visitors"] = ordered(lambda measures: measures.visitors).count_distinct()
    numbers = zip(*(column.tolist() for column in columns.values()), strict=True)
    rows = [dict(zip(columns, row, strict=True)) for row in numbers]
    durations = ordered(lambda measures: measures.durations)
    with_sessions = [row for row in rows if row["sessions"]]
    for name, percent in _PERCENTILES.items():
        found = durations.nearest_ranks(percent).tolist()
        for row, value in zip(with_sessions, found, strict=True):
            row[name] = value
    return list(rows)


def add_up(parts: Iterable[Grouped], name: str, count: int) -> Array:
    """A metric that is a sum, for each group; `sessions` is one of them."""
    total = np.zeros(count, np.int64)
    for part in parts:
        groups = part.groups
        weights = None if name == "sessions" else part.values(part.measures.sums[name])
        # Sessions are in order of time: those of a bucket of time, or of everything, are a run.
        starts = np.flatnonzero(begins(groups))
        if len(starts) * _SHORT_RUN < len(groups):
            weights = np.add.reduceat(
                np.ones(len(groups), np.bool_) if weights is None else weights,
                starts,
                dtype=np.int64,
            )
            groups = groups[starts]
        # Floats hold whole numbers up to 2^53.
        total += np.bincount(groups, weights, minlength=count).astype(np.int64)
    return total


class TotalAccumulator:
    """Summarizes all sessions."""

    def __init__(self, goal: Step | None = None) -> None:
        self._measure = Measure(goal)
        self._parts: list[Grouped] = []

    @property
    def columns(self) -> Collection[str]:
        """What parts must hold."""
        return self._measure.columns

    def add(self, part: Columns) -> None:
        """Take the measures of the selected sessions."""
        measures = self._measure(part.compact())
        self._parts.append(Grouped(measures, np.zeros(len(measures.visitors), np.uint8)))

    def result(self) -> Totals:
        """The totals of all sessions."""
        return summarize(self._parts, 1)[0] if self._parts else self._measure.nothing

"""Summaries of the sessions of each bucket of time."""

from collections.abc import Collection, Sequence

import numpy as np

from sessions.analysis.columns import Columns
from sessions.analysis.summary import Grouped, Measure, summarize
from sessions.domain.metrics import Totals
from sessions.domain.steps import Step


class SeriesAccumulator:
    """Summarizes sessions by when they started.

    Args:
        starts: the first moments of the buckets in microseconds, in order. A session counts in
            the last bucket that starts before it or with it; there is one.
        goal: the step that counts in `goal_sessions`.
    """

    def __init__(self, starts: Sequence[int], goal: Step | None) -> None:
        self._starts = np.array(starts, np.int64)
        self._measure = Measure(goal)
        self._parts: list[Grouped] = []

    @property
    def columns(self) -> Collection[str]:
        """What parts must hold."""
        return self._measure.columns

    def add(self, part: Columns) -> None:
        """Take the measures of the selected sessions."""
        part = part.compact()
        ends = np.searchsorted(part["started_at"], self._starts[1:])
        sizes = np.diff(ends, prepend=0, append=len(part))
        buckets = np.arange(len(sizes), dtype=np.min_scalar_type(len(sizes)))
        self._parts.append(Grouped(self._measure(part), np.repeat(buckets, sizes)))

    def result(self) -> list[Totals]:
        """The totals of each bucket."""
        count = len(self._starts)
        return summarize(self._parts, count) if self._parts else [self._measure.nothing] * count

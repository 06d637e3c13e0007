"""Cohorts: visitors by the period of their first session, and in which periods they returned."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from sessions.analysis import masks
from sessions.analysis.columns import Array, Columns, Integers
from sessions.domain.hours import microseconds
from sessions.domain.selection import Selection


class _Firsts(NamedTuple):
    """The first sessions of visitors that are no bot sessions."""

    visitors: Array
    starts: Array
    is_selected: Array


class CohortAccumulator:
    """Cohorts of the visitors whose first session ever kept is selected; bots have none.

    Give it every session from the beginning to the end of the range, bots only where the selection
    has them.

    Args:
        selection: chooses the first sessions, and those with which visitors return.
        starts: the moments at which periods begin, the first one with the range.
    """

    def __init__(self, selection: Selection, starts: Sequence[datetime]) -> None:
        self._selection = selection
        self._starts = np.array([microseconds(start) for start in starts], np.int64)
        self._firsts: list[_Firsts] = []
        self._returns: list[tuple[Array, Integers]] = []

    @property
    def columns(self) -> Collection[str]:
        """What parts must hold."""
        return masks.columns_of(self._selection).union(("is_bot",))

    def add(self, part: Columns) -> None:
        """Take the first session of each visitor, and the periods of the selected ones."""
        inside = part.between(*map(microseconds, self._selection.range))
        is_selected = masks.select(inside, self._selection).selected
        people = np.flatnonzero(part.selected & (part["is_bot"] == 0))
        # Sessions stand in order, so that the first index is that of the first session.
        visitors, indices = np.unique(part["visitor_key"][people], return_index=True)
        first = people[indices]
        self._firsts.append(_Firsts(visitors, part["started_at"][first], is_selected[first]))
        chosen = np.flatnonzero(is_selected)
        self._returns.append(
            _pairs(part["visitor_key"][chosen], self._periods(part["started_at"][chosen]))
        )

    def _periods(self, moments: Array) -> Integers:
        return np.searchsorted(self._starts, moments, side="right") - 1

    def _members(self) -> tuple[Array, Integers]:
        """The visitors that have a cohort, by key, and the period of each."""
        firsts = [np.concatenate(each) for each in zip(*self._firsts, strict=True)]
        if not firsts:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        visitors, starts, is_selected = firsts
        order = np.lexsort((starts, visitors))
        is_first = np.diff(visitors[order], prepend=-1) != 0
        order = order[is_first]
        order = order[is_selected[order].astype(np.bool_)]
        return visitors[order], self._periods(starts[order])

    def _returned(self) -> tuple[Array, Integers, Integers]:
        """Each visitor of a cohort with each period in which it returned, and its cohort."""
        members, cohorts = self._members()
        if not len(members):
            return members, cohorts, cohorts
        joined = (np.concatenate(each) for each in zip(*self._returns, strict=True))
        visitors, periods = _pairs(*joined)
        at = np.minimum(np.searchsorted(members, visitors), len(members) - 1)
        # A bot session can come before the first one that is none.
        is_return = (members[at] == visitors) & (periods >= cohorts[at])
        return visitors[is_return], cohorts[at[is_return]], periods[is_return]

    def result(self) -> list[list[int]]:
        """For each cohort the visitors that returned in each period, that of the cohort first.

        In its own period each of its visitors returns: their first session starts there.
        """
        count = len(self._starts)
        _, cohorts, periods = self._returned()
        table = np.bincount(cohorts * count + periods, minlength=count * count)
        rows = table.reshape(count, count).tolist()
        return [row[cohort:] for cohort, row in enumerate(rows)]

    def visitors(self, cohort: int, period: int) -> bytes:
        """The visitors of a cohort that returned in a period, by numbers of periods.

        Returns:
            Their keys, as `predicates.VisitorKeys` has them.
        """
        visitors, cohorts, periods = self._returned()
        return masks.keys_of(visitors[(cohorts == cohort) & (periods == period)])


def _pairs(visitors: Array, periods: Integers) -> tuple[Array, Integers]:
    """The different pairs, by visitor."""
    order = np.lexsort((periods, visitors))
    visitors, periods = visitors[order], periods[order]
    is_new = (np.diff(visitors, prepend=-1) != 0) | (np.diff(periods, prepend=-1) != 0)
    return visitors[is_new], periods[is_new]

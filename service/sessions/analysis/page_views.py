"""Views of pages: how many there are of each group, which are first or last, and their times."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from sessions.analysis.columns import PAGE, Array, Columns, Flags, Integers, smallest
from sessions.analysis.grouping import begins, in_order


class Views(NamedTuple):
    """The pageviews of a part, one element each.

    Attributes:
        steps: their positions among the steps.
        is_entry: whether it is the first one of its session.
        is_exit: whether it is the last one of its session.
        times: microseconds until the next pageview of the session, or else until its last event;
            where times are not asked for, None.
        is_measured: whether there is anything after it.
    """

    steps: Integers
    is_entry: Flags
    is_exit: Flags
    times: Integers | None
    is_measured: Flags | None


def views_of(part: Columns, *, with_times: bool) -> Views:
    """The pageviews of a part, those of unknown pages, too."""
    words = part.words["step_item"]
    is_page = np.fromiter((word[:1] == PAGE for word in words), np.bool_, len(words))
    steps = np.flatnonzero(is_page[part["step_item"]])
    sessions = part.step_sessions[steps]
    is_entry = begins(sessions)
    is_exit = np.append(is_entry[1:], True)[: len(steps)]
    if not with_times:
        return Views(steps, is_entry, is_exit, None, None)
    last = part.step_ends[sessions] - 1
    until = np.where(is_exit, last, np.append(steps[1:], 0)[: len(steps)])
    times = part.step_offsets[until] - part.step_offsets[steps]
    return Views(steps, is_entry, is_exit, times, steps < last)


class PageTotals(NamedTuple):
    """What was counted of the views of a group; times are in microseconds.

    `total_time` and `median_time` are None where times are not asked for, `median_time` also
    where no view is measured.
    """

    views: int
    entries: int
    exits: int
    measured_views: int | None = None
    total_time: int | None = None
    median_time: int | None = None


class GroupedViews(NamedTuple):
    """Views of a part by the numbers of their groups; of the measured ones the times."""

    groups: Array
    is_entry: Flags
    is_exit: Flags
    measured: Array | None = None
    times: Array | None = None

    def by(self, numbers: Array) -> "GroupedViews":
        """The same with the group that `numbers` has for each one."""
        measured = self.measured if self.measured is None else numbers[self.measured]
        return self._replace(groups=numbers[self.groups], measured=measured)


def grouped(views: Views, chosen: Flags, groups: Array) -> GroupedViews:
    """Some of the views by group.

    Args:
        views: all of a part.
        chosen: which of them belong to a group.
        groups: the group of each chosen one.
    """
    found = GroupedViews(groups, views.is_entry[chosen], views.is_exit[chosen])
    if views.times is None or views.is_measured is None:
        return found
    is_measured = views.is_measured[chosen]
    times = smallest(views.times[chosen][is_measured])
    return found._replace(measured=groups[is_measured], times=times)


def total_views(parts: Iterable[GroupedViews], count: int) -> list[PageTotals]:
    """The totals of the groups from 0 on and below `count`, to which all views belong."""
    parts = list(parts)
    counted = np.zeros((3, count), np.int64)
    for part in parts:
        for row, groups in enumerate(
            (part.groups, part.groups[part.is_entry], part.groups[part.is_exit])
        ):
            counted[row] += np.bincount(groups, minlength=count)
    times = [(part.measured, part.times) for part in parts]
    measured = [(groups, each) for groups, each in times if groups is not None and each is not None]
    found = [PageTotals(*row) for row in counted.T.tolist()]
    if not measured:
        return found
    groups, own = map(np.concatenate, zip(*measured, strict=True))
    ordered = in_order(groups, own, count)
    medians = iter(ordered.nearest_ranks(50).tolist())
    return [
        each._replace(
            measured_views=views,
            total_time=total,
            median_time=next(medians) if views else None,
        )
        for each, views, total in zip(
            found, ordered.counts.tolist(), ordered.sums().tolist(), strict=True
        )
    ]

"""Sessions by the values of one or two dimensions."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from sessions.analysis.columns import EVENT, PAGE, Array, Columns, Flags, Integers, smallest
from sessions.analysis.grouping import renumber
from sessions.analysis.page_views import GroupedViews, PageTotals, grouped, total_views, views_of
from sessions.analysis.summary import Grouped, Measure, add_up, summarize
from sessions.domain.breakdown_query import BreakdownRules
from sessions.domain.dimensions import COLLECTIONS
from sessions.domain.errors import InvalidArgument, Violation
from sessions.domain.metrics import METRICS, Totals, summary

Values: TypeAlias = tuple[str, ...]
"""A value of each dimension."""

MAX_VALUES = 1_000_000
"""Different values of the dimensions: each takes about 400 bytes while they are put in order."""

_KINDS = {"page": PAGE, "event": EVENT}
_RATIOS = {metric.name: metric.ratio for metric in METRICS if metric.ratio}


class Row(NamedTuple):
    """The sessions with some values; `pages` is there where a dimension is `page`."""

    values: Values
    totals: Totals
    pages: PageTotals | None


@dataclass(frozen=True, slots=True)
class Rows:
    """A breakdown; `other` is of sessions with values that are in no row, None without any."""

    rows: Sequence[Row]
    other: Row | None
    total: Totals
    distinct_values: int


class _Elements(NamedTuple):
    """What has values: the sessions of a part, or those of its steps that have one.

    Attributes:
        sessions: the session of each, None where they are the sessions.
        steps: which steps they are, None where they are sessions.
    """

    sessions: Array | None
    steps: Integers | None


class BreakdownAccumulator:
    """Summarizes sessions by the values that they have."""

    def __init__(self, rules: BreakdownRules) -> None:
        self._rules = rules
        self._dimensions = rules.dimensions
        self._measure = Measure(rules.goal)
        self._numbers: dict[Values, int] = {}
        # Groups have other numbers in each part; each list has an element for a part.
        self._parts: list[Grouped] = []
        self._views: list[GroupedViews] = []
        self._own_numbers: list[Array] = []

    @property
    def columns(self) -> Collection[str]:
        """What parts must hold."""
        times = ("step_gap",) if self._rules.page_times else ()
        return value_columns(self._dimensions).union(self._measure.columns, times)

    def add(self, part: Columns) -> None:
        """Take the measures of the selected sessions, and the values that they have."""
        part = part.compact()
        elements = _elements(part, self._dimensions)
        groups, values = _groups(part, self._dimensions, elements)
        numbers = [self._numbers.setdefault(each, len(self._numbers)) for each in values]
        if len(self._numbers) > MAX_VALUES:
            text = f"has more than {MAX_VALUES:,} different values; send fewer days"
            raise InvalidArgument(Violation("end_date", text, MAX_VALUES))
        self._own_numbers.append(smallest(np.fromiter(numbers, np.int64, len(values))))
        measures = self._measure(part)
        if elements.sessions is None:
            self._parts.append(Grouped(measures, groups))
            return
        sessions, own_groups = _pairs(elements.sessions, groups)
        self._parts.append(Grouped(measures, own_groups, sessions))
        if "page" in self._dimensions:
            views = views_of(part, with_times=self._rules.page_times)
            chosen = _has_value(part, "page")[part["step_item"][views.steps]]
            self._views.append(grouped(views, chosen, groups))

    def result(self) -> Rows:
        """The first rows, and what all other sessions come to."""
        if not self._parts:
            return Rows((), None, self._measure.nothing, 0)
        everything = [
            Grouped(part.measures, np.zeros(len(part.measures.visitors), np.uint8))
            for part in self._parts
        ]
        [total] = summarize(everything, 1)
        values = list(self._numbers)
        listed = self._first(values)
        rank = np.full(len(values), len(listed), np.min_scalar_type(len(listed)))
        rank[listed] = np.arange(len(listed))
        ranks = [rank[numbers] for numbers in self._own_numbers]
        totals = self._totals(ranks, len(listed))
        pages: Sequence[PageTotals | None] = [None] * len(totals)
        if self._views:
            views = (view.by(own) for view, own in zip(self._views, ranks, strict=True))
            pages = total_views(views, len(listed) + 1)
        found = [
            Row(own, *of)
            for own, of in zip(
                [*(values[number] for number in listed), ()],
                zip(totals, pages, strict=True),
                strict=True,
            )
        ]
        other = found.pop()
        return Rows(found, other if len(values) > len(listed) else None, total, len(values))

    def _totals(self, ranks: Sequence[Array], count: int) -> list[Totals]:
        """The totals of the listed groups, and of all sessions that have another one."""
        parts = [part.by(own) for part, own in zip(self._parts, ranks, strict=True)]
        listed = summarize(parts, count) if count else []
        [other] = summarize([_once(part, part.groups == count) for part in parts], 1)
        return [*listed, other]

    def _first(self, values: Sequence[Values]) -> list[int]:
        """The numbers of the groups that are listed, in order."""
        keys = -self._metric(self._rules.order_by, len(values))
        # Only these can be among the first; those without a value, which are NaN, come last.
        if len(keys) > self._rules.limit:
            bound = np.partition(keys, self._rules.limit - 1)[self._rules.limit - 1]
            candidates = np.flatnonzero(np.isnan(bound) | (keys <= bound)).tolist()
        else:
            candidates = list(range(len(keys)))
        texts = {number: [value.encode() for value in values[number]] for number in candidates}
        by_key = np.nan_to_num(keys, nan=np.inf)
        candidates.sort(key=lambda number: (by_key[number], texts[number]))
        return candidates[: self._rules.limit]

    def _metric(self, name: str, count: int) -> Array:
        """A metric of each group; NaN where it has no value."""
        if name in _RATIOS:
            numerator, denominator = (self._metric(each, count) for each in _RATIOS[name])
            return np.divide(numerator, denominator)
        parts = [
            part.by(numbers) for part, numbers in zip(self._parts, self._own_numbers, strict=True)
        ]
        if name == "sessions" or name in self._parts[0].measures.sums:
            return add_up(parts, name, count).astype(np.float64)
        found = [summary(totals)[name] for totals in summarize(parts, count)]
        return np.array([np.nan if value is None else value for value in found])


def value_mask(
    part: Columns, dimensions: Sequence[str], is_wanted: Callable[[Values], bool]
) -> Flags:
    """For each session, whether it has values that are wanted.

    Args:
        part: with the columns of the dimensions, which `value_columns` names.
        dimensions: as of a breakdown.
        is_wanted: tells it of a value of each dimension.
    """
    elements = _elements(part, dimensions)
    groups, values = _groups(part, dimensions, elements)
    flags: Flags = np.fromiter(map(is_wanted, values), np.bool_, len(values))[groups]
    if elements.sessions is None:
        return flags
    found = np.zeros(len(part), np.bool_)
    found[elements.sessions[flags]] = True
    return found


def value_columns(dimensions: Sequence[str]) -> frozenset[str]:
    """The columns that have the values of dimensions."""
    return frozenset("step_item" if name in COLLECTIONS else name for name in dimensions)


def _elements(part: Columns, dimensions: Sequence[str]) -> _Elements:
    for name in dimensions:
        if name in COLLECTIONS:
            steps = np.flatnonzero(_has_value(part, name)[part["step_item"]])
            return _Elements(part.step_sessions[steps], steps)
    return _Elements(None, None)


def _groups(
    part: Columns, dimensions: Sequence[str], elements: _Elements
) -> tuple[Array, list[Values]]:
    """The group of each element in this part, and the values of these groups."""
    columns = [_column(part, elements, name) for name in dimensions]
    if len(columns) == 1:
        [(numbers, words)] = columns
        different, groups = renumber(numbers, len(words))
        return smallest(groups), [(words[number],) for number in different.tolist()]
    (first, first_words), (second, second_words) = columns
    size = len(second_words)
    keys = np.multiply(first, size, dtype=np.int64) + second
    different, groups = renumber(keys, len(first_words) * size)
    pairs = (divmod(key, size) for key in different.tolist())
    return smallest(groups), [(first_words[one], second_words[two]) for one, two in pairs]


def _column(part: Columns, elements: _Elements, name: str) -> tuple[Array, Sequence[str]]:
    """The number of each element's word in a dimension, and the words."""
    if name in COLLECTIONS:
        words = [word[1:] for word in part.words["step_item"]]
        return part["step_item"][elements.steps], words
    numbers = part[name]
    of_elements = numbers if elements.sessions is None else numbers[elements.sessions]
    return of_elements, part.words[name]


def _has_value(part: Columns, collection: str) -> Flags:
    """For each word of steps, whether it is of a collection; an unknown page is in no row."""
    words, kind = part.words["step_item"], _KINDS[collection]
    return np.fromiter((word[:1] == kind and word != kind for word in words), np.bool_, len(words))


def _pairs(sessions: Array, groups: Array) -> tuple[Array, Array]:
    """Each pair of a session and a group once.

    Args:
        sessions: in order.
        groups: one for each.
    """
    # A stable sort keeps sessions in order within each group.
    order = np.argsort(groups, kind="stable")
    sessions, groups = sessions[order], groups[order]
    is_new = np.ones(len(order), np.bool_)
    is_new[1:] = (groups[1:] != groups[:-1]) | (sessions[1:] != sessions[:-1])
    return sessions[is_new], groups[is_new]


def _once(part: Grouped, chosen: Flags) -> Grouped:
    """The sessions of some pairs, each once, as one group."""
    if part.sessions is None:
        sessions = np.flatnonzero(chosen)
    else:
        is_chosen = np.zeros(len(part.measures.visitors), np.bool_)
        is_chosen[part.sessions[chosen]] = True
        sessions = np.flatnonzero(is_chosen)
    return Grouped(part.measures, np.zeros(len(sessions), np.uint8), sessions)

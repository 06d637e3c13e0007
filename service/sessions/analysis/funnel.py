"""Funnels: how many sessions, or visitors, reach one step after the other."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np

from sessions.analysis import interruption, masks
from sessions.analysis.chains import Chains, Events, best_chains
from sessions.analysis.columns import STEPS, Array, Columns, Flags, Integers
from sessions.analysis.grouping import begins, one_group, renumber, stable_order
from sessions.domain.behaviour_queries import FunnelRules
from sessions.domain.errors import InvalidArgument, Violation
from sessions.domain.hours import microseconds
from sessions.domain.selection import Selection

MAX_EVENTS = 10_000_000
"""Events that a funnel of visitors holds in memory, about 30 bytes each."""


class StepResult(NamedTuple):
    """How many sessions or visitors reached a step, and how long that took after the step before.

    Times are in microseconds, None for the first step and where nobody reached the step.
    """

    reached: int
    median: int | None = None
    p90: int | None = None


class FunnelRow(NamedTuple):
    """The funnel of one value of the dimension."""

    value: str
    steps: list[StepResult]


class FunnelResult(NamedTuple):
    """A funnel; `other` is that of the values beyond `rows`, None where there are none."""

    steps: list[StepResult]
    rows: list[FunnelRow]
    other: list[StepResult] | None


class _Progress(NamedTuple):
    """How far some sessions or visitors came.

    `values` are numbers of texts; `gaps` has for each step but the first the microseconds since the
    step before, of those that reached it.
    """

    levels: Integers
    values: Integers
    gaps: list[Integers]


def _progress(chains: Chains, times: Integers, values: Integers) -> _Progress:
    gaps = [
        (times[after] - times[before])[chains.levels > level]
        for level, (before, after) in enumerate(
            zip(chains.positions, chains.positions[1:], strict=False), start=1
        )
    ]
    return _Progress(chains.levels, values, gaps)


class _Words:
    """Numbers of the texts of all parts."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def of(self, part: Columns, dimension: str, sessions: Integers) -> Integers:
        """The number of a text of each of some sessions."""
        if not dimension:
            return np.zeros(len(sessions), np.int64)
        words = part.words[dimension]
        codes, positions = np.unique(part[dimension][sessions], return_inverse=True)
        known = [self.numbers.setdefault(words[code], len(self.numbers)) for code in codes.tolist()]
        numbers: Integers = np.array(known, np.int64)[positions]
        return numbers


def _result(parts: Sequence[_Progress], rules: FunnelRules, names: Collection[str]) -> FunnelResult:
    everybody, limit = _joined(parts, len(rules.steps)), rules.limit
    values = everybody.values
    everything = _steps(everybody, np.ones(len(values), np.bool_))
    if not names:
        return FunnelResult(everything, [], None)
    counts = np.bincount(values, minlength=len(names)).tolist()
    # Ties by the bytes of the values.
    ranked = sorted(zip(names, counts, range(len(names)), strict=True), key=_rank)
    rows = [FunnelRow(name, _steps(everybody, values == n)) for name, _, n in ranked[:limit]]
    rest = [n for _, _, n in ranked[limit:]]
    other = _steps(everybody, np.isin(values, rest)) if rest else None
    return FunnelResult(everything, rows, other)


def _joined(parts: Sequence[_Progress], steps: int) -> _Progress:
    nothing = np.zeros(0, np.int64)
    empty = _Progress(nothing, nothing, [nothing] * (steps - 1))
    levels, values, gaps = zip(empty, *parts, strict=True)
    joined = [np.concatenate(own) for own in zip(*gaps, strict=True)]
    return _Progress(np.concatenate(levels), np.concatenate(values), joined)


def _rank(row: tuple[str, int, int]) -> tuple[int, bytes]:
    name, count, _ = row
    return -count, name.encode()


def _steps(progress: _Progress, chosen: Flags) -> list[StepResult]:
    levels = progress.levels
    found = [StepResult(int(np.count_nonzero(chosen)))]
    for level, gaps in enumerate(progress.gaps, start=1):
        own = one_group(gaps[chosen[levels > level]])
        ranks = [int(rank) for percent in (50, 90) for rank in own.nearest_ranks(percent)]
        found.append(StepResult(len(own.values), *ranks))
    return found


class SessionFunnel:
    """How far the selected sessions come."""

    def __init__(self, rules: FunnelRules) -> None:
        self._rules = rules
        self._words = _Words()
        self._parts: list[_Progress] = []

    @property
    def columns(self) -> Collection[str]:
        """What parts must hold."""
        return {*STEPS, *filter(None, [self._rules.dimension])}

    def add(self, part: Columns) -> None:
        """Take the selected sessions of a part."""
        chains, times = session_chains(part, self._rules)
        values = self._words.of(part, self._rules.dimension, chains.groups)
        self._parts.append(_progress(chains, times, values))

    def result(self) -> FunnelResult:
        """The funnel, with the values of the dimension that the most sessions have."""
        names = self._words.numbers
        return _result(self._parts, self._rules, names)


def session_chains(part: Columns, rules: FunnelRules) -> tuple[Chains, Integers]:
    """The chains of the selected sessions, and times that only count within a session."""
    positions, matches = _that_count(part, rules)
    times = np.cumsum(part["step_gap"], dtype=np.int64)[positions]
    flags = _flags(matches, rules)
    events = Events(part.step_sessions[positions], times, flags, rules.window)
    return best_chains(events, np.flatnonzero(flags[0]), is_strict=rules.is_strict), times


def _that_count(part: Columns, rules: FunnelRules) -> tuple[Integers, Array]:
    """The events of selected sessions that match a step, and which steps, in bits.

    With strict rules there are also those that break a chain.
    """
    matches = masks.step_matches(rules.steps, part)
    counts = matches != 0
    if rules.is_strict:
        # The first one after an event that matches breaks as much as those behind it do.
        counts |= np.append(True, counts[:-1])
        counts[part.step_starts] = True
    if not part.selected.all():
        counts &= np.repeat(part.selected, part.step_counts)
    positions = np.flatnonzero(counts)
    return positions, matches[positions]


def _flags(matches: Array, rules: FunnelRules) -> list[Flags]:
    """For each step, which events match it."""
    return [matches & 1 << step != 0 for step in range(len(rules.steps))]


def session_mask(
    part: Columns, rules: FunnelRules, levels: Collection[int], is_wanted: Callable[[str], bool]
) -> Flags:
    """Which selected sessions reach so many steps, and have a wanted value of the dimension."""
    chains, _ = session_chains(part, rules)
    found = np.zeros(len(part), np.bool_)
    found[chains.groups[np.isin(chains.levels, list(levels))]] = True
    if rules.dimension:
        words = part.words[rules.dimension]
        found &= np.fromiter(map(is_wanted, words), np.bool_, len(words))[part[rules.dimension]]
    return found


class _Kept(NamedTuple):
    """Events of visitors; `matches` has a bit for each step, `values` the session's text."""

    visitors: Array
    session_starts: Array
    times: Array
    matches: Array
    may_start: Array
    values: Array


class VisitorFunnel:
    """How far visitors come, from a step in a selected session on through all of their sessions.

    Give it every session that starts in the range or within the window after it, bots only where
    the selection has them.

    Args:
        rules: with a window.
        selection: chooses the sessions of the first step.
    """

    def __init__(self, rules: FunnelRules, selection: Selection) -> None:
        self._rules = rules
        self._selection = selection
        self._words = _Words()
        self._parts: list[_Kept] = []
        self._count = 0

    @property
    def columns(self) -> Collection[str]:
        """What parts must hold."""
        names = masks.columns_of(self._selection)
        return names.union(STEPS, filter(None, [self._rules.dimension]))

    def add(self, part: Columns) -> None:
        """Keep the events that count.

        Raises:
            InvalidArgument: they are too many.
        """
        inside = part.between(*map(microseconds, self._selection.range))
        chosen = masks.select(inside, self._selection).selected
        positions, matches = _that_count(part, self._rules)
        sessions = part.step_sessions[positions]
        starts = part["started_at"][sessions]
        kept = _Kept(
            visitors=part["visitor_key"][sessions],
            session_starts=starts,
            times=starts + part.step_offsets[positions],
            matches=matches,
            may_start=chosen[sessions],
            values=self._words.of(part, self._rules.dimension, sessions),
        )
        self._parts.append(kept)
        self._count += len(positions)
        if self._count > MAX_EVENTS:
            text = (
                f"the steps match more than {MAX_EVENTS:,} events; send fewer days, or steps that "
                "fewer events match"
            )
            raise InvalidArgument(Violation("end_date", text))

    def _sorted(self) -> _Kept:
        """All kept events by visitor and time."""
        if not self._parts:
            return _Kept(*np.zeros((6, 0), np.int64))
        joined = [np.concatenate(arrays) for arrays in zip(*self._parts, strict=True)]
        kept = _Kept(*joined)
        interruption.check()
        order = _by_visitor(kept.visitors, kept.session_starts)
        return _Kept(*(array[order] for array in kept))

    def _chains(self) -> tuple[Chains, _Kept]:
        """The chains of all visitors, and their events, by visitor."""
        kept = self._sorted()
        matches = _flags(kept.matches, self._rules)
        groups = np.cumsum(begins(kept.visitors), dtype=np.int32)
        events = Events(groups, kept.times, matches, self._rules.window)
        starts = np.flatnonzero(matches[0] & kept.may_start.astype(np.bool_))
        return best_chains(events, starts, is_strict=self._rules.is_strict), kept

    def result(self) -> FunnelResult:
        """The funnel, with the values of the dimension that the most visitors have."""
        chains, kept = self._chains()
        progress = _progress(chains, kept.times, kept.values[chains.positions[0]])
        names = list(self._words.numbers)
        # Sessions that begin no chain have words, too.
        used, values = renumber(progress.values, max(len(names), 1))
        progress = progress._replace(values=values)
        own = [names[number] for number in used.tolist()] if names else []
        return _result([progress], self._rules, own)

    def visitors(self, levels: Collection[int], is_wanted: Callable[[str], bool]) -> bytes:
        """The visitors that reach so many steps, and have a wanted value of the dimension.

        Returns:
            Their keys, as `predicates.VisitorKeys` has them.
        """
        chains, kept = self._chains()
        starts = chains.positions[0][np.isin(chains.levels, list(levels))]
        if self._rules.dimension:
            words = self._words.numbers
            wanted = np.fromiter(map(is_wanted, words), np.bool_, len(words))
            starts = starts[wanted[kept.values[starts]]]
        return masks.keys_of(kept.visitors[starts])

    def last_start(self) -> int:
        """The moment of the last event with which a chain begins, in microseconds; 0 without."""
        latest = [part.times[(part.matches & 1 == 1) & part.may_start] for part in self._parts]
        return int(max((times.max(initial=0) for times in latest), default=0))


def _by_visitor(visitors: Integers, session_starts: Integers) -> Integers:
    """An order by visitor, session, and then as before."""
    # Mostly in order already, which this sort makes use of.
    order = np.argsort(session_starts, kind="stable")
    return order[stable_order(visitors[order])]

"""Chains: events of a group that match steps, one step after the other.

A group is a session or a visitor; its events stand together, in order. Each event serves one step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sessions.analysis import interruption
from sessions.analysis.columns import Array, Flags, Integers
from sessions.analysis.grouping import begins


class Chains(NamedTuple):
    """The best chain of each group that has one.

    Attributes:
        groups: the numbers of the groups, ascending.
        levels: how many steps each chain has.
        positions: for each step the positions of its events, one for each chain; where the chain
            is shorter they mean nothing.
    """

    groups: Array
    levels: Integers
    positions: list[Array]

    def take(self, chosen: Array) -> "Chains":
        """Some of the chains, by index or by flag."""
        positions = [each[chosen] for each in self.positions]
        return Chains(self.groups[chosen], self.levels[chosen], positions)


@dataclass(frozen=True)
class Events:
    """Events by group.

    Args:
        groups: for each event the number of its group; never less than that of the event before.
        times: for each event its time in microseconds, which only counts within a group; never
            less than that of the event before in the group.
        matches: for each step, which events match it.
        window: how many microseconds a chain may take from its first event to its last one.
    """

    groups: Array
    times: Integers
    matches: Sequence[Flags]
    window: int | None = None


def best_chains(events: Events, starts: Integers, *, is_strict: bool = False) -> Chains:
    """The chain of each group that reaches furthest.

    Among these it is the one with the earliest start, and each step at its earliest event.

    Args:
        events: what chains are made of.
        starts: positions of events that match the first step, at which a chain may begin.
        is_strict: whether between two steps there may only be events that match the first of them.
    """
    if is_strict:
        return _best_strict_chains(events, starts)
    if events.window is None:
        # No later start goes further.
        starts = starts[begins(events.groups[starts])]
    chains = _follow(events, starts, events.matches)
    firsts = np.flatnonzero(begins(chains.groups))
    if len(firsts) < len(starts):
        furthest = np.maximum.reduceat(chains.levels, firsts)
        lengths = np.diff(np.append(firsts, len(starts)))
        chains = chains.take(chains.levels == np.repeat(furthest, lengths))
        chains = chains.take(begins(chains.groups))
    return chains


def _following(flags: Flags) -> Array:
    """For each position and the end the first one from there on whose flag is set.

    The length stands for none.
    """
    size = len(flags)
    # Quicker than int64, and there are never that many events.
    positions = np.full(size + 1, size, np.int32)
    positions[:-1][flags] = np.flatnonzero(flags)
    return np.minimum.accumulate(positions[::-1])[::-1]


def _follow(events: Events, starts: Integers, matches: Sequence[Flags]) -> Chains:
    """The chain from each start, each step at its earliest event."""
    groups, levels = events.groups[starts], np.ones(len(starts), np.int64)
    # A position beyond the last one belongs to no group.
    group_of, positions = np.append(events.groups, -1), [starts]
    alive = np.arange(len(starts))
    for flags in matches[1:]:
        interruption.check()
        reached = _following(flags)[positions[-1][alive] + 1]
        is_reached = group_of[reached] == groups[alive]
        alive, reached = alive[is_reached], reached[is_reached]
        if events.window is not None:
            in_time = events.times[reached] - events.times[starts[alive]] <= events.window
            alive, reached = alive[in_time], reached[in_time]
        levels[alive] += 1
        position = np.zeros(len(starts), np.int64)
        position[alive] = reached
        positions.append(position)
    return Chains(groups, levels, positions)


def _best_strict_chains(events: Events, starts: Integers) -> Chains:
    """Look for chains to the last step, then for those to the step before, and so on."""
    found, count = [], len(events.matches)
    for level in range(count, 0, -1):
        matches = _that_go_on(events, events.matches[:level])
        chains = _follow(events, starts[matches[0][starts]], matches)
        chains = chains.take(chains.levels == level)
        chains = chains.take(begins(chains.groups))
        padding = [chains.positions[0]] * (count - level)
        found.append(chains._replace(positions=chains.positions + padding))
        starts = starts[~np.isin(events.groups[starts], chains.groups, kind="sort")]
    groups, levels = (np.concatenate(each) for each in zip(*(c[:2] for c in found), strict=True))
    positions = zip(*(chains.positions for chains in found), strict=True)
    joined = Chains(groups, levels, [np.concatenate(each) for each in positions])
    return joined.take(np.argsort(groups, kind="stable"))


def _that_go_on(events: Events, matches: Sequence[Flags]) -> list[Flags]:
    """For each step, which of its events a strict chain can follow to the last step.

    From such an event, all events match its step until the next one that goes on from the next
    step. So the earliest one after it is always part of a chain, and none ends earlier.
    """
    group_of, going_on = np.append(events.groups, -1), [matches[-1]]
    for flags in reversed(matches[:-1]):
        following = _following(going_on[0])[1:]
        is_unbroken = following <= _following(~flags)[:-1]
        going_on.insert(0, flags & is_unbroken & (group_of[following] == events.groups))
    return going_on

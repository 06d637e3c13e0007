"""Flows: what sessions did next, as a tree of items from their entry or from an anchor."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sessions.analysis import interruption, masks
from sessions.analysis.columns import Array, Columns, Flags, Integers
from sessions.analysis.grouping import begins, renumber, stable_order
from sessions.analysis.sequences import Items, sequences, word_number
from sessions.domain.behaviour_queries import FlowRules
from sessions.domain.errors import InvalidArgument, Violation
from sessions.domain.steps import Step

MAX_NODES = 1_000
MAX_PATHS = 5_000_000
"""Different ways through the tree that are held in memory, 4 bytes for each item."""

_NONE = -1
_LARGEST_KEY = 1 << 62


class Ways(NamedTuple):
    """The ways of some sessions of a part: positions of sessions, and their items.

    Attributes:
        sessions: their positions in the part.
        words: a row of `depth` items for each, as numbers of words, -1 after the last one.
        lengths: how many items there are, even those that are too deep.
    """

    sessions: Integers
    words: Array
    lengths: Integers


def ways(part: Columns, rules: FlowRules) -> Ways:
    """The ways of the selected sessions that have one."""
    found = sequences(part, rules.kinds, collapse=rules.collapse)
    sessions = np.flatnonzero(part.selected)
    firsts, ends, step = found.starts[sessions], found.ends[sessions], 1
    if rules.anchor:
        anchors = _anchors(part, rules.anchor, last=rules.is_backward)[sessions]
        sessions, anchors = sessions[anchors >= 0], anchors[anchors >= 0]
        firsts, ends = found.starts[sessions], found.ends[sessions]
        after = np.searchsorted(found.positions, anchors, side="right")
        if rules.is_backward:
            # What was collapsed into the item before the anchor is that item.
            is_item = _is_item(part, found.words, after - 1, anchors, firsts)
            firsts, ends, step = after - 1 - is_item, firsts - 1, -1
        else:
            firsts = after
    lengths = np.abs(ends - firsts)
    words = np.full((len(sessions), rules.depth), _NONE, np.int32)
    for level in range(rules.depth):
        has = np.flatnonzero(lengths > level)
        words[has, level] = found.words[firsts[has] + step * level]
    return Ways(sessions, words, lengths)


def way_mask(
    part: Columns, rules: FlowRules, path: Sequence[str], figure: str, children: Collection[str]
) -> Flags:
    """Which selected sessions a node counts.

    Args:
        part: the sessions.
        rules: those of the tree.
        path: the items down to the node.
        figure: `''` for all of its sessions, `ended`, `truncated` or `other`.
        children: the items of its children, for `other`.
    """
    found, at = ways(part, rules), len(path)
    texts = part.words["step_item"]
    is_inside = found.lengths >= at
    for level, word in enumerate(path):
        is_inside &= found.words[:, level] == word_number(texts, word)
    match figure:
        case "ended":
            is_inside &= found.lengths == at
        case "truncated":
            is_inside &= (found.lengths > at) & (at == rules.depth)
        case "other" if at == rules.depth:
            is_inside[:] = False
        case "other":
            listed = [word_number(texts, word) for word in children]
            is_inside &= (found.lengths > at) & ~np.isin(found.words[:, at], listed)
    mask = np.zeros(len(part), np.bool_)
    mask[found.sessions[is_inside]] = True
    return mask


def _anchors(part: Columns, anchor: Step, *, last: bool) -> Integers:
    """For each session the position of its first or last step that matches, -1 without."""
    matches = np.flatnonzero(masks.step_mask(anchor, part))
    sessions = np.searchsorted(part.step_ends, matches, side="right")
    found = np.full(len(part), _NONE)
    if not last:
        matches, sessions = matches[::-1], sessions[::-1]
    # Of several the one that is written last stays.
    found[sessions] = matches
    return found


def _is_item(
    part: Columns, words: Array, items: Integers, anchors: Integers, firsts: Integers
) -> Flags:
    """Whether the item before or at an anchor is the anchor itself."""
    is_item = np.zeros(len(items), np.bool_)
    has = items >= firsts
    is_item[has] = words[items[has]] == part["step_item"][anchors[has]]
    return is_item


@dataclass
class Node:
    """A node of the tree: sessions whose way begins with the items down to it.

    Attributes:
        parent: its number; -1 for the root.
        depth: 0 for the root, which has no item.
        item: the word of its item.
        sessions: how many there are: those of its children and the following three.
        ended: they have no further item.
        truncated: they have, but the tree is not deeper.
        other: their next item is none of the children.
    """

    parent: int
    depth: int
    item: str
    sessions: int
    ended: int = 0
    truncated: int = 0
    other: int = 0


class FlowAccumulator:
    """The tree of the selected sessions."""

    columns = ("step_item",)

    def __init__(self, rules: FlowRules) -> None:
        self._rules = rules
        self._items = Items()
        self._parts: list[tuple[Array, Array, Array]] = []
        self._paths = 0

    def add(self, part: Columns) -> None:
        """Take the ways of the selected sessions.

        Raises:
            InvalidArgument: there are too many different ones.
        """
        found = ways(part, self._rules)
        numbers = self._items.of(part, found.words)
        paths = _distinct(numbers, np.minimum(found.lengths, self._rules.depth + 1))
        self._parts.append(paths)
        self._paths += len(paths[0])
        if self._paths > MAX_PATHS:
            text = f"sessions take more than {MAX_PATHS:,} ways; send fewer days or a smaller depth"
            raise InvalidArgument(Violation("depth", text))

    def result(self) -> list[Node]:
        """The nodes, each after its parent and by depth; the root is the first one."""
        if not self._parts:
            return [Node(_NONE, 0, "", 0)]
        rows, lengths, counts = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        tree = _Tree(self._items, self._rules.width)
        tree.grow(rows, lengths, counts)
        return tree.pruned()


def _distinct(rows: Array, lengths: Integers) -> tuple[Array, Array, Array]:
    """The different rows with their lengths, and how often each is there."""
    keys, count = np.zeros(len(rows), np.int64), 1
    for column in (*rows.T, lengths):
        size = int(column.max(initial=0)) + 2
        if count * size > _LARGEST_KEY:
            different, keys = np.unique(keys, return_inverse=True)
            count = len(different)
        keys, count = keys * size + column + 1, count * size
    order = stable_order(keys)
    firsts = np.flatnonzero(begins(keys[order]))
    different = order[firsts]
    counts = np.diff(firsts, append=len(order))
    return rows[different], lengths[different].astype(np.uint8), counts


class _Tree:
    """Grows level by level; of each node and each level only the largest children stay."""

    def __init__(self, items: Items, width: int) -> None:
        self._words = items.words
        self._ranks = items.ranks()
        self._width = width
        self.nodes: list[Node] = []

    def grow(self, rows: Array, lengths: Array, counts: Array) -> None:
        """Make the tree of so many sessions for each row."""
        self.nodes.append(Node(_NONE, 0, "", int(counts.sum())))
        node_of_row = np.zeros(len(rows), np.int64)
        depth = rows.shape[1]
        for level in range(depth + 1):
            interruption.check()
            is_ended = lengths == level
            self._add("ended", node_of_row[is_ended], counts[is_ended])
            stay = ~is_ended
            if level == depth:
                self._add("truncated", node_of_row[stay], counts[stay])
                break
            rows, lengths, counts = rows[stay], lengths[stay], counts[stay]
            node_of_row = self._branch(node_of_row[stay], rows[:, level], counts)
            goes_on = node_of_row != _NONE
            rows, lengths, counts = rows[goes_on], lengths[goes_on], counts[goes_on]
            node_of_row = node_of_row[goes_on]

    def _add(self, field: str, nodes: Integers, counts: Integers) -> None:
        totals = np.bincount(nodes, counts, minlength=len(self.nodes))
        for node in np.flatnonzero(totals).tolist():
            own = self.nodes[node]
            setattr(own, field, getattr(own, field) + int(totals[node]))

    def _branch(self, parents: Integers, items: Array, counts: Integers) -> Integers:
        """Make the children of one level; for each row its child, -1 where it has no node."""
        size = len(self._words) + 1
        keys, child_of_row = renumber(parents * size + items, size * len(self.nodes))
        totals = np.bincount(child_of_row, counts, minlength=len(keys)).astype(np.int64)
        parent, item = np.divmod(keys, size)
        order = np.lexsort((self._ranks[item], -totals, parent))
        firsts = np.flatnonzero(begins(parent[order]))
        ranks = np.arange(len(order)) - np.repeat(firsts, np.diff(np.append(firsts, len(order))))
        kept = order[ranks < self._width]
        # No others can be among the largest of all levels.
        kept = np.sort(kept[np.argsort(-totals[kept], kind="stable")[:MAX_NODES]])
        kept = kept[np.lexsort((self._ranks[item[kept]], -totals[kept], parent[kept]))]
        numbers = np.full(len(keys), _NONE)
        numbers[kept] = len(self.nodes) + np.arange(len(kept))
        dropped = numbers == _NONE
        self._add("other", parent[dropped], totals[dropped])
        for at in kept.tolist():
            node = int(parent[at])
            word = self._words[int(item[at])]
            self.nodes.append(Node(node, self.nodes[node].depth + 1, word, int(totals[at])))
        found: Integers = numbers[child_of_row]
        return found

    def pruned(self) -> list[Node]:
        """The largest nodes; the sessions of the others are in `other` of their parents."""
        # A parent is never smaller than its children, and comes before them.
        by_size = sorted(range(len(self.nodes)), key=lambda n: -self.nodes[n].sessions)
        kept = sorted(by_size[:MAX_NODES])
        numbers = {old: new for new, old in enumerate(kept)}
        for number, node in enumerate(self.nodes):
            if number not in numbers and node.parent in numbers:
                self.nodes[node.parent].other += node.sessions
        for node in (self.nodes[number] for number in kept[1:]):
            node.parent = numbers[node.parent]
        return [self.nodes[number] for number in kept]


def children(nodes: Sequence[Node], path: Sequence[str]) -> list[str]:
    """The items of the children of the node to which a path leads; none where there is no such."""
    at = 0
    for item in path:
        steps = (n for n, node in enumerate(nodes) if (node.parent, node.item) == (at, item))
        at = next(steps, len(nodes))
    return [node.item for node in nodes if node.parent == at]

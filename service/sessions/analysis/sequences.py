"""What sessions did as sequences of items: viewed pages, custom events, or both."""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from sessions.analysis.columns import KINDS, PAGE, Array, Columns, Flags, Integers
from sessions.analysis.grouping import begins
from sessions.domain.errors import InvalidArgument, Violation

MAX_ITEMS = 2_000_000
"""Different items that an analysis holds in memory."""


class Item(NamedTuple):
    """A viewed page (`kind` is `page`) by its path, or a custom event (`event`) by its name."""

    kind: str
    value: str


def item_of(word: str) -> Item:
    """The item of a word."""
    return Item("page" if word[0] == PAGE else "event", word[1:])


class Sequences(NamedTuple):
    """The items of all sessions of a part, those of a session after those of the one before.

    Attributes:
        words: the number of each item's word in the part.
        positions: of the items among all steps.
        ends: for each session the position, among the items, after its last one.
    """

    words: Array
    positions: Integers
    ends: Integers

    @property
    def starts(self) -> Integers:
        """For each session the position of its first item."""
        return np.append(0, self.ends[:-1])


def sequences(part: Columns, kinds: Collection[str], *, collapse: bool) -> Sequences:
    """The items of some kinds, of all sessions.

    Args:
        part: with `step_item`.
        kinds: `page`, `event` or both.
        collapse: whether a page that comes again directly after itself, among these items, counts
            once.
    """
    words = part["step_item"]
    is_item = _are_of(part, kinds)[words]
    if collapse:
        positions = np.flatnonzero(is_item)
        found, sessions = words[positions], part.step_sessions[positions]
        is_repeat = ~(begins(found) | begins(sessions)) & _are_of(part, ("page",))[found]
        is_item[positions[is_repeat]] = False
    positions = np.flatnonzero(is_item)
    # Every session has a step.
    counts = np.add.reduceat(is_item, part.step_starts, dtype=np.int64)
    return Sequences(words[positions], positions, np.cumsum(counts))


def _are_of(part: Columns, kinds: Collection[str]) -> Flags:
    words, prefixes = part.words["step_item"], {KINDS[kind] for kind in kinds}
    return np.fromiter((word[0] in prefixes for word in words), np.bool_, len(words))


def word_number(words: Sequence[str], word: str) -> int:
    """The number of a word among sorted ones, -1 if it is not there."""
    number = bisect_left(words, word)
    return number if number < len(words) and words[number] == word else -1


class Items:
    """Numbers of the items of all parts, from 0 on, in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def words(self) -> list[str]:
        """The word of each number."""
        return list(self._numbers)

    def of(self, part: Columns, words: Array) -> Array:
        """The numbers of items that are numbers of words of a part; -1 of -1.

        Raises:
            InvalidArgument: there are too many different ones.
        """
        texts = part.words["step_item"]
        # The last place is that of -1.
        occurs = np.zeros(len(texts) + 1, np.bool_)
        occurs[words] = True
        numbers = np.full(len(texts) + 1, -1, np.int32)
        used = np.flatnonzero(occurs[:-1]).tolist()
        numbers[used] = [self.number(texts[word]) for word in used]
        if len(self) > MAX_ITEMS:
            text = f"has more than {MAX_ITEMS:,} different pages and events; send fewer days"
            raise InvalidArgument(Violation("end_date", text))
        return numbers[words]

    def number(self, word: str) -> int:
        """The number of a word, a new one if need be."""
        return self._numbers.setdefault(word, len(self._numbers))

    def ranks(self) -> Integers:
        """For each number the rank of its word by bytes."""
        ordered = sorted(range(len(self)), key=self.words.__getitem__)
        ranks = np.empty(len(self), np.int64)
        ranks[ordered] = np.arange(len(self))
        return ranks

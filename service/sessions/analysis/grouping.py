"""Values by group: brought together, counted, ranked."""

from typing import NamedTuple

import numpy as np

from sessions.analysis.columns import Array, Flags, Integers

# A table over a range of keys is quick while it is not much larger than the keys are many.
_SPARSE = 4
_SMALL_TABLE = 1 << 16

_KEY_BITS, _SHORT_KEY_BITS = 63, 32
"""Of integers that are not negative, of 8 and of 4 bytes."""


class Ordered(NamedTuple):
    """Values in ascending order within each group, one group after the other.

    Attributes:
        values: those of all groups.
        ends: for each group the position after its last value.
    """

    values: Array
    ends: Integers

    @property
    def starts(self) -> Integers:
        """For each group the position of its first value."""
        return np.append(0, self.ends[:-1])

    @property
    def counts(self) -> Integers:
        """How many values each group has."""
        return self.ends - self.starts

    def sums(self) -> Integers:
        """The sum of each group."""
        sums = np.append(0, np.cumsum(self.values, dtype=np.int64))
        found: Integers = sums[self.ends] - sums[self.starts]
        return found

    def count_distinct(self) -> Integers:
        """How many different values each group has."""
        is_new = begins(self.values)
        is_new[self.starts[self.counts > 0]] = True
        return np.diff(np.searchsorted(np.flatnonzero(is_new), self.ends), prepend=0)

    def nearest_ranks(self, percent: int) -> Array:
        """A percentile of each group that has values, by nearest rank: of n the one at ⌈p·n⌉."""
        has_values = self.counts > 0
        ranks = -(-percent * self.counts[has_values] // 100)
        found: Array = self.values[self.starts[has_values] + ranks - 1]
        return found


def in_order(groups: Array, values: Array, count: int) -> Ordered:
    """Values by group.

    Args:
        groups: the group of each value, from 0 on and below `count`.
        values: whole numbers.
        count: how many groups there are.
    """
    if count == 1:
        return one_group(values)
    low = int(values.min()) if len(values) else 0
    bits = int(values.max(initial=low) - low).bit_length()
    if bits + count.bit_length() > _KEY_BITS:
        different, positions = np.unique(values, return_inverse=True)
        ranks = in_order(groups, positions, count)
        return ranks._replace(values=different[ranks.values])
    # A group and a value as one number: numpy sorts numbers far quicker than pairs, and short
    # numbers quicker than long ones.
    kind = np.dtype(np.uint32 if bits + count.bit_length() <= _SHORT_KEY_BITS else np.int64)
    keys: Array = groups.astype(kind) << bits
    keys |= np.subtract(values, low, dtype=np.int64).astype(kind)
    keys.sort()
    ends = np.searchsorted(keys, np.arange(1, count + 1, dtype=kind) << bits)
    keys &= (1 << bits) - 1
    return Ordered(keys.astype(np.int64) + low, ends)


def one_group(values: Array) -> Ordered:
    """All values as one group."""
    return Ordered(np.sort(values), np.array([len(values)]))


def begins(values: Array) -> Flags:
    """Which values differ from the one before; the first one does."""
    found: Flags = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=found[1:])
    return found


def distinct(values: Array) -> Array:
    """The different values, ascending; `numpy.unique` takes thirty times as long."""
    ordered = np.sort(values)
    return ordered[begins(ordered)]


def stable_order(keys: Array) -> Integers:
    """The positions of whole numbers in ascending order, and of equal ones as before."""
    bits = len(keys).bit_length()
    low, high = int(keys.min(initial=0)), int(keys.max(initial=0))
    if (high - low).bit_length() + bits > _KEY_BITS:
        return np.argsort(keys, kind="stable")
    # A number and its position as one number, as above.
    packed = np.subtract(keys, low, dtype=np.int64) << bits
    packed |= np.arange(len(keys))
    packed.sort()
    packed &= (1 << bits) - 1
    return packed


def renumber(keys: Array, size: int) -> tuple[Integers, Array]:
    """The different keys, sorted, and for each key the position of its own among them.

    Args:
        keys: from 0 on.
        size: more than the largest.
    """
    if size > max(_SPARSE * len(keys), _SMALL_TABLE):
        return np.unique(keys, return_inverse=True)
    occurs = np.zeros(size, np.bool_)
    occurs[keys] = True
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[keys]

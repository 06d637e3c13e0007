"""Values by group: brought together, counted, ranked."""

from collections.abc import Iterator, Sequence

import numpy as np

from sessions.analysis.columns import Array, Integers
from sessions.analysis.interruption import check

# A table over a range of keys is quick while it is not much larger than the keys are many.
_SPARSE = 4
_SMALL_TABLE = 1 << 16


def by_group(groups: Array, count: int) -> tuple[Integers, Integers]:
    """An order in which the values of each group stand together.

    Args:
        groups: the group of each value, from 0 on; of 16 bits or less where it has to be quick.
        count: how many groups there are.

    Returns:
        The positions of the values, by group and then as before, and where each group ends.
    """
    # numpy sorts integers of 16 bits by radix, others by comparing them.
    order = np.argsort(groups, kind="stable")
    return order, np.cumsum(np.bincount(groups, minlength=count))


def slices(values: Array, ends: Integers) -> Iterator[Array]:
    """The values of each group, of values that stand together."""
    start = 0
    for end in ends.tolist():
        check()
        yield values[start:end]
        start = end


def count_distinct(keys: Array, ends: Integers) -> list[int]:
    """How many different keys each group has, of keys that stand together by group."""
    keys = dense(keys)
    # Of equal keys in a group one is the last to write its position into the table. What groups
    # before have left there is written over before it is read.
    table = np.empty(keys.max(initial=-1) + 1, np.uint32)
    positions = np.arange(len(keys), dtype=np.uint32)
    found, start = [], 0
    for end in ends.tolist():
        check()
        group, own = keys[start:end], positions[start:end]
        table[group] = own
        found.append(int(np.count_nonzero(table[group] == own)))
        start = end
    return found


def dense(keys: Array) -> Integers:
    """Keys from 0 on that are equal where the given ones are, and not much larger than many."""
    if not len(keys):
        return np.zeros(0, np.int64)
    low, high = int(keys.min()), int(keys.max())
    if high - low <= max(_SPARSE * len(keys), _SMALL_TABLE):
        return np.subtract(keys, low, dtype=np.int64)
    return np.unique(keys, return_inverse=True)[1].astype(np.int64, copy=False)


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


def nearest_ranks(values: Array, percents: Sequence[int]) -> list[int]:
    """Percentiles of at least one value by nearest rank: of n values the one at ⌈p·n⌉."""
    ranks = [-(-percent * len(values) // 100) - 1 for percent in percents]
    ordered = np.partition(values, ranks)
    return [int(ordered[rank]) for rank in ranks]

"""Weighted tables: entries laid out over equal slots, so that one number picks an entry."""

from collections.abc import Iterable, Mapping
from itertools import accumulate, pairwise
from typing import Any

SLOTS = 8192
"""Slots of a weighted table; a power of two, so that SQL picks one by masking a hash."""


def weighted_table(entries: Iterable[tuple[float, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Lay (weight, columns) out: each entry with its first and last slot.

    The slots of an entry are its share of all weights, rounded; one too light for a slot of
    its own gets none and is left out.
    """
    weights, columns = zip(*entries, strict=True)
    total = sum(weights)
    bounds = [round(SLOTS * weight / total) for weight in accumulate(weights, initial=0)]
    return [
        {**each, "first_slot": start, "last_slot": end - 1}
        for each, (start, end) in zip(columns, pairwise(bounds), strict=True)
        # Too light for a slot of its own.
        if start < end
    ]

"""How far something is that takes a while: what callers of a use case may listen to."""

from collections.abc import Callable

Progress = Callable[[int, int], object]
"""Is told how many have just been removed, and how many there were at first."""


def silent(more: int, total: int) -> None:
    """For whoever does not listen."""

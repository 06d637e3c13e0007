"""Progress of something that takes a while."""

from collections.abc import Callable

Progress = Callable[[int, int], object]
"""Called with how many were just removed, and how many there are in all, by an estimate."""


def silent(more: int, total: int) -> None:
    """Shows no progress."""

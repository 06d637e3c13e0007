"""Rates of what was counted, and how sure they are."""

from math import sqrt
from typing import NamedTuple

_Z = 1.959963984540054
"""Of the standard normal distribution, 95 % lie within this many standard deviations."""


class Interval(NamedTuple):
    """Bounds of a rate."""

    low: float
    high: float


def rate(part: int, whole: int) -> float | None:
    """A part of a whole, from 0 to 1; None where the whole is 0."""
    return part / whole if whole else None


def wilson_interval(part: int, whole: int) -> Interval | None:
    """The 95 % confidence interval of a rate by Wilson's score; None where the whole is 0.

    See https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval
    """
    if not whole:
        return None
    share, spread = part / whole, _Z * _Z / whole
    center = (share + spread / 2) / (1 + spread)
    half = _Z * sqrt(share * (1 - share) / whole + spread / whole / 4) / (1 + spread)
    # Rounding can lead beyond what a rate can be.
    return Interval(max(0.0, center - half), min(1.0, center + half))

"""The metrics of a summary.

Each metric is stated here once. How a sum adds up over sessions is in `analysis/summary.py`; the
fields of messages, orders of rows and tables on the command line are made from this registry.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

Totals: TypeAlias = Mapping[str, int]
"""What was counted of some sessions, by the name of the metric; ratios are not among them."""

Summary: TypeAlias = Mapping[str, float | None]
"""All metrics by name; None where a metric has no value."""


class Unit(Enum):
    """What the value of a metric is."""

    COUNT = auto()
    SECONDS = auto()
    RATE = auto()
    """From 0 to 1."""
    AVERAGE = auto()
    """Of a count."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What a summary says of some sessions.

    Args:
        name: the field of the message, and a value of `order_by`.
        unit: what the value is.
        ratio: the two metrics of which it is the quotient.
        percent: for a percentile of durations, how many of 100 sessions last at most as long.
    """

    name: str
    unit: Unit
    ratio: tuple[str, str] | None = None
    percent: int | None = None

    def value(self, totals: Totals) -> float | None:
        """The value over some sessions; None without a denominator, and where nothing was asked."""
        if self.ratio is None:
            return totals.get(self.name)
        numerator, denominator = (totals.get(name) for name in self.ratio)
        return numerator / denominator if numerator is not None and denominator else None


METRICS = (
    Metric("sessions", Unit.COUNT),
    Metric("visitors", Unit.COUNT),
    Metric("pageviews", Unit.COUNT),
    Metric("events", Unit.COUNT),
    Metric("bounces", Unit.COUNT),
    Metric("bounce_rate", Unit.RATE, ratio=("bounces", "sessions")),
    Metric("total_duration", Unit.SECONDS),
    Metric("avg_duration", Unit.SECONDS, ratio=("total_duration", "sessions")),
    Metric("median_duration", Unit.SECONDS, percent=50),
    Metric("p90_duration", Unit.SECONDS, percent=90),
    Metric("pageviews_per_session", Unit.AVERAGE, ratio=("pageviews", "sessions")),
    Metric("events_per_session", Unit.AVERAGE, ratio=("events", "sessions")),
    Metric("goal_sessions", Unit.COUNT),
    Metric("goal_rate", Unit.RATE, ratio=("goal_sessions", "sessions")),
)
"""All metrics, in the order in which they are shown."""


def summary(totals: Totals) -> Summary:
    """All metrics of some sessions."""
    return {metric.name: metric.value(totals) for metric in METRICS}

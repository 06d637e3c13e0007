"""Medians with their spread, and what was measured beside its reference."""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Series:
    """Repetitions of one measurement."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        """The least one."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The greatest one."""
        return max(self.values)

    def __str__(self) -> str:
        return f"{_short(self.median)} ({_short(self.low)} to {_short(self.high)})"

    def as_json(self) -> dict[str, float]:
        """Median and spread."""
        return {"median": self.median, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Comparison:
    """Ours and its reference, measured in turns."""

    what: str
    reference_name: str
    unit: str
    ours: Series
    reference: Series
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ratio(self) -> Series:
        """Ours to the reference, turn by turn."""
        pairs = zip(self.ours.values, self.reference.values, strict=True)
        return Series(tuple(ours / reference for ours, reference in pairs))

    @property
    def target(self) -> str:
        """What the ratio should be, in words."""
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        return "stated" if self.at_least is None else f"at least {self.at_least:g}"

    @property
    def met(self) -> bool | None:
        """Whether the median ratio is as it should be; None where there is no target."""
        if self.at_most is not None:
            return self.ratio.median <= self.at_most
        return None if self.at_least is None else self.ratio.median >= self.at_least

    def as_json(self) -> dict[str, object]:
        """All of it, for a file."""
        return {
            "what": self.what,
            "reference": self.reference_name,
            "unit": self.unit,
            "ours_measured": self.ours.as_json(),
            "reference_measured": self.reference.as_json(),
            "ratio": self.ratio.as_json(),
            "target": self.target,
            "met": self.met,
        }


def in_turns(rounds: int, *measurements: Callable[[], float]) -> list[Series]:
    """Each measurement once per round, so that all of them see the same minute."""
    found: list[tuple[float, ...]] = [
        tuple(measure() for measure in measurements) for _ in range(rounds)
    ]
    return [Series(values) for values in zip(*found, strict=True)]


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def milliseconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def latencies(call: Callable[[], object], seconds: float) -> list[float]:
    """Milliseconds of call after call, for so many seconds."""
    found: list[float] = []
    ends = time.perf_counter() + seconds
    while not found or time.perf_counter() < ends:
        found.append(milliseconds(call))
    return found


def p50(call: Callable[[], object], seconds: float) -> float:
    """Median latency of one caller, in milliseconds."""
    return statistics.median(latencies(call, seconds))


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

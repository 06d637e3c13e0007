"""Figures as a terminal shows them."""

from collections.abc import Iterable, Sequence

from sessions.domain.metrics import METRICS, Metric, Summary, Unit

_MINUTE, _HOUR = 60, 3_600
_FULL = "█"
_BLOCKS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_LEVELS = "▁▂▃▄▅▆▇█"
NONE = "-"
"""What has no value."""


def figure(value: float | None, unit: Unit) -> str:
    """A value of a metric."""
    match unit:
        case _ if value is None:
            return NONE
        case Unit.COUNT:
            return f"{value:,.0f}"
        case Unit.SECONDS:
            return duration(value)
        case Unit.RATE:
            return f"{value:.1%}"
        case Unit.AVERAGE:
            return f"{value:,.2f}"


def duration(seconds: float) -> str:
    """Seconds, with minutes and hours where there are any."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02}s"
    return f"{whole // _HOUR:,}h {whole % _HOUR // _MINUTE:02}m"


def shown_metrics(summary: Summary) -> list[Metric]:
    """The metrics that a table shows: those of a goal only where one was asked for."""
    asked = summary["goal_sessions"] is not None
    return [metric for metric in METRICS if asked or not metric.name.startswith("goal_")]


def shown_figures(summary: Summary, names: Iterable[str]) -> list[str]:
    """Some metrics of a summary."""
    units = {metric.name: metric.unit for metric in METRICS}
    return [figure(summary[name], units[name]) for name in names]


def change(metric: Metric, value: float | None, before: float | None) -> str:
    """By how much a metric has changed: rates in percentage points, all others in percent."""
    if value is None or before is None:
        return NONE
    if metric.unit is Unit.RATE:
        return f"{(value - before) * 100:+.1f} pp"
    return f"{value / before - 1:+.1%}" if before else NONE


def bar(value: float | None, largest: float, width: int = 20) -> str:
    """A bar as long as a value is beside the largest one, to an eighth of a character."""
    eighths = round(8 * width * (value or 0) / largest) if largest else 0
    return _FULL * (eighths // 8) + _BLOCKS[eighths % 8]


def sparkline(values: Sequence[float]) -> str:
    """One character for each value, as high as it is beside the largest one."""
    largest = max(values, default=0)
    return "".join(_LEVELS[round(7 * value / largest)] if largest else " " for value in values)

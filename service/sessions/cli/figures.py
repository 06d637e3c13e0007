"""Figures as a terminal shows them."""

from collections.abc import Iterable, Sequence

import click

from sessions.domain.metrics import METRICS, Metric, Summary, Unit

_MINUTE, _HOUR = 60, 3_600
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


def change(metric: Metric, value: float | None, before: float | None) -> str:
    """By how much a metric has changed: rates in percentage points, all others in percent."""
    if value is None or before is None:
        return NONE
    if metric.unit is Unit.RATE:
        return f"{(value - before) * 100:+.1f} pp"
    return f"{value / before - 1:+.1%}" if before else NONE


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> None:
    """Print rows under a header; the first `texts` columns are texts, the others figures."""
    table = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        cells = [
            cell.ljust(width) if position < texts else cell.rjust(width)
            for position, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())

"""Bars as SVG, light or dark as the reader's screen is."""

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from bench.figures import Comparison
from bench.worst import Matrix

_LEFT, _WIDTH, _RIGHT, _ROW = 330, 360, 90, 26

_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 15px }
.ours { fill: #2f6fde } .other { fill: #9aa4b2 }
.spread { stroke: #24292f; stroke-width: 1 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .other { fill: #6e7681 } .spread { stroke: #e6edf3 }
}
"""


class Bar(NamedTuple):
    """One bar with its spread."""

    label: str
    value: float
    low: float
    high: float
    is_ours: bool = True


def svg(title: str, unit: str, bars: Sequence[Bar], *, logarithmic: bool = False) -> str:
    """A chart of horizontal bars.

    Args:
        title: what it shows.
        unit: of the values.
        bars: from top to bottom.
        logarithmic: each step to the right is a multiple; the bars begin at a tenth of the least.
    """
    height = 40 + _ROW * len(bars) + 10
    total = _LEFT + _WIDTH + _RIGHT
    least = min(bar.low for bar in bars) / 10 if logarithmic else 0.0
    most = max(bar.high for bar in bars) or 1.0

    def across(value: float) -> float:
        if logarithmic:
            return _WIDTH * math.log(max(value, least) / least) / math.log(most / least)
        return _WIDTH * value / most

    scale = ", logarithmic" if logarithmic else ""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}" width="{total}">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<text class="title" x="10" y="24">{escape(title)} ({escape(unit)}{scale})</text>',
    ]
    for number, bar in enumerate(bars):
        parts += _drawn(bar, 40 + _ROW * number, *map(across, (bar.value, bar.low, bar.high)))
    return "\n".join([*parts, "</svg>\n"])


def _drawn(bar: Bar, top: int, width: float, low: float, high: float) -> list[str]:
    middle = top + _ROW / 2
    kind = "ours" if bar.is_ours else "other"
    shown = f"{bar.value:,.0f}" if bar.value >= 100 else f"{bar.value:.3g}"
    return [
        f'<text x="{_LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(bar.label)}</text>',
        f'<rect class="{kind}" x="{_LEFT}" y="{top + 4}" width="{width:.1f}" height="{_ROW - 8}"/>',
        f'<path class="spread" d="M{_LEFT + low:.1f} {middle}H{_LEFT + high:.1f}"/>',
        f'<text x="{_LEFT + max(width, high) + 6:.1f}" y="{middle + 4}">{shown}</text>',
    ]


def write_comparisons(
    path: Path, title: str, comparisons: Sequence[Comparison], *, logarithmic: bool = False
) -> None:
    """A chart of pairs of bars: ours and the reference."""
    bars: dict[Bar, None] = {}
    for found in comparisons:
        ours, reference = found.ours, found.reference
        bars[Bar(_short(found.what), ours.median, ours.low, ours.high)] = None
        values = (reference.median, reference.low, reference.high)
        bars[Bar(_short(found.reference_name), *values, is_ours=False)] = None
    unit = comparisons[0].unit
    _write(path, svg(title, unit, list(bars), logarithmic=logarithmic))


def write_matrix(path: Path, matrix: Matrix) -> None:
    """A chart of the kinds of queries: the median query's p95, and those of all as its spread."""
    bars = []
    for kind, timings in matrix.kinds().items():
        values = sorted(timing.p95 for timing in timings)
        bars.append(Bar(kind, values[len(values) // 2], values[0], values[-1]))
    _write(path, svg("p95 by kind of query, median and range", "ms", bars, logarithmic=True))


def _short(text: str) -> str:
    return text if len(text) <= 46 else text[:45] + "…"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

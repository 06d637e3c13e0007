"""The read benchmark: how fast lists and sessions are read, each beside a reference.

    make bench
    make bench ARGS="--sessions 10000000 --data-dir DIR"     keeps its data for the next run
    make bench ARGS="--part matrix --data-dir DIR"           one part, or several
    make bench ARGS="--scale DIR-1M DIR-10M"                 the matrix over two amounts of data

It starts a service of its own on free ports, makes data where the directory has none, prints
tables, writes `performance.json` and charts, and ends what it started. Many callers are best
made by h2load (Debian: nghttp2-client); without it, two processes in Python make them. The peer
needs the extra `bench`; without it, that part is left out. Run it on a machine that does nothing
else.
"""

import asyncio
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from bench import (
    charts,
    conditions,
    costs,
    latency,
    load,
    matrix,
    memory,
    rates,
    report,
    scale,
    sizes,
    usual,
    worst,
)
from bench.figures import Comparison
from bench.programs import Missing
from bench.service import Service, Wanted, running_service

_WINDOWS = (7, 90, 365)
_USUAL_ROUNDS = 3
_TIMES_LARGER = 10


@dataclass
class Run:
    """One run: how long things are measured, and what was found so far."""

    service: Service
    folder: Path
    out: Path
    rounds: int
    seconds: float
    repeats: int
    matrix_seconds: float
    calls: int
    found: dict[str, object] = field(default_factory=dict)

    def memory(self) -> None:
        """Idle, and under load; the first part, while the worker is fresh."""
        report.heading("Memory of one worker")
        measured = memory.measure(self.service, self.calls)
        report.show_memory(measured)
        self.found["memory"] = measured.as_json()

    def latency(self) -> None:
        """One caller."""
        report.heading("One caller")
        parts = (latency.list_against_sql, latency.deep_against_first, latency.session_against_list)
        found = [part(self.service, self.rounds, self.seconds) for part in parts]
        timing = (self.folder, self.rounds, self.seconds)
        self._show("latency", [*found, rates.call_against_canned(self.service, *timing)])

    def rates(self) -> None:
        """Many callers."""
        report.heading("Many callers")
        click.echo(f"Calls by {load.tool()}.\n")
        parts = (
            rates.worker_against_canned,
            rates.unfilled_worker_against_canned,
            rates.worker_against_bytes,
            rates.rest_against_canned,
            rates.cold_rest_against_canned,
        )
        timing = (self.folder, self.rounds, self.seconds)
        self._show("rates", [part(self.service, *timing) for part in parts])

    def peer(self) -> None:
        """FastAPI."""
        report.heading("Against FastAPI")
        timing = (self.folder, self.rounds, self.seconds)
        naive = rates.rest_against_naive_peer(self.service, *timing)
        self._show("peer", [naive, *rates.rest_against_fair_peer(self.service, *timing)])

    def costs(self) -> None:
        """Processor time, and times at a fixed rate."""
        report.heading("What a call takes")
        found = costs.costs(self.service, self.folder, self.calls)
        report.show_costs(found)
        self.found["costs"] = [cost._asdict() for cost in found]
        # Of gRPC through one worker; two share the processor with who calls.
        paced = costs.paced(self.service, self.folder, found[0].rate, self.seconds)
        report.show_paced(paced)
        self.found["paced"] = [each._asdict() for each in paced]

    def matrix(self) -> None:
        """All kinds of queries."""
        report.heading("All kinds of queries")
        cases = asyncio.run(matrix.cases(self.service.url, self.service.data))
        found = worst.run(self.service, cases, self.repeats, self.matrix_seconds)
        report.show_matrix(found)
        self.found["matrix"] = found.as_json()
        charts.write_matrix(self._chart("matrix"), found)

    def conditions(self) -> None:
        """Conditions that the index of all filters does not answer alone."""
        report.heading("Expressions and journeys")
        found = conditions.run(self.service, self.repeats)
        report.show_conditions(found)
        self.found["conditions"] = [timing.as_json() for timing in found]

    def usual(self) -> None:
        """Aggregating on every call."""
        report.heading("Against the usual way")
        if self.service.data.sessions > usual.MOST_SESSIONS:
            raise Missing(f"this part is for at most {usual.MOST_SESSIONS:,} sessions")
        comparisons = usual.measure(self.service, _WINDOWS, min(self.rounds, _USUAL_ROUNDS))
        self._show("usual", comparisons, logarithmic=True)

    def sizes(self) -> None:
        """Bytes on disk."""
        report.heading("Tables and indexes")
        measured = sizes.measure(self.service)
        report.show_sizes(measured)
        self.found["sizes"] = [size._asdict() for size in measured]

    def _show(
        self, name: str, comparisons: Sequence[Comparison], *, logarithmic: bool = False
    ) -> None:
        report.show_comparisons(comparisons)
        self.found[name] = [found.as_json() for found in comparisons]
        title = {"latency": "One caller, p50", "usual": "A page, ours and the usual way"}
        chart = self._chart(name)
        charts.write_comparisons(
            chart, title.get(name, "Calls per second"), comparisons, logarithmic=logarithmic
        )

    def _chart(self, name: str) -> Path:
        return self.out / "charts" / f"{name}.svg"


_PARTS = {
    "memory": Run.memory,
    "latency": Run.latency,
    "rates": Run.rates,
    "peer": Run.peer,
    "costs": Run.costs,
    "matrix": Run.matrix,
    "conditions": Run.conditions,
    "sizes": Run.sizes,
    "usual": Run.usual,
}
_PATH = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option("--sessions", default=1_000_000, show_default=True, help="To make, where none are.")
@click.option("--days", default=365, show_default=True, help="Over which they are spread.")
@click.option("--websites", default=20, show_default=True, help="The first has half of them.")
@click.option("--seconds", default=5.0, show_default=True, help="Of each measurement.")
@click.option("--rounds", default=7, show_default=True, help="Of each pair of measurements.")
@click.option("--repeats", default=20, show_default=True, help="Calls of each query.")
@click.option("--matrix-seconds", default=900.0, show_default=True, help="At the most.")
@click.option("--calls", default=20_000, show_default=True, help="For the memory of a worker.")
@click.option("--part", "parts", multiple=True, type=click.Choice(list(_PARTS)), help="Only this.")
@click.option("--data-dir", type=_PATH, help="Where the data stays.  [default: it does not]")
@click.option("--out", type=_PATH, default=Path("docs"), show_default=True, help="For results.")
@click.option("--scale", "directories", nargs=2, type=_PATH, help="Little and much data.")
def main(
    sessions: int,
    days: int,
    websites: int,
    parts: tuple[str, ...],
    data_dir: Path | None,
    directories: tuple[Path, Path] | None,
    out: Path,
    **measuring: float,
) -> None:
    """Measure how fast sessions are read, each part beside a reference."""
    # As Ctrl-C does: what was started is ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    wanted = Wanted(sessions, days, websites)
    if directories:
        _scale(directories, wanted, out, **measuring)
        return
    with _folder(data_dir) as (folder, data), running_service(data, wanted) as service:
        click.echo(f"{service.data.sessions:,} sessions, {service.data.events:,} events")
        _run(Run(service, folder, out, **measuring), parts or tuple(_PARTS))  # type: ignore[arg-type]


def _run(run: Run, parts: Sequence[str]) -> None:
    for name in (name for name in _PARTS if name in parts):
        try:
            _PARTS[name](run)
        except Missing as missing:
            click.echo(f"left out: {missing}")
        report.write(run.out / "performance.json", run.found, run.service)


@contextmanager
def _folder(data_dir: Path | None) -> Iterator[tuple[Path, Path]]:
    """A folder for what is needed only now, and that of the data."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        # The server may run as another user, who has to get there.
        folder.chmod(0o711)
        yield folder, data_dir or folder / "data"


def _scale(directories: tuple[Path, Path], wanted: Wanted, out: Path, **measuring: float) -> None:
    more = Wanted(wanted.sessions * _TIMES_LARGER, wanted.days, wanted.websites)
    compared = scale.compare(
        directories,
        (wanted, more),
        rounds=int(measuring["rounds"]),
        repeats=int(measuring["repeats"]),
        most_seconds=measuring["matrix_seconds"],
    )
    report.heading("More data")
    report.show_comparisons([compared])
    report.write(out / "performance.json", {"scale": compared.as_json()}, None)


if __name__ == "__main__":
    main()

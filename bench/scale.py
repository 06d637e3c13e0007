"""The same matrix over two amounts of data."""

import asyncio
import statistics
from collections.abc import Sequence
from pathlib import Path

from bench import matrix, worst
from bench.figures import Comparison, Series
from bench.service import Wanted, running_service

MOST = 1.5


def compare(
    directories: tuple[Path, Path],
    wanted: tuple[Wanted, Wanted],
    *,
    rounds: int,
    repeats: int,
    most_seconds: float,
) -> Comparison:
    """Medians over the matrix with much and with little data, in turns; both have the same cases.

    Args:
        directories: data directories with little and with much data.
        wanted: what is made in those that are empty.
        rounds: how often each is measured.
        repeats: calls of each case.
        most_seconds: for one run of the matrix.
    """
    medians: tuple[list[float], list[float]] = ([], [])
    sessions = [0, 0]
    for _ in range(rounds):
        runs = []
        for number in (0, 1):
            found, sessions[number] = _run(
                directories[number], wanted[number], repeats, most_seconds
            )
            runs.append({timing.case.name: timing.median for timing in found.timings})
        common = runs[0].keys() & runs[1].keys()
        for number in (0, 1):
            medians[number].append(_median(runs[number], sorted(common)))
    little, much = (Series(tuple(values)) for values in medians)
    return Comparison(
        f"{sessions[1]:,} sessions, median over the matrix",
        f"{sessions[0]:,} sessions",
        "ms",
        much,
        little,
        at_most=MOST,
    )


def _run(
    directory: Path, wanted: Wanted, repeats: int, most_seconds: float
) -> tuple[worst.Matrix, int]:
    with running_service(directory, wanted) as service:
        cases = asyncio.run(matrix.cases(service.url, service.data))
        return worst.run(service, cases, repeats, most_seconds), service.data.sessions


def _median(run: dict[str, float], names: Sequence[str]) -> float:
    return statistics.median(run[name] for name in names)

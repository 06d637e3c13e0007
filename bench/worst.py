"""Runs the matrix through gRPC: the worst queries, and how they compare with a first page."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from analytics_sessions.v1 import session_service_pb2 as messages
from analytics_sessions.v1.session_service_pb2_grpc import SessionServiceStub

from bench.data import PAGE
from bench.figures import milliseconds, percentile
from bench.latency import DAYS, EVERYTHING
from bench.matrix import Case, request
from bench.service import Service

_AGAIN, _LOOKS, _MORE_OFTEN = 20, 3, 3
"""How many of the worst cases are measured anew, how often they are chosen, and how much longer."""

_REFERENCE_EVERY = 10
"""Cases between two looks at the reference."""

MOST_TIMES, MOST_MILLISECONDS = 30.0, 50.0


@dataclass(frozen=True)
class Timing:
    """How long the calls of one case took, in milliseconds."""

    case: Case
    values: tuple[float, ...]
    rows: int
    is_short: bool

    @property
    def p95(self) -> float:
        """The time that 95 of 100 calls kept to."""
        return percentile(self.values, 95)

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)


@dataclass(frozen=True)
class Matrix:
    """All timings, and those of the unfiltered first page in between."""

    timings: Sequence[Timing]
    reference: tuple[float, ...]
    left_out: int

    @property
    def worst(self) -> list[Timing]:
        """The slowest first."""
        return sorted(self.timings, key=lambda timing: -timing.p95)

    @property
    def reference_p95(self) -> float:
        """That of the unfiltered first page."""
        return percentile(self.reference, 95)

    @property
    def median(self) -> float:
        """The median over the cases of their medians."""
        return statistics.median(timing.median for timing in self.timings)

    @property
    def short(self) -> list[Timing]:
        """Pages with fewer rows than asked for that are not the last ones."""
        return [timing for timing in self.timings if timing.is_short]

    def kinds(self) -> dict[str, list[Timing]]:
        """The timings by kind of query, in the order of their names."""
        found: dict[str, list[Timing]] = {}
        for timing in sorted(self.timings, key=lambda timing: timing.case.filters.kind):
            found.setdefault(timing.case.filters.kind, []).append(timing)
        return found

    def as_json(self) -> dict[str, object]:
        """All of it, for a file."""
        worst = self.worst[0]
        ratio = worst.p95 / self.reference_p95
        return {
            "cases": len(self.timings),
            "left_out": self.left_out,
            "calls_per_case": min(len(timing.values) for timing in self.timings),
            "first_page_p50_ms": statistics.median(self.reference),
            "first_page_p95_ms": self.reference_p95,
            "median_ms": self.median,
            "worst_p95_ms": worst.p95,
            "worst_to_first_page": ratio,
            "met": ratio <= MOST_TIMES and worst.p95 <= MOST_MILLISECONDS,
            "over_50_ms": sum(t.p95 > MOST_MILLISECONDS for t in self.timings),
            "short_pages": len(self.short),
            "worst": [_timing_json(timing) for timing in self.worst[:25]],
        }


def _timing_json(timing: Timing) -> dict[str, object]:
    filters = {name: list(values) for name, values in timing.case.filters.values.items()}
    return {
        "case": timing.case.name,
        "filters": filters,
        "p50_ms": timing.median,
        "p95_ms": timing.p95,
        "rows": timing.rows,
        "short": timing.is_short,
    }


def run(service: Service, cases: Sequence[Case], repeats: int, most_seconds: float) -> Matrix:
    """Ask every case so often; when the time is over, the cases that are left are left out."""
    first = request(service.data, service.data.huge, EVERYTHING, DAYS)
    timings: list[Timing] = []
    reference: list[float] = []
    ends = time.monotonic() + most_seconds
    with service.worker() as stub:
        for number, case in enumerate(cases):
            if time.monotonic() > ends:
                break
            if number % _REFERENCE_EVERY == 0:
                reference += _ask(stub, service, first, repeats)[0]
            timings.append(_timing(stub, service, case, repeats))
        _look_again(stub, service, timings, repeats * _MORE_OFTEN)
    return Matrix(timings, tuple(reference), len(cases) - len(timings))


def _look_again(
    stub: SessionServiceStub, service: Service, timings: list[Timing], repeats: int
) -> None:
    """Measure the worst cases anew and longer: of thousands, the worst are also the unluckiest."""
    for _ in range(_LOOKS):
        timings.sort(key=lambda timing: -timing.p95)
        for number, timing in enumerate(timings[:_AGAIN]):
            if len(timing.values) < repeats:
                timings[number] = _timing(stub, service, timing.case, repeats)


def _timing(stub: SessionServiceStub, service: Service, case: Case, repeats: int) -> Timing:
    values, answer = _ask(stub, service, case.request, repeats)
    rows = len(answer.sessions)
    is_short = rows < PAGE and answer.next_cursor.WhichOneof("kind") == "string_value"
    return Timing(case, tuple(values), rows, is_short)


def _ask(
    stub: SessionServiceStub, service: Service, asked: messages.ListSessionsRequest, repeats: int
) -> tuple[list[float], messages.ListSessionsResponse]:
    """One caller, call after call; the last answer with the times of all."""
    answers: list[messages.ListSessionsResponse] = []

    def call() -> None:
        answers[:] = [stub.ListSessions(asked, metadata=service.credentials)]

    values = [milliseconds(call) for _ in range(repeats)]
    return values, answers[0]

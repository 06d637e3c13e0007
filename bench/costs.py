"""What a call takes of the processor, and how long it takes at a fixed rate."""

import functools
from pathlib import Path
from typing import NamedTuple

from bench.figures import percentile
from bench.load import Target, at_rate
from bench.processor import Cost, cost
from bench.rates import canned_workers, cold_target, peer, rest_target, worker_target
from bench.service import Service

_SHARES = (0.25, 0.5)
"""Of the calls per second that are possible: so many begin each second."""


class Paced(NamedTuple):
    """Calls that begin at a fixed rate, however long they take; milliseconds."""

    what: str
    rate: float
    p50: float
    p99: float


def costs(service: Service, folder: Path, calls: int) -> list[Cost]:
    """Processor time of each part of a call.

    Raises:
        Missing: FastAPI or uvicorn is not installed.
    """
    authority = service.authority
    found = [
        cost("gRPC, one worker", worker_target(service), calls, _is_worker),
        cost("REST, one page", rest_target(service, authority), calls, _is_worker),
        cost("REST, ever other pages", cold_target(service, authority), calls, _is_worker),
    ]
    with canned_workers(service, folder, 1) as [port]:
        target = _at(worker_target(service), port)
        found.append(cost("canned grpc.aio on uvloop", target, calls, _is_canned))
    with peer(service, folder, "bench.fair_peer:app") as port:
        target = rest_target(service, f"127.0.0.1:{port}")
        # Its children are processes of multiprocessing, whose command lines do not name it.
        is_peer = functools.partial(_is_peer, port)
        found.append(cost("FastAPI with the same duties", target, calls, is_peer))
    return found


def paced(service: Service, folder: Path, rate: float, seconds: float) -> list[Paced]:
    """The time of calls at shares of a rate."""
    found = []
    through_envoy = worker_target(service, f"http://{service.authority}")
    with canned_workers(service, folder, 1) as [port]:
        targets = {
            "gRPC through Envoy": through_envoy,
            "REST": rest_target(service, service.authority),
            "canned grpc.aio on uvloop, without Envoy": _at(worker_target(service), port),
        }
        for share in _SHARES:
            for what, target in targets.items():
                times = at_rate(target, rate * share, seconds)
                quantiles = (percentile(times, percent) for percent in (50, 99))
                found.append(Paced(what, rate * share, *quantiles))
    return found


def _at(target: Target, port: int) -> Target:
    path = target.url.partition("//")[2].partition("/")[2]
    url = f"http://127.0.0.1:{port}/{path}"
    return Target(url, target.answer_bytes, target.headers, target.message)


def _is_worker(line: str) -> bool:
    return "sessions.worker" in line


def _is_canned(line: str) -> bool:
    return "bench.canned" in line


def _is_peer(port: int, line: str) -> bool:
    return "multiprocessing" in line or f"--port={port}" in line

"""Many callers: a worker and the whole service, against parts that do nothing, and a peer."""

import importlib.util
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import grpc
from analytics_sessions.v1.session_service_pb2_grpc import SessionServiceStub
from sessions import gateway
from sessions.domain.session import Session
from sessions.standalone import envoy

from bench.figures import Comparison, Series, in_turns, p50
from bench.latency import DAYS, EVERYTHING, statement
from bench.load import Target, framed, throughput
from bench.matrix import request
from bench.programs import Missing, free_ports, listens, running
from bench.service import Service

_METHOD = "/analytics.sessions.v1.SessionService/ListSessions"
_REQUEST_TIMEOUT = 10.0
_WORKER = "one worker, gRPC, 50 rows"


def worker_target(service: Service) -> Target:
    """50 rows by gRPC from the first worker."""
    asked = request(service.data, service.data.huge, EVERYTHING, DAYS).SerializeToString()
    url = f"http://127.0.0.1:{service.worker_ports[0]}{_METHOD}"
    headers = {"authorization": f"Bearer {service.key}"}
    return Target(url, len(framed(answer(service))), headers, asked)


def answer(service: Service) -> bytes:
    """What the service answers to that, for others to repeat."""
    asked = request(service.data, service.data.huge, EVERYTHING, DAYS)
    with service.worker() as stub:
        return stub.ListSessions(asked, metadata=service.credentials).SerializeToString()


def call_against_canned(service: Service, folder: Path, rounds: int, seconds: float) -> Comparison:
    """One caller, against a server that does nothing: how much of a call is gRPC itself."""
    asked = request(service.data, service.data.huge, EVERYTHING, DAYS)
    with (
        _canned_workers(service, folder, 1) as [port],
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
        service.worker() as ours,
    ):
        canned = SessionServiceStub(channel)
        measured, compared = in_turns(
            rounds,
            lambda: p50(lambda: ours.ListSessions(asked, metadata=service.credentials), seconds),
            lambda: p50(lambda: canned.ListSessions(asked, metadata=service.credentials), seconds),
        )
    return Comparison(
        "ListSessions, 50 rows, no filter, one gRPC caller, p50",
        "a grpc.aio server with one canned message of the same size",
        "ms",
        measured,
        compared,
    )


def worker_against_canned(
    service: Service, folder: Path, rounds: int, seconds: float
) -> Comparison:
    """Calls per second of one worker against one that does nothing."""
    found = _worker_against(service, folder, rounds, seconds, "message")
    name = "a grpc.aio server with one canned message of the same size"
    return Comparison(_WORKER, name, "calls/s", *found, at_least=0.5)


def worker_against_bytes(service: Service, folder: Path, rounds: int, seconds: float) -> Comparison:
    """The same against one that does not even decode and encode."""
    found = _worker_against(service, folder, rounds, seconds, "bytes")
    return Comparison(_WORKER, "grpc.aio with canned bytes, nothing encoded", "calls/s", *found)


def _worker_against(
    service: Service, folder: Path, rounds: int, seconds: float, mode: str
) -> tuple[Series, Series]:
    ours = worker_target(service)
    with _canned_workers(service, folder, 1, mode) as [port]:
        url = f"http://127.0.0.1:{port}{_METHOD}"
        reference = Target(url, ours.answer_bytes, ours.headers, ours.message)
        measured, compared = in_turns(
            rounds, lambda: throughput(ours, seconds), lambda: throughput(reference, seconds)
        )
    return measured, compared


def rest_against_canned(service: Service, folder: Path, rounds: int, seconds: float) -> Comparison:
    """Calls per second of REST against the same Envoy in front of workers that do nothing."""
    with (
        _canned_workers(service, folder, len(service.worker_ports)) as ports,
        _envoy(ports, folder, service) as port,
    ):
        ours = _rest_target(service, service.authority)
        reference = _rest_target(service, f"127.0.0.1:{port}")
        measured, compared = in_turns(
            rounds, lambda: throughput(ours, seconds), lambda: throughput(reference, seconds)
        )
    return Comparison(
        "REST through Envoy, 50 rows",
        "the same Envoy in front of as many canned workers",
        "calls/s",
        measured,
        compared,
        at_least=0.6,
    )


def rest_against_peer(service: Service, folder: Path, rounds: int, seconds: float) -> Comparison:
    """Calls per second of REST against FastAPI with the same SQL and as many processes.

    Raises:
        Missing: FastAPI or uvicorn is not installed.
    """
    with _peer(service, folder) as port:
        ours = _rest_target(service, service.authority)
        reference = _rest_target(service, f"127.0.0.1:{port}")
        measured, compared = in_turns(
            rounds, lambda: throughput(ours, seconds), lambda: throughput(reference, seconds)
        )
    return Comparison(
        "REST through Envoy, 50 rows",
        f"FastAPI + psycopg_pool, the same SQL, {len(service.worker_ports)} processes",
        "calls/s",
        measured,
        compared,
    )


def _rest_target(service: Service, authority: str) -> Target:
    start, end = service.data.days(DAYS)
    path = f"/api/websites/{service.data.huge.website_id}/sessions"
    url = f"http://{authority}{path}?start_date={start}&end_date={end}&limit=50"
    headers = {"authorization": f"Bearer {service.key}"}
    return Target(url, len(_get(url, headers)), headers)


def _get(url: str, headers: dict[str, str]) -> bytes:
    asked = urllib.request.Request(url, headers=headers)  # noqa: S310 - always ours
    with urllib.request.urlopen(asked, timeout=_REQUEST_TIMEOUT) as response:  # noqa: S310
        body: bytes = response.read()
        return body


@contextmanager
def _canned_workers(
    service: Service, folder: Path, count: int, mode: str = "message"
) -> Iterator[list[int]]:
    payload = folder / "answer"
    payload.write_bytes(answer(service))
    with ExitStack() as stack:
        ports = []
        for number in range(count):
            port = free_ports(1)
            argv = [sys.executable, "-m", "bench.canned", str(port), str(payload), mode]
            log = folder / f"canned-{number}.log"
            stack.enter_context(running(argv, lambda port=port: listens(port), log=log))  # type: ignore[misc]
            ports.append(port)
        yield ports


@contextmanager
def _envoy(workers: list[int], folder: Path, service: Service) -> Iterator[int]:
    """Envoy as the service configures it, in front of other workers."""
    port = free_ports(1)
    config = folder / "envoy.json"
    config.write_text(
        gateway.render(
            host="127.0.0.1",
            port=port,
            workers=[("127.0.0.1", worker) for worker in workers],
            request_timeout=_REQUEST_TIMEOUT,
        )
    )

    def ready() -> bool:
        with suppress(urllib.error.URLError, ConnectionError):
            return bool(_rest_target(service, f"127.0.0.1:{port}").answer_bytes)
        return False

    with running(envoy.command(config), ready, log=folder / "envoy.log"):
        yield port


@contextmanager
def _peer(service: Service, folder: Path) -> Iterator[int]:
    if not all(map(importlib.util.find_spec, ("fastapi", "uvicorn"))):
        raise Missing("fastapi and uvicorn are not installed: pip install -e '.[bench]'")
    query = folder / "peer-query.json"
    sql, parameters = statement(service)
    query.write_text(json.dumps({"sql": sql, "parameters": parameters, "names": Session._fields}))
    port = free_ports(1)
    options = [f"--port={port}", f"--workers={len(service.worker_ports)}", "--no-access-log"]
    argv = [sys.executable, "-m", "uvicorn", "bench.peer:app", *options]
    environment = {"DATABASE_URL": service.url, "PEER_QUERY": str(query)}

    def ready() -> bool:
        with suppress(urllib.error.URLError, ConnectionError):
            return bool(_rest_target(service, f"127.0.0.1:{port}").answer_bytes)
        return False

    with running(argv, ready, log=folder / "peer.log", environment=environment):
        yield port

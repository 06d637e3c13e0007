"""Many callers: a worker and the whole service, against parts that do nothing, and a peer."""

import asyncio
import importlib.util
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import grpc
import psycopg
from analytics_sessions.v1.session_service_pb2_grpc import SessionServiceStub
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from sessions import gateway
from sessions.domain.dimensions import TEXTS
from sessions.domain.session import Session
from sessions.gateway.contract import DESCRIPTORS
from sessions.standalone import envoy
from sessions.storage.rows import SESSIONS

from bench.figures import Comparison, Series, in_turns, p50
from bench.latency import DAYS, EVERYTHING, statement
from bench.load import Target, framed, throughput
from bench.matrix import request
from bench.programs import Missing, free_ports, listens, running
from bench.service import Service, fill_messages

_PACKAGE, _PRINTED = "analytics.sessions.v1", "analytics.sessions.rest.v1"
_METHOD = f"/{_PACKAGE}.SessionService/ListSessions"
_REQUEST_TIMEOUT = 10.0
_WORKER = "one worker, gRPC, 50 rows"
_REST = "REST through Envoy, 50 rows"
_TRANSCODED = "Envoy transcoding the answers of as many canned workers"
_ALL_DAYS = 365
# As many as a website of 100,000 sessions has, less those of bots.
_PAGES = 1_500


def worker_target(service: Service, base: str = "") -> Target:
    """50 rows by gRPC, from the first worker if nothing else is said."""
    asked = request(service.data, service.data.huge, EVERYTHING, DAYS).SerializeToString()
    url = f"{base or f'http://127.0.0.1:{service.worker_ports[0]}'}{_METHOD}"
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
        canned_workers(service, folder, 1) as [port],
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
        "a grpc.aio server on uvloop with one canned message of the same size",
        "ms",
        measured,
        compared,
        at_most=2.2,
    )


def worker_against_canned(
    service: Service, folder: Path, rounds: int, seconds: float
) -> Comparison:
    """Calls per second of one worker against one that does nothing."""
    found = _worker_against(service, folder, rounds, seconds, "message")
    name = "a grpc.aio server on uvloop with one canned message of the same size"
    return Comparison(_WORKER, name, "calls/s", *found, at_least=0.37)


def unfilled_worker_against_canned(
    service: Service, folder: Path, rounds: int, seconds: float
) -> Comparison:
    """The same with sessions whose messages have to be made of their columns."""
    with _without_messages(service):
        found = _worker_against(service, folder, rounds, seconds, "message")
    name = "the same server"
    return Comparison(f"{_WORKER}, of columns", name, "calls/s", *found)


def worker_against_bytes(service: Service, folder: Path, rounds: int, seconds: float) -> Comparison:
    """The same against one that does not even decode and encode."""
    found = _worker_against(service, folder, rounds, seconds, "bytes")
    return Comparison(_WORKER, "grpc.aio with canned bytes, nothing encoded", "calls/s", *found)


def _worker_against(
    service: Service, folder: Path, rounds: int, seconds: float, mode: str
) -> tuple[Series, Series]:
    ours = worker_target(service)
    with canned_workers(service, folder, 1, mode) as [port]:
        url = f"http://127.0.0.1:{port}{_METHOD}"
        reference = Target(url, ours.answer_bytes, ours.headers, ours.message)
        measured, compared = in_turns(
            rounds, lambda: throughput(ours, seconds), lambda: throughput(reference, seconds)
        )
    return measured, compared


@contextmanager
def _without_messages(service: Service) -> Iterator[None]:
    """Take the messages of the sessions of the first page away, for the length of the block."""
    start, _ = service.data.days(DAYS)
    query = """
    UPDATE sessions SET message = NULL WHERE (website_key, started_at, session_id) IN (
        SELECT website_key, started_at, session_id FROM sessions
         WHERE website_key = %s AND started_at > %s ORDER BY started_at DESC LIMIT 500)
    """
    with psycopg.connect(service.url, autocommit=True) as connection:
        connection.execute(query, (service.data.huge.key, start))
    try:
        yield
    finally:
        asyncio.run(fill_messages(service.url))


def rest_against_canned(service: Service, folder: Path, rounds: int, seconds: float) -> Comparison:
    """Calls per second of REST, of one page, against an Envoy that transcodes canned answers."""
    ours = rest_target(service, service.authority)
    found = _rest_against_canned(service, ours, folder, rounds, seconds)
    return Comparison(f"{_REST}, one page", _TRANSCODED, "calls/s", *found, at_least=0.88)


def cold_rest_against_canned(
    service: Service, folder: Path, rounds: int, seconds: float
) -> Comparison:
    """The same of ever other pages."""
    ours = cold_target(service, service.authority)
    found = _rest_against_canned(service, ours, folder, rounds, seconds)
    return Comparison(f"{_REST}, ever other pages", _TRANSCODED, "calls/s", *found, at_least=0.64)


def _rest_against_canned(
    service: Service, ours: Target, folder: Path, rounds: int, seconds: float
) -> tuple[Series, Series]:
    with (
        canned_workers(service, folder, len(service.worker_ports)) as ports,
        _envoy(ports, folder, service) as port,
    ):
        reference = rest_target(service, f"127.0.0.1:{port}")
        measured, compared = in_turns(
            rounds, lambda: throughput(ours, seconds), lambda: throughput(reference, seconds)
        )
    return measured, compared


def rest_against_naive_peer(
    service: Service, folder: Path, rounds: int, seconds: float
) -> Comparison:
    """Calls per second of REST against FastAPI with the same SQL and as many processes.

    Raises:
        Missing: FastAPI or uvicorn is not installed.
    """
    with peer(service, folder, "bench.peer:app") as port:
        measured, compared = in_turns(
            rounds,
            lambda: throughput(rest_target(service, service.authority), seconds),
            lambda: throughput(rest_target(service, f"127.0.0.1:{port}"), seconds),
        )
    name = f"FastAPI + psycopg_pool, the same SQL and nothing else, {_processes(service)}"
    return Comparison(f"{_REST}, one page", name, "calls/s", measured, compared)


def rest_against_fair_peer(
    service: Service, folder: Path, rounds: int, seconds: float
) -> list[Comparison]:
    """The same against FastAPI with the same duties: one page, and ever other pages.

    Raises:
        Missing: FastAPI or uvicorn is not installed.
    """
    with peer(service, folder, "bench.fair_peer:app") as port:
        authority = f"127.0.0.1:{port}"
        hot, their_hot = in_turns(
            rounds,
            lambda: throughput(rest_target(service, service.authority), seconds),
            lambda: throughput(rest_target(service, authority), seconds),
        )
        ours = cold_target(service, service.authority)
        theirs = cold_target(service, authority)
        cold, their_cold = in_turns(
            rounds, lambda: throughput(ours, seconds), lambda: throughput(theirs, seconds)
        )
    name = f"FastAPI with the same duties, {_processes(service)}, no Envoy"
    return [
        Comparison(f"{_REST}, one page", name, "calls/s", hot, their_hot, at_least=1.2),
        Comparison(f"{_REST}, ever other pages", name, "calls/s", cold, their_cold, at_least=0.9),
    ]


def _processes(service: Service) -> str:
    return f"{len(service.worker_ports)} processes"


def rest_target(service: Service, authority: str) -> Target:
    """50 rows over REST, always the same."""
    start, end = service.data.days(DAYS)
    path = f"/api/websites/{service.data.huge.website_id}/sessions"
    url = f"http://{authority}{path}?start_date={start}&end_date={end}&limit=50"
    headers = {"authorization": f"Bearer {service.key}"}
    return Target(url, len(_get(url, headers)), headers)


def cold_target(service: Service, authority: str) -> Target:
    """50 rows over REST, of one page after the other, so that none is read twice in a row."""
    headers = {"authorization": f"Bearer {service.key}"}
    start, end = service.data.days(_ALL_DAYS)
    path = f"/api/websites/{service.data.huge.website_id}/sessions"
    first = f"{path}?start_date={start}&end_date={end}&limit=50"
    pages, cursor = [first], ""
    while len(pages) < _PAGES and cursor is not None:
        page = json.loads(_get(f"http://{authority}{pages[-1]}", headers))
        cursor = page["next_cursor"]
        pages.append(f"{first}&cursor={cursor}")
    return Target(f"http://{authority}", 0, headers, pages=tuple(pages[:-1]))


def _get(url: str, headers: dict[str, str]) -> bytes:
    asked = urllib.request.Request(url, headers=headers)  # noqa: S310 - always ours
    with urllib.request.urlopen(asked, timeout=_REQUEST_TIMEOUT) as response:  # noqa: S310
        body: bytes = response.read()
        return body


@contextmanager
def canned_workers(
    service: Service, folder: Path, count: int, mode: str = "message"
) -> Iterator[list[int]]:
    """Workers that do nothing; their ports."""
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
            descriptors=_transcoding(folder),
        )
    )

    def ready() -> bool:
        with suppress(urllib.error.URLError, ConnectionError):
            return bool(rest_target(service, f"127.0.0.1:{port}").answer_bytes)
        return False

    with running(envoy.command(config), ready, log=folder / "envoy.log"):
        yield port


def _transcoding(folder: Path) -> Path:
    """Descriptors with which Envoy makes the JSON of lists, where workers of the service do."""
    files = FileDescriptorSet.FromString(DESCRIPTORS.read_bytes())
    methods = {
        file.package: method
        for file in files.file
        for service in file.service
        for method in service.method
        if method.name == "ListSessions"
    }
    methods[_PACKAGE].options.CopyFrom(methods[_PRINTED].options)
    methods[_PRINTED].options.Clear()
    path = folder / "descriptors.pb"
    path.write_bytes(files.SerializeToString())
    return path


@contextmanager
def peer(service: Service, folder: Path, app: str) -> Iterator[int]:
    """A FastAPI application as many processes as there are workers; its port.

    Raises:
        Missing: FastAPI or uvicorn is not installed.
    """
    if not all(map(importlib.util.find_spec, ("fastapi", "uvicorn"))):
        raise Missing("fastapi and uvicorn are not installed: pip install -e '.[bench]'")
    query = folder / "peer-query.json"
    sql, parameters = statement(service, SESSIONS)
    names = [*Session._fields[:-1], *TEXTS]
    query.write_text(json.dumps({"sql": sql, "parameters": parameters, "names": names}))
    port = free_ports(1)
    options = [f"--port={port}", f"--workers={len(service.worker_ports)}", "--no-access-log"]
    argv = [sys.executable, "-m", "uvicorn", app, *options]
    environment = {"DATABASE_URL": service.url, "PEER_QUERY": str(query)}

    def ready() -> bool:
        with suppress(urllib.error.URLError, ConnectionError):
            return bool(rest_target(service, f"127.0.0.1:{port}").answer_bytes)
        return False

    with running(argv, ready, log=folder / "peer.log", environment=environment):
        yield port

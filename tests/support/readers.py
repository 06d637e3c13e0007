"""Readers who list, analyse and export one call after the other, and note how each ended."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import grpc
from analytics_sessions import Client
from analytics_sessions.errors import SessionsError
from analytics_sessions.v1 import analysis_service_pb2, session_service_pb2
from analytics_sessions.v1.analysis_service_pb2_grpc import AnalysisServiceStub
from analytics_sessions.v1.session_service_pb2_grpc import SessionServiceStub

from tests.support.writers import DAYS, Service

_SECONDS = 15.0


class NotAnswered(Exception):
    """What became of a call that has no answer, in one word."""


@dataclass
class Readings:
    """What a reader met: how many answers, and the failures with their moments."""

    answers: "Counter[str]" = field(default_factory=Counter)
    failures: list[tuple[float, str]] = field(default_factory=list)


class Reader:
    """Calls one after the other until told to stop, without trying any again.

    But for the export, which goes on by its cursor, as the SDK does.
    """

    def __init__(self, number: int, service: Service, stop: threading.Event) -> None:
        self._service = service
        self._stop = stop
        kinds: Sequence[tuple[str, Callable[[str], None]]] = (
            ("list over REST", self._list_over_rest),
            ("list over gRPC", self._list_over_grpc),
            ("summary over REST", self._summary_over_rest),
            ("breakdown over gRPC", self._breakdown_over_grpc),
            ("export", self._export),
        )
        self._kind, self._call = kinds[number % len(kinds)]
        self.readings = Readings()

    def __call__(self) -> Readings:
        """Read until told to stop."""
        options = (
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 500),
        )
        with (
            grpc.insecure_channel(self._service.authority, options) as channel,
            Client(self._service.stack.address, self._service.key, retry=120.0) as client,
        ):
            self._sessions, self._analysis = (
                SessionServiceStub(channel),
                AnalysisServiceStub(channel),
            )
            self._client = client
            while not self._stop.is_set():
                for website in self._service.website_ids:
                    self._read(website)
        return self.readings

    def _read(self, website: str) -> None:
        try:
            self._call(website)
        except (NotAnswered, OSError, SessionsError) as error:
            self.readings.failures.append((time.monotonic(), f"{self._kind}: {error}"))
            time.sleep(0.05)
        except grpc.RpcError as error:
            what = f"{self._kind}: {error.code().name} {error.details()}"
            self.readings.failures.append((time.monotonic(), what))
            time.sleep(0.05)
        else:
            self.readings.answers[self._kind] += 1

    def _over_rest(self, path: str) -> None:
        reply = self._service.stack.request(path, DAYS, key=self._service.key, timeout=_SECONDS)
        if reply.status != 200:
            raise NotAnswered(f"{reply.status} {reply.json['message']}")

    def _list_over_rest(self, website: str) -> None:
        self._over_rest(f"/api/websites/{website}/sessions")

    def _summary_over_rest(self, website: str) -> None:
        self._over_rest(f"/api/websites/{website}/sessions:summarize")

    def _list_over_grpc(self, website: str) -> None:
        request = session_service_pb2.ListSessionsRequest(website_id=website, **DAYS)
        self._sessions.ListSessions(request, metadata=self._service.metadata, timeout=_SECONDS)

    def _breakdown_over_grpc(self, website: str) -> None:
        request = analysis_service_pb2.BreakdownRequest(
            website_id=website, dimension=["entry_page"], **DAYS
        )
        self._analysis.Breakdown(request, metadata=self._service.metadata, timeout=_SECONDS)

    def _export(self, website: str) -> None:
        for _ in self._client.export_sessions(website, include_events=True, **DAYS):
            if self._stop.is_set():
                return

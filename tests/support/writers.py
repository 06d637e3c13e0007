"""Writers who record events through everything that happens, and what must be stored afterwards."""

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import grpc
from analytics_sessions import Client
from analytics_sessions.v1.event_service_pb2 import RecordEventsRequest, StreamEventsRequest
from analytics_sessions.v1.event_service_pb2_grpc import EventServiceStub
from google.protobuf.json_format import ParseDict
from sessions.composition import Application, open_application
from sessions.domain.api_keys import Scope
from sessions.domain.enrichment import Enricher
from sessions.domain.errors import Unavailable
from sessions.domain.events import Event, EventInput
from sessions.domain.visitors import Visitors
from sessions.domain.websites import Website
from sessions.settings import Settings
from sessions.storage.database import Database

from tests.support.reference import Expected, reference_sessions
from tests.support.rows import check_ids, stored_sessions
from tests.support.stack import Stack, metadata

AT_ONCE = 8
"""Batches that a writer sends over one stream without waiting."""
START = datetime(2026, 1, 29, tzinfo=UTC)
STEPS = 4_000
"""Of two minutes each: the end of a month lies among them."""
DAYS: Any = {"start_date": "2026-01-20", "end_date": "2026-03-01"}
"""All of them."""
CALM = 60.0
"""Seconds after the last failure of a part within which every batch is acknowledged."""
TRANSIENT = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "stream cut")
"""What a caller sees of a part that fails, and tries again after."""

Sent = dict[str, Any]


class NotAnswered(Exception):
    """The batch may be recorded or not: it has to be sent again."""


@dataclass
class Ledger:
    """What one writer knows of the events of each website, by the event's id."""

    sent: dict[str, dict[str, Sent]]
    acknowledged: dict[str, set[str]]
    counts: "Counter[str]" = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)


class Writer:
    """Sends batches one after the other, each until it is acknowledged."""

    def __init__(
        self,
        number: int,
        seed: str,
        service: "Service",
        stop: threading.Event,
        *,
        visitors: int,
        patience: float = CALM,
    ) -> None:
        self._name = f"writer-{number}"
        self._visitors, self._patience = visitors, patience
        self._rng = random.Random(f"{seed}/{number}")  # noqa: S311
        self._service = service
        self._stop = stop
        self._numbers = iter(range(10**9))
        self._record = (self._over_rest, self._over_grpc, self._over_stream)[number % 3]
        self.ledger = Ledger(
            {website: {} for website in service.website_ids},
            {website: set() for website in service.website_ids},
        )

    def __call__(self) -> Ledger:
        """Write until told to stop; then finish what was begun."""
        with grpc.insecure_channel(self._service.authority, _QUICK_RECONNECT) as channel:
            self._stub = EventServiceStub(channel)
            while not self._stop.is_set():
                website = self._rng.choice(self._service.website_ids)
                count = AT_ONCE if self._record == self._over_stream else 1
                batches = [self._batch(website) for _ in range(count)]
                self._insist(website, batches)
                if self._rng.random() < 0.1:
                    self.ledger.counts["sent again for no reason"] += 1
                    self._insist(website, batches)
        return self.ledger

    def _batch(self, website: str) -> list[Sent]:
        batch = [self._event() for _ in range(self._rng.choice([1, 1, 2, 5, 20, 100]))]
        self.ledger.sent[website] |= {event["event_id"]: event for event in batch}
        return batch

    def _event(self) -> Sent:
        rng = self._rng
        at = START + timedelta(minutes=2 * rng.randrange(STEPS))
        kind = rng.choice(["pageview", "pageview", "event"])
        return {
            "event_id": f"{self._name}-{next(self._numbers)}",
            "event_type": kind,
            "timestamp": at.isoformat(),
            # Without one, events of equal times are in the order of their arrival.
            "sequence": rng.choice([1, 1, 2]),
            "visitor_id": f"visitor-{rng.randrange(self._visitors)}",
            "url": f"https://example.com/{rng.randrange(100)}?utm_source={rng.choice('abc')}",
            "referrer": rng.choice(["", "https://other.example/x"]),
            "country": rng.choice(["", "DE", "US"]),
        } | ({"event_name": "click"} if kind == "event" else {})

    def _insist(self, website: str, batches: list[list[Sent]]) -> None:
        """Record the batches; now and then give up after a failure, as callers do."""
        end = time.monotonic() + self._patience
        while batches:
            try:
                batches = self._record(website, batches)
            except NotAnswered:
                self.ledger.counts["retries"] += 1
                if self._rng.random() < 0.1:
                    self.ledger.counts["given up"] += len(batches)
                    return
                time.sleep(self._rng.uniform(0.01, 0.2))
            if self.ledger.unexpected or time.monotonic() > end:
                self.ledger.unexpected.append(f"{len(batches)} batches are not acknowledged")
                return

    def _acknowledge(self, website: str, batch: Sequence[Sent], new: int, known: int) -> None:
        if new + known != len(batch):
            self.ledger.unexpected.append(f"{new} new, {known} known of {len(batch)}")
        self.ledger.counts["batches"] += 1
        self.ledger.acknowledged[website] |= {event["event_id"] for event in batch}

    def _failed(self, code: str, details: object) -> NotAnswered:
        if "RST_STREAM" in str(details):
            # A stream that has begun to answer can only be cut off: no status fits in any more.
            code = "stream cut"
        self.ledger.counts[code] += 1
        if code not in TRANSIENT:
            self.ledger.unexpected.append(f"{code}: {details}")
        return NotAnswered(code)

    def _over_rest(self, website: str, batches: list[list[Sent]]) -> list[list[Sent]]:
        [batch] = batches
        try:
            reply = self._service.stack.request(
                f"/api/websites/{website}/events",
                key=self._service.key,
                method="POST",
                headers={"Content-Type": "application/json"},
                body=json.dumps({"events": batch}).encode(),
            )
        except (OSError, http.client.HTTPException) as error:
            self.ledger.counts["connection lost"] += 1
            raise NotAnswered from error
        if reply.status != 200:
            codes = {503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}
            raise self._failed(codes.get(reply.status, str(reply.status)), reply)
        self._acknowledge(website, batch, reply.json["new_events"], reply.json["known_events"])
        return []

    def _over_grpc(self, website: str, batches: list[list[Sent]]) -> list[list[Sent]]:
        [batch] = batches
        request = ParseDict({"website_id": website, "events": batch}, RecordEventsRequest())
        try:
            answer = self._stub.RecordEvents(request, timeout=10, metadata=self._service.metadata)
        except grpc.RpcError as error:
            raise self._failed(error.code().name, error.details()) from error
        self._acknowledge(website, batch, answer.new_events, answer.known_events)
        return []

    def _over_stream(self, website: str, batches: list[list[Sent]]) -> list[list[Sent]]:
        """Returns what was not answered when the stream ended with OK."""
        requests = (
            ParseDict({"batch": n, "website_id": website, "events": batch}, StreamEventsRequest())
            for n, batch in enumerate(batches)
        )
        answered = 0
        try:
            for answer in self._stub.StreamEvents(
                requests, timeout=20, metadata=self._service.metadata
            ):
                if answer.batch != answered:
                    self.ledger.unexpected.append(f"batch {answer.batch}, not {answered}")
                batch = batches[answered]
                self._acknowledge(website, batch, answer.new_events, answer.known_events)
                answered += 1
        except grpc.RpcError as error:
            del batches[:answered]
            raise self._failed(error.code().name, error.details()) from error
        return batches[answered:]


_QUICK_RECONNECT = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
)


@dataclass(frozen=True)
class Service:
    """A running service to write to."""

    stack: Stack
    website_ids: Sequence[str]
    key: str

    @property
    def authority(self) -> str:
        """Where gRPC clients connect to."""
        return urlsplit(self.stack.address).netloc

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The credentials of a gRPC call."""
        return metadata(self.key)


async def prepare(stack: Stack) -> Service:
    """Make two websites and a key for everything."""
    async with open_application(stack.database_url, Settings()) as application:
        ids = [await application.websites.create("test") for _ in range(2)]
        key = await application.api_keys.create("test", [Scope.EVENTS_WRITE, Scope.SESSIONS_READ])
    return Service(stack, ids, key)


@asynccontextmanager
async def opened(service: Service) -> AsyncIterator[Application]:
    """The use cases over its database, which may still recover from the last kill."""
    patience = time.monotonic() + CALM
    async with AsyncExitStack() as stack:
        application = None
        while application is None:
            assert time.monotonic() < patience, "the database does not come back"
            with suppress(Unavailable):
                # What is checked after a long run is much, for statements of seconds.
                patient = Settings(request_timeout=300)
                opening = open_application(service.stack.database_url, patient)
                application = await stack.enter_async_context(opening)
        yield application


async def check(
    service: Service, ledgers: Sequence[Ledger], seed: str
) -> tuple["Counter[str]", dict[str, list[Expected]]]:
    """Compare what is stored with what was sent and acknowledged; counts, and sessions by website.

    Raises:
        AssertionError: an acknowledged event is lost, one is there twice, or the sessions are not
            those of the events.
    """
    counts: Counter[str] = Counter()
    sessions: dict[str, list[Expected]] = {}
    async with opened(service) as application:
        sites = [await application.websites.get(id_) for id_ in service.website_ids]
        for site in sites:
            where = f"TEST_SEED={seed}, {site.website_id}"
            sent = {
                id_: event
                for ledger in ledgers
                for id_, event in ledger.sent[site.website_id].items()
            }
            acknowledged = set().union(
                *(ledger.acknowledged[site.website_id] for ledger in ledgers)
            )
            stored = await _stored(application.pools.requests, site)
            assert len(set(stored)) == len(stored), f"{where}: doubled"
            assert acknowledged <= set(stored), f"{where}: lost {acknowledged - set(stored)}"
            assert set(stored) <= set(sent), f"{where}: {set(stored) - set(sent)} never sent"
            expected = reference_sessions(_enriched(site, (sent[id_] for id_ in stored)))
            assert await stored_sessions(application.pools.requests, site) == expected, where
            sessions[site.website_id] = expected
            counts["sent"] += len(sent)
            counts["acknowledged"] += len(acknowledged)
            counts["stored"] += len(stored)
            counts["sessions"] += len(expected)
        counts["merged ids"] = await check_ids(application.pools.requests, sites, seed)
    return counts, sessions


async def _stored(database: Database, website: Website) -> list[str]:
    query = "SELECT event_id FROM events WHERE website_key = %(key)s"
    return [event_id for (event_id,) in await database.fetch(query, {"key": website.key})]


def _enriched(website: Website, sent: Iterable[Sent]) -> Iterator[Event]:
    enricher = Enricher(Visitors(b"unused"))
    for event in sent:
        parsed = EventInput(**event | {"timestamp": datetime.fromisoformat(event["timestamp"])})
        yield enricher.enrich(parsed, website_id=website.website_id, received_at=datetime.now(UTC))


def check_answers(service: Service, sessions: dict[str, list[Expected]]) -> None:
    """Compare what the API counts, lists and exports with sessions, of which none is of a bot.

    Raises:
        AssertionError: something differs.
    """
    for website, expected in sessions.items():
        path = f"/api/websites/{website}/sessions"
        found = service.stack.request(f"{path}:summarize", DAYS, key=service.key, timeout=60)
        assert found.status == 200, found
        summary = found.json["summary"]
        assert {name: summary[name] for name in _plain(expected)} == _plain(expected)
        check_lists(service.stack.address, service.key, website, expected)


def check_lists(address: str, key: str, website: str, expected: Sequence[Expected]) -> None:
    """Compare the sessions that a service lists and exports with those that there should be."""
    wanted = sorted(
        (each.visitor_id, _whole(each.started_at), _whole(each.ended_at), *_shown(each))
        for each in expected
    )
    with Client(address, key) as client:
        listed = client.sessions(website, **DAYS)
        exported = (item.session for item in client.export_sessions(website, **DAYS))
        for found in (listed, exported):
            assert wanted == sorted(
                (
                    each.visitor_id,
                    _whole(each.started_at.ToDatetime(UTC)),
                    _whole(each.ended_at.ToDatetime(UTC)),
                    *_shown(each),
                )
                for each in found
            )


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _shown(session: Any) -> tuple[Any, ...]:
    return session.pageviews, session.events, session.entry_page, session.exit_page


def _plain(sessions: Sequence[Expected]) -> dict[str, float]:
    """A summary, computed one session after the other."""
    return {
        "sessions": len(sessions),
        "visitors": len({session.visitor_id for session in sessions}),
        "pageviews": sum(session.pageviews for session in sessions),
        "events": sum(session.events for session in sessions),
        "bounces": sum(session.pageviews <= 1 and not session.events for session in sessions),
        "total_duration": sum(
            (session.ended_at - session.started_at) // timedelta(seconds=1) for session in sessions
        ),
    }

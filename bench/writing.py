"""Events to write, and callers that write them."""

import asyncio
import json
import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import grpc
from analytics_sessions.v1.event_pb2 import Event
from analytics_sessions.v1.event_service_pb2 import (
    RecordEventsRequest,
    RecordEventsResponse,
    StreamEventsRequest,
    StreamEventsResponse,
)

_SERVICE = "/analytics.sessions.v1.EventService"
_ACTIVE = 2_000
"""Visitors who are on the website at the same time."""
_STAY = 0.8
"""How likely it is that a visitor has another event: five on average."""
_BROWSER = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
_SYSTEMS = ("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64")
_STEP = timedelta(milliseconds=5)


class Traffic:
    """Endless events of visitors who come, look at some pages, and go.

    Args:
        seed: of all chance.
        known: visitors who come back; half of all visits are theirs, if there are any.
        since: when the first event happens; each one is 5 ms after the last.
    """

    def __init__(self, seed: int, known: Sequence[str] = (), since: datetime | None = None) -> None:
        self._rng = random.Random(seed)  # noqa: S311
        self._known = known
        self._now = since or datetime.now(UTC) - timedelta(hours=3)
        self._agents = [_BROWSER.format(system, n) for system in _SYSTEMS for n in range(120, 140)]
        self._visits = [self._visit() for _ in range(_ACTIVE)]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Events as JSON has them."""
        rng = self._rng
        while True:
            index = rng.randrange(_ACTIVE)
            visit = self._visits[index]
            self._now += _STEP
            yield {
                "event_id": f"{rng.getrandbits(64):016x}",
                "event_type": "pageview",
                "timestamp": self._now.isoformat(timespec="milliseconds"),
                "url": f"https://shop.example/products/{int(rng.paretovariate(1)) % 5_000}",
                **visit,
            }
            visit.pop("referrer", None)
            if rng.random() > _STAY:
                self._visits[index] = self._visit()

    def _visit(self) -> dict[str, str]:
        rng = self._rng
        returns = self._known and rng.random() < 0.5
        return {
            "visitor_id": rng.choice(self._known) if returns else f"{rng.getrandbits(64):016x}",
            "user_agent": rng.choice(self._agents),
            "referrer": f"https://{rng.choice('abcdefgh')}.example/",
            "language": rng.choice(("en-US", "de-DE", "fr-FR")),
            "country": rng.choice(("US", "DE", "FR", "GB", "IN")),
        }


def as_combined(event: dict[str, Any]) -> str:
    """An event as a line of an access log; a visitor becomes an address."""
    number = int(event["visitor_id"], 16)
    address = ".".join(str(number >> shift & 255) for shift in (0, 8, 16, 24))
    moment = datetime.fromisoformat(event["timestamp"]).strftime("%d/%b/%Y:%H:%M:%S %z")
    path = event["url"].removeprefix("https://shop.example")
    referrer = event.get("referrer", "-")
    return (
        f'{address} - - [{moment}] "GET {path} HTTP/1.1" 200 5316 '
        f'"{referrer}" "{event["user_agent"]}"'
    )


def as_ndjson(event: dict[str, Any]) -> str:
    """An event as a line of JSON."""
    return json.dumps(event)


class Requests(NamedTuple):
    """Requests made beforehand, so that making them costs the measurement nothing."""

    unary: list[bytes]
    stream: list[bytes]
    size: int
    """Events of each."""


def requests(traffic: Traffic, website_id: str, size: int, events: int) -> Requests:
    """Requests of new events, the same for either call."""
    unary, stream = [], []
    coming = iter(traffic)
    for batch in range(max(1, events // size)):
        messages = [_message(next(coming)) for _ in range(size)]
        one = RecordEventsRequest(website_id=website_id, events=messages)
        unary.append(one.SerializeToString())
        two = StreamEventsRequest(batch=batch, website_id=website_id, events=messages)
        stream.append(two.SerializeToString())
    return Requests(unary, stream, size)


def _message(event: dict[str, Any]) -> Event:
    message = Event(**{name: text for name, text in event.items() if name != "timestamp"})
    message.timestamp.FromDatetime(datetime.fromisoformat(event["timestamp"]))
    return message


async def record(
    authority: str, credentials: Any, made: Requests, callers: int, seconds: float
) -> float:
    """Events per second of RecordEvents, with so many callers that call one after the other."""
    waiting = iter(made.unary)
    done = 0
    async with grpc.aio.insecure_channel(authority) as channel:
        call: Any = channel.unary_unary(
            f"{_SERVICE}/RecordEvents", None, RecordEventsResponse.FromString
        )
        began = time.perf_counter()

        async def work() -> None:
            nonlocal done
            for request in waiting:
                answer = await call(request, metadata=credentials, timeout=60)
                done += answer.new_events
                if time.perf_counter() - began > seconds:
                    return

        await asyncio.gather(*(work() for _ in range(callers)))
        return done / (time.perf_counter() - began)


async def stream(
    authority: str, credentials: Any, made: Requests, streams: int, seconds: float
) -> float:
    """Events per second of StreamEvents, with so many streams at once."""
    waiting = iter(made.stream)
    done = 0
    async with grpc.aio.insecure_channel(authority) as channel:
        call: Any = channel.stream_stream(
            f"{_SERVICE}/StreamEvents", None, StreamEventsResponse.FromString
        )
        began = time.perf_counter()

        def sent() -> Iterator[bytes]:
            for request in waiting:
                yield request
                if time.perf_counter() - began > seconds:
                    return

        async def work() -> None:
            nonlocal done
            async for answer in call(sent(), metadata=credentials, timeout=60):
                done += answer.new_events

        await asyncio.gather(*(work() for _ in range(streams)))
        return done / (time.perf_counter() - began)

"""What others notice of a hostile caller: `make bench-hostile`.

One process sends what nobody should, as fast as it is answered; another one lists sessions, call
after call, and measures how long each takes. Both go through Envoy, over gRPC.
"""

import asyncio
import multiprocessing
import secrets
import tempfile
import time
import zlib
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.synchronize import Event as Flag
from pathlib import Path
from statistics import quantiles
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import click
import grpc
from analytics_sessions.v1.event_pb2 import Event
from analytics_sessions.v1.event_service_pb2 import RecordEventsRequest
from analytics_sessions.v1.session_service_pb2 import ListSessionsRequest
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

from bench.programs import free_ports
from bench.service import resident_bytes
from tests.support.stack import Stack, metadata, running_stack

_IN_FLIGHT = 8
_HEAD_START = 3.0
"""Seconds of an attack before others are measured."""

_LIST = "/analytics.sessions.v1.SessionService/ListSessions"
_RECORD = "/analytics.sessions.v1.EventService/RecordEvents"
_MIB = 1024 * 1024

Counted: TypeAlias = Any
"""A number that two processes share; its type has no public name."""


def random_key() -> str:
    """A key that nobody made, with a right checksum."""
    text = "spk_selfhosted_" + secrets.token_urlsafe(32)[:37]
    return text + urlsafe_b64encode(zlib.crc32(text.encode()).to_bytes(4, "big")).decode()[:6]


def empty_events(website: str) -> bytes:
    """Two million events in 4 MiB."""
    return RecordEventsRequest(website_id=website).SerializeToString() + b"\x12\x00" * (
        2 * _MIB - 20
    )


def deep_data(website: str) -> bytes:
    """One event with 1 MiB of `event_data`, 30 objects deep."""
    value: object = 1
    for _ in range(29):
        value = {"a": value}
    one = ParseDict({"x": value}, Struct()).ByteSize()
    data = ParseDict({f"{number}": value for number in range(_MIB // one - 100)}, Struct())
    event = Event(event_type="pageview", visitor_id="anna", url="/", event_data=data)
    return RecordEventsRequest(website_id=website, events=[event]).SerializeToString()


@dataclass(frozen=True)
class Attack:
    """What is sent over and over: a method, its messages, and who sends it."""

    name: str
    method: str
    make: Callable[[str], bytes | None]
    own_key: bool = False
    """Whether each call has a random key of its own."""


ATTACKS = [
    Attack("4 MiB of empty events", _RECORD, empty_events),
    Attack("1 MiB of deep event_data", _RECORD, deep_data),
    Attack("calls without a message", _LIST, lambda _: None),
    Attack("random keys", _LIST, lambda _: b"", own_key=True),
]


async def _attack(
    attack: Attack, authority: str, website: str, key: str, rate: float, stop: Flag
) -> int:
    """Attack until told to stop; gives how many calls were made."""
    message = attack.make(website)
    calls = 0

    async def messages() -> AsyncIterator[bytes]:
        if message is not None:
            yield message

    async def caller() -> None:
        nonlocal calls
        async with grpc.aio.insecure_channel(authority) as channel:
            call: Any = channel.stream_unary(attack.method)
            while not stop.is_set():
                begun = time.monotonic()
                own = random_key() if attack.own_key else key
                with suppress(grpc.RpcError):
                    await call(messages(), metadata=metadata(own), timeout=1)
                calls += 1
                if rate:
                    await asyncio.sleep(max(0.0, begun + _IN_FLIGHT / rate - time.monotonic()))

    await asyncio.gather(*(caller() for _ in range(_IN_FLIGHT)))
    return calls


def _run_attack(
    number: int, authority: str, website: str, key: str, rate: float, stop: Flag, calls: Counted
) -> None:
    calls.value = asyncio.run(_attack(ATTACKS[number], authority, website, key, rate, stop))


@contextmanager
def attacking(
    attack: Attack | None, authority: str, website: str, key: str, rate: float
) -> Iterator[Counted]:
    """Attack for the length of the block, from another process; counts the calls when it ends."""
    context = multiprocessing.get_context("spawn")
    stop, calls = context.Event(), context.Value("q", 0, lock=False)
    if attack is None:
        yield calls
        return
    number = ATTACKS.index(attack)
    process = context.Process(
        target=_run_attack, args=(number, authority, website, key, rate, stop, calls)
    )
    process.start()
    time.sleep(_HEAD_START)
    try:
        yield calls
    finally:
        stop.set()
        process.join(20)
        process.kill()


def latencies(authority: str, website: str, key: str, seconds: float) -> list[float]:
    """Milliseconds that each of many calls took; 100 a second, since callers pause."""
    taken = []
    request = ListSessionsRequest(website_id=website).SerializeToString()
    with grpc.insecure_channel(authority) as channel:
        call: Any = channel.unary_unary(_LIST)
        until = time.perf_counter() + seconds
        while (started := time.perf_counter()) < until:
            call(request, metadata=metadata(key), timeout=60)
            taken.append((time.perf_counter() - started) * 1000)
            time.sleep(0.01)
    return taken


def _rows(key: str) -> Iterator[tuple[Attack | None, str]]:
    """Nobody, then each attack with a valid key and without."""
    yield None, ""
    for attack in ATTACKS:
        if not attack.own_key:
            yield attack, key
        yield attack, random_key()


def _fill(stack: Stack, website: str, key: str) -> None:
    """Enough sessions of the last days for a page."""
    events = [
        Event(event_type="pageview", visitor_id=f"v{n}", url=f"/{n}", event_id=f"{n}")
        for n in range(200)
    ]
    now = int(time.time())
    for number, event in enumerate(events):
        event.timestamp.FromSeconds(now - 3_600 * (number % 100) - number)
    with grpc.insecure_channel(urlsplit(stack.address).netloc) as channel:
        request = RecordEventsRequest(website_id=website, events=events)
        call: Any = channel.unary_unary(_RECORD)
        call(request.SerializeToString(), metadata=metadata(key), timeout=60)


@click.command()
@click.option("--seconds", default=10.0, show_default=True, help="Length of each measurement.")
@click.option("--rate", default=0.0, help="Its calls per second; 0 for as many as are answered.")
def main(seconds: float, rate: float) -> None:
    """Measure p50 and p99 of ListSessions while somebody is hostile, with a key and without."""
    first = free_ports(2)
    settings = {"SESSIONS_WORKERS": "2", "SESSIONS_WORKER_PORTS": str(first)}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder) / "data", **settings) as stack,
    ):
        website = stack.command("websites", "create", "--name", "bench")
        scopes = ("--scope", "sessions:read", "--scope", "events:write")
        key = stack.command("keys", "create", "--name", "bench", *scopes)
        _fill(stack, website, key)
        authority = urlsplit(stack.address).netloc
        latencies(authority, website, key, 2)
        click.echo("| hostile caller | its key | its calls/s | p50 ms | p99 ms | worker, MiB |")
        click.echo("|---|---|---|---|---|---|")
        for attack, sender in _rows(key):
            with attacking(attack, authority, website, sender, rate) as calls:
                taken = latencies(authority, website, key, seconds)
            peak = max(resident_bytes(first + number, peak=True) for number in range(2)) / _MIB
            cuts = quantiles(taken, n=100)
            name = attack.name if attack else "nobody"
            kind = "valid" if sender == key else "unknown" if attack else ""
            made = calls.value / (seconds + _HEAD_START)
            figures = f"{made:,.0f} | {cuts[49]:.1f} | {cuts[98]:.1f} | {peak:.0f}"
            click.echo(f"| {name} | {kind} | {figures} |")


if __name__ == "__main__":
    main()

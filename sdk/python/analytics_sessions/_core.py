"""What both clients do alike: how to connect, what to send, when to send it again."""

import asyncio
import os
import random
import time
from collections.abc import Iterable, Iterator
from datetime import date
from importlib.metadata import version
from itertools import chain, repeat
from typing import Any, NamedTuple, TypedDict
from urllib.parse import urlsplit
from uuid import uuid4

from grpc import RpcError, StatusCode, aio, ssl_channel_credentials

from analytics_sessions.errors import error_of
from analytics_sessions.v1.event_pb2 import Event
from analytics_sessions.v1.event_service_pb2 import RecordEventsRequest
from analytics_sessions.v1.session_service_pb2 import (
    ListSessionsRequest,
    ListSessionsResponse,
)

_BATCH_EVENTS, _BATCH_BYTES = 1_000, 3 * 2**20

Values = str | Iterable[str]


class Query(TypedDict, total=False):
    """What `sessions` takes by name, with the meaning and the defaults of ListSessionsRequest."""

    start_date: date | str | None
    end_date: date | str | None
    timezone: str | None
    include_bots: bool
    filter_country: Values
    filter_page: Values
    filter_referrer: Values
    filter_browser: Values
    filter_os: Values
    filter_device: Values
    filter_language: Values
    filter_utm_source: Values
    filter_utm_medium: Values
    filter_utm_campaign: Values
    filter_region: Values
    filter_city: Values
    filter_hostname: Values


class Recorded(NamedTuple):
    """How many events were new, and how many were known before."""

    new_events: int
    known_events: int


def given(value: str | None, name: str) -> str:
    """What the caller gave, or else the environment variable SESSIONS_<NAME>."""
    if found := value or os.environ.get(f"SESSIONS_{name.upper()}"):
        return found
    raise ValueError(f"no {name}: pass `{name}`, or set SESSIONS_{name.upper()}")


def channel(api: Any, address: str, timeout: float) -> Any:
    """A channel of `grpc` or `grpc.aio`, which connects with the first call."""
    if api is aio:
        asyncio.get_running_loop()  # the channel is for this one, so it must be there
    url = urlsplit(address if "://" in address else f"http://{address}")
    port = url.port or (443 if url.scheme == "https" else None)
    more = url.path.strip("/") or url.query or url.fragment or "@" in url.netloc
    if url.scheme not in ("http", "https") or not url.hostname or not port or more:
        raise ValueError(f"address {address!r}: write http://host:port or https://host[:port]")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    options = _options(url.hostname, 1000 * max(2.0, min(timeout, 10.0)))
    if url.scheme == "https":
        return api.secure_channel(f"dns:///{host}:{port}", ssl_channel_credentials(), options)
    return api.insecure_channel(f"dns:///{host}:{port}", options)


def _options(host: str, deadline_ms: float) -> list[tuple[str, Any]]:
    is_local = host in ("localhost", "::1") or host.startswith("127.")
    return [
        ("grpc.primary_user_agent", f"analytics-sessions-python/{version('analytics-sessions')}"),
        ("grpc.enable_http_proxy", int(not is_local)),
        # Left alone, gRPC looks for a server that was away after up to two minutes, for its name
        # after 30 seconds, and connecting outlasts a call's deadline: no retry would be in time.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1_000),
        ("grpc.min_reconnect_backoff_ms", int(deadline_ms / 2)),  # how long connecting may take
        ("grpc.dns_min_time_between_resolutions_ms", 1_000),
        # A connection can die without being closed: found out before the deadline of a call.
        ("grpc.keepalive_time_ms", int(deadline_ms / 3)),
        ("grpc.keepalive_timeout_ms", int(deadline_ms / 3)),
        ("grpc.http2.ping_timeout_ms", int(deadline_ms / 3)),
    ]


def list_request(website_id: str, query: Query) -> ListSessionsRequest:
    """The request for the first page; TypeError for a name that is not in Query."""
    if unknown := query.keys() - Query.__annotations__.keys():
        raise TypeError(f"sessions() takes no argument {', '.join(sorted(unknown))}")
    fields = {name: _field(name, value) for name, value in query.items()}
    return ListSessionsRequest(website_id=website_id, limit=100, **fields)


def _field(name: str, value: Any) -> Any:
    if not name.startswith("filter_"):
        return str(value) if isinstance(value, date) else value
    if values := [value] if isinstance(value, str) else list(value):
        return values
    raise ValueError(f"{name}: has no values, which would match all sessions; leave it out")


def turn(request: Any, page: Any) -> tuple[Any, bool]:
    """What is on a page, and whether there is a next one; the request is then for that one."""
    if isinstance(page, ListSessionsResponse):
        request.cursor = page.next_cursor.string_value
        return page.sessions, bool(request.cursor)
    request.events_cursor = page.next_events_cursor.string_value
    return page.events, bool(request.events_cursor)


def batches(website_id: str, events: Iterable[Event]) -> Iterator[RecordEventsRequest]:
    """Copies of the events, each with an id and a timestamp, as few requests as they fit into."""
    request, size = RecordEventsRequest(website_id=website_id), 0
    for event in map(_identified, events):
        size += event.ByteSize()
        if len(request.events) == _BATCH_EVENTS or (request.events and size > _BATCH_BYTES):
            yield request
            request, size = RecordEventsRequest(website_id=website_id), event.ByteSize()
        request.events.append(event)
    if request.events:
        yield request


def _identified(event: Event) -> Event:
    copy = Event(event_id=uuid4().hex)
    copy.MergeFrom(event)
    if not copy.HasField("timestamp"):
        copy.timestamp.GetCurrentTime()
    return copy


def backoff() -> Iterator[float]:
    """Seconds to wait after each attempt, where the server names none."""
    return chain((0.1, 0.2, 0.4, 0.8, 1.6), repeat(2.0))


def pause_after(failure: RpcError, pause: float, end: float, recorded: int | None) -> float:
    """Seconds until the next attempt of a call; raises the error if there is to be none.

    Args:
        failure: How the last attempt failed.
        pause: Seconds to wait if the server names none.
        end: No attempt begins when time.monotonic() is past this.
        recorded: For a batch of events how many were recorded before it, else None: a batch may be
            sent again also when nobody knows what became of it.
    """
    error = error_of(failure, recorded or 0)
    again = [StatusCode.UNAVAILABLE] + [StatusCode.DEADLINE_EXCEEDED] * (recorded is not None)
    pause = (error.retry_seconds or pause) * random.uniform(1, 1.5)  # noqa: S311
    if error.code not in again or time.monotonic() + pause >= end:
        raise error from failure
    return pause

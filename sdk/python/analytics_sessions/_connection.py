"""How to reach the service: the address, the key, and a channel that notices when it is lost."""

import asyncio
import math
import os
import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import grpc
from grpc import aio

_VISIBLE = re.compile(r"[!-~]+")


def setting(value: str | None, name: str) -> str:
    """What the caller gave, or else the environment variable SESSIONS_<NAME>, trimmed."""
    if found := ((value or "").strip() or os.environ.get(f"SESSIONS_{name.upper()}", "").strip()):
        return found
    raise ValueError(f"no {name}: pass `{name}`, or set SESSIONS_{name.upper()}")


def visible(text: str, name: str) -> str:
    """Text for a header; the error does not show it, because it may be secret."""
    if _VISIBLE.fullmatch(text):
        return text
    raise ValueError(f"{name}: has characters other than visible ASCII")


def seconds(value: float, name: str, *, zero: bool) -> float:
    """A length of time that is a number, and positive, or 0 where that has a meaning."""
    if (
        isinstance(value, int | float)
        and math.isfinite(value)
        and (value > 0 or (zero and not value))
    ):
        return value
    raise ValueError(f"{name}: {value!r} is not a number of seconds above 0{' or 0' * zero}")


def open_channel(api: Any, address: str, timeout: float, interceptors: Sequence[Any]) -> Any:
    """A channel of `grpc` or `grpc.aio`, which connects with the first call."""
    where, host, is_secure = target(address)
    options = _options(host, 1000 * max(2.0, min(timeout, 10.0)))
    credentials = [grpc.ssl_channel_credentials()] if is_secure else []
    make = api.secure_channel if is_secure else api.insecure_channel
    if api is aio:
        asyncio.get_running_loop()  # the channel is for this one, so it must be there
        return make(where, *credentials, options, interceptors=interceptors)
    return grpc.intercept_channel(make(where, *credentials, options), *interceptors)


def target(address: str) -> tuple[str, str, bool]:
    """What gRPC connects to, the host by itself, and whether it speaks TLS."""
    url = urlsplit(address if "://" in address else f"http://{address}")
    port = url.port or (443 if url.scheme == "https" else None)
    more = url.path.strip("/") or url.query or url.fragment or re.search(r"[@\s]", url.netloc)
    if url.scheme not in ("http", "https") or not url.hostname or not port or more:
        raise ValueError(f"address {address!r}: write http://host:port or https://host[:port]")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    return f"dns:///{host}:{port}", url.hostname, url.scheme == "https"


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

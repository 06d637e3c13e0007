"""How much a limit of a key lets through."""

import asyncio
import time
from typing import Any
from urllib.parse import urlsplit

import grpc
from analytics_sessions.v1.session_service_pb2 import ListSessionsRequest

from tests.support.stack import metadata

_METHOD = "/analytics.sessions.v1.SessionService/ListSessions"
_CALLERS = 10


async def answered_calls(address: str, key: str, website_id: str, seconds: float) -> int:
    """Ten callers ask for all they can get; what comes in the first second is not counted."""
    request = ListSessionsRequest(website_id=website_id).SerializeToString()
    begin = time.monotonic() + 1.0
    answered: list[float] = []

    async def ask(channel: grpc.aio.Channel) -> None:
        while (now := time.monotonic()) < begin + seconds:
            ask: Any = channel.unary_unary(_METHOD)
            call = ask(request, metadata=metadata(key), timeout=10)
            if await call.code() is grpc.StatusCode.OK:
                answered.append(now)
            else:
                assert await call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
                await asyncio.sleep(0.01)

    async with grpc.aio.insecure_channel(urlsplit(address).netloc) as channel:
        await asyncio.gather(*(ask(channel) for _ in range(_CALLERS)))
    return sum(at >= begin for at in answered)

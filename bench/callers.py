"""Many callers where there is no h2load: a process that calls over and over and counts.

`python -m bench.callers FILE`, the file being JSON of `Calls`; prints how many calls were
answered rightly. It takes more of the processor than h2load does, which makes ratios tamer.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import grpc


@dataclass(frozen=True)
class Calls:
    """What to call and how often: for so many seconds, or so many times.

    Args:
        url: with scheme, host, port and path.
        headers: those of the call.
        message: the request's protobuf bytes in hex; None for REST.
        answer_bytes: size of each answer's body.
        callers: how many call at the same time.
        seconds: for how long, at the most.
        count: how often, at the most.
    """

    url: str
    headers: dict[str, str]
    message: str | None
    answer_bytes: int
    callers: int
    seconds: float
    count: int


class _Counter:
    """Hands out calls until the time is over or all are made."""

    def __init__(self, calls: Calls) -> None:
        self._left = calls.count
        self._ends = time.monotonic() + calls.seconds
        self.done = 0

    def take(self) -> bool:
        self._left -= 1
        return self._left >= 0 and time.monotonic() < self._ends


async def run(calls: Calls) -> int:
    """Make the calls; how many there were.

    Raises:
        RuntimeError: an answer was wrong.
    """
    caller = _rest_caller if calls.message is None else _grpc_caller
    counter = _Counter(calls)
    async with asyncio.TaskGroup() as group:
        for _ in range(calls.callers):
            group.create_task(caller(calls, counter))
    return counter.done


async def _repeat(call: Callable[[], Awaitable[int]], expected: int, counter: _Counter) -> None:
    while counter.take():
        size = await call()
        if size != expected:
            raise RuntimeError(f"an answer has {size} bytes instead of {expected}")
        counter.done += 1


async def _grpc_caller(calls: Calls, counter: _Counter) -> None:
    url = urlsplit(calls.url)
    message = bytes.fromhex(calls.message or "")
    metadata = tuple(calls.headers.items())
    # A connection of its own for each: channels with equal options share one.
    options = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.insecure_channel(url.netloc, options=options) as channel:
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(url.path)

        async def call() -> int:
            return len(await method(message, metadata=metadata)) + 5  # the frame

        await _repeat(call, calls.answer_bytes, counter)


async def _rest_caller(calls: Calls, counter: _Counter) -> None:
    url = urlsplit(calls.url)
    lines = [f"GET {url.path}?{url.query} HTTP/1.1", f"host: {url.netloc}"]
    lines += [f"{name}: {value}" for name, value in calls.headers.items()]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    reader, writer = await asyncio.open_connection(url.hostname, url.port)

    async def call() -> int:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise RuntimeError(head.decode())
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        return len(await reader.readexactly(length))

    try:
        await _repeat(call, calls.answer_bytes, counter)
    finally:
        writer.close()


if __name__ == "__main__":
    print(asyncio.run(run(Calls(**json.loads(Path(sys.argv[1]).read_text())))))

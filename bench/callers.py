"""Many callers: a process that calls over and over and counts, or at a fixed rate.

`python -m bench.callers FILE`, the file being JSON of `Calls`; prints how many calls were
answered rightly, or with a rate the seconds of each call. It takes more of the processor than
h2load does, which makes ratios tamer: it is for fixed rates, and for where there is no h2load.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
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
        rate: calls that begin each second; 0 begins each when the one before is answered.
    """

    url: str
    headers: dict[str, str]
    message: str | None
    answer_bytes: int
    callers: int
    seconds: float
    count: int
    rate: float = 0.0


class _Counter:
    """Hands out calls until the time is over or all are made."""

    def __init__(self, calls: Calls) -> None:
        self._left = calls.count
        self._ends = time.monotonic() + calls.seconds
        self.done = 0

    def take(self) -> bool:
        self._left -= 1
        return self._left >= 0 and time.monotonic() < self._ends


Call = Callable[[], Awaitable[int]]
"""Makes one call and gives the size of the answer's body; raises where it is an error."""


async def run(calls: Calls) -> int:
    """Make the calls; how many there were.

    Raises:
        RuntimeError: an answer was wrong.
    """
    counter = _Counter(calls)

    async def repeat() -> None:
        async with _connect(calls) as call:
            while counter.take():
                _check(await call(), calls)
                counter.done += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(calls.callers):
            group.create_task(repeat())
    return counter.done


async def run_at_rate(calls: Calls, rate: float) -> list[float]:
    """Begin so many calls a second, however long they take; the seconds of each.

    A call that waits for a free connection has begun already: its time counts from the moment at
    which it was due.

    Raises:
        RuntimeError: an answer was wrong.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    due = (started + number / rate for number in range(int(calls.seconds * rate)))
    found: list[float] = []

    async def repeat() -> None:
        async with _connect(calls) as call:
            for moment in due:
                await asyncio.sleep(max(0.0, moment - loop.time()))
                _check(await call(), calls)
                found.append(loop.time() - moment)

    async with asyncio.TaskGroup() as group:
        for _ in range(calls.callers):
            group.create_task(repeat())
    return found


def _check(size: int, calls: Calls) -> None:
    if size != calls.answer_bytes:
        raise RuntimeError(f"an answer has {size} bytes instead of {calls.answer_bytes}")


def _connect(calls: Calls) -> AbstractAsyncContextManager[Call]:
    return _rest(calls) if calls.message is None else _grpc(calls)


@asynccontextmanager
async def _grpc(calls: Calls) -> AsyncIterator[Call]:
    url = urlsplit(calls.url)
    message = bytes.fromhex(calls.message or "")
    metadata = tuple(calls.headers.items())
    # A connection of its own for each: channels with equal options share one.
    options = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.insecure_channel(url.netloc, options=options) as channel:
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(url.path)

        async def call() -> int:
            return len(await method(message, metadata=metadata)) + 5  # the frame

        yield call


@asynccontextmanager
async def _rest(calls: Calls) -> AsyncIterator[Call]:
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
        yield call
    finally:
        writer.close()


def main(calls: Calls) -> None:
    """Print how many calls there were, or the seconds of each of those that have a rate."""
    if calls.rate:
        print(json.dumps(asyncio.run(run_at_rate(calls, calls.rate))))
    else:
        print(asyncio.run(run(calls)))


if __name__ == "__main__":
    main(Calls(**json.loads(Path(sys.argv[1]).read_text())))

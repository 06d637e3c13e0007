"""A client's address, wherever files can hold it: it is stored nowhere, and no message says it."""

import tempfile
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict
from sessions.domain.enrichment import Enricher
from sessions.domain.events import Event
from sessions.domain.visitors import Visitors
from sessions.ingest.entries import Format, UnusableFile
from sessions.ingest.formats.combined import Combined
from sessions.ingest.formats.csv import Csv
from sessions.ingest.formats.log_formats import log_format
from sessions.ingest.formats.ndjson import Ndjson
from sessions.ingest.formats.umami import Umami
from sessions.ingest.importer import Importer, InThisProcess, Tally

SENDERS = ("url", "path", "utm_source", "utm_medium", "utm_campaign", "event_data")
"""What a sender writes into `url` and `event_data`, and what derives from it."""

addresses = st.one_of(
    st.ip_addresses(v=4),
    st.ip_addresses(v=4, network="198.51.100.0/24"),
    st.ip_addresses(v=6, network="2001:db8::/32"),
)


def spellings(address: IPv4Address | IPv6Address) -> list[str]:
    """How logs and senders write an address."""
    if isinstance(address, IPv4Address):
        return [str(address), f"{address}:4711", f"::ffff:{address}", f"[::ffff:{address}]:443"]
    return [str(address), str(address).upper(), address.exploded, f"[{address}]:4711"]


LINES = [
    "{a} - - [{t}] {r} {f}",
    "{a} - {a} [{t}] {r} {f}",
    "{a}, 10.0.0.2 - - [{t}] {r} {f}",
    "{a},10.0.0.2 - - [{t}] {r} {f}",
    "{a} 10.0.0.2 - - [{t}] {r} {f}",
    "{a} {a} - - [{t}] {r} {f}",
    "10.0.0.2 - {a} [{t}] {r} {f}",
    "10.0.0.2 {a} - - [{t}] {r} {f}",
    "nginx: {a} - - [{t}] {r} {f}",
    "2026-03-05T10:00:00.1Z {a} - - [{t}] {r} {f}",
    "shop.example:80 {a} - - [{t}] {r} {f}",
    "{a} {a}, {a} - [{t}] {r} {f}",
    "{a} - - [{a}] {r} {f}",
    '{a} - - [{t}] "GET / HTTP/1.1" 200 5 "https://{h}/?{a}" "{a}"',
    '{a} - - [{t}] "GET / HTTP/1.1" 200 5 "{a}" "Mozilla/5.0 ({a}) {a}/1.0"',
    '{a} - - [{t}] "GET / HTTP/1.1" 200 5 "-" "{a}/1.0 {a}bot" "{a}" x={a}',
    '{a} - - [{t}] "GET http://{h}/ HTTP/1.1" 200 5 "http://{h}/" "-"',
    '{a} - - [{t}] "{a}" {a} {a} "{a}" "{a}"',
    "# {a}",
    "{a}",
]
CUSTOM = '%a %v %t "%r" %>s "%{Referer}i" "%{User-Agent}i"'
HOSTED = '{a} {h} [{t}] "GET / HTTP/1.1" 200 "http://{h}/{a}" "{a}"'
FIELDS = ("visitor_id", "event_id", "referrer", "hostname", "language", "country", "region", "city")


class File(NamedTuple):
    """A file of a format."""

    format: Format
    content: bytes


def files(written: str, host: str) -> Iterator[File]:
    """Files that hold an address in every place."""
    values = {
        "a": written,
        "h": host,
        "t": "04/Mar/2026:09:00:00 +0100",
        "r": '"GET / HTTP/1.1" 200 5',
        "f": '"https://t.co/" "Mozilla/5.0"',
    }
    # `[address]:port` before another address is the way to write a virtual host
    lines = [line for line in LINES if not (line.startswith("{a} 10.") and written[0] == "[")]
    log = "".join(f"{line.format(**values)}\n" for line in lines)
    yield File(Combined(all_requests=True), f"{log}{written}".encode())
    yield File(Combined(log_format=log_format(CUSTOM)), f"{HOSTED.format(**values)}\n".encode())
    sent = {"event_type": "pageview", "timestamp": "2026-03-03T10:15:00Z", "client_ip": written}
    extras: list[dict[str, Any]] = [
        {name: text} for name in FIELDS for text in (written, host, f"x {written} y")
    ]
    extras += [{"user_agent": f"{written}/1.0"}, {written: 1}, {"sequence": written}]
    extras += [{"timestamp": written}, {"event_type": written}, {"url": f"http://{host}/{written}"}]
    extras += [{"event_type": "event", "event_name": written, "event_data": {written: written}}]
    yield File(Ndjson(), b"".join(orjson.dumps(sent | extra) + b"\n" for extra in extras))
    yield File(Csv(), f"timestamp,{written}\n{written},\n".encode())
    yield File(Csv(), f"{written},{written}\n".encode())
    yield File(Csv({"url": "page"}), f"timestamp,client_ip,city\n{written},{written},\n".encode())
    yield File(
        Csv(), f'timestamp,client_ip,city\n2026-03-03 10:15:00,{written},"{written}\n'.encode()
    )
    umami = "session_id,created_at,url_path,event_type,website_id"
    yield File(Umami(), f"{umami}\ns,{written},/,1,w\ns,{written},/,1,{written}\n".encode())


async def imported(file: File, folder: Path) -> tuple[list[Event], str]:
    """The events of a file, and everything that is said about it."""
    events: list[Event] = []
    path = folder / "file"
    path.write_bytes(file.content)
    tally = Tally()

    class Counts(NamedTuple):
        new: int = 0
        known: int = 0

    async def record(batch: list[Event]) -> Counts:
        events.extend(batch)
        return Counts()

    said = ""
    try:
        importer = Importer(
            "site_x", file.format, Enricher(Visitors(b"secret")), InThisProcess(record)
        )
        await importer([str(path)], tally, lambda _: None)
    except UnusableFile as error:
        said = str(error)
    return events, "\n".join([*map(str, tally.shown), *map(str, tally.held_back), said])


def forms(address: IPv4Address | IPv6Address) -> set[str]:
    """The texts that give an address away."""
    return {str(address), address.exploded}


@settings(max_examples=20, deadline=None)
@given(addresses, st.integers(0, 3))
async def test_it_is_neither_stored_nor_said(
    address: IPv4Address | IPv6Address, spelling: int
) -> None:
    written = spellings(address)[spelling]
    host = f"[{address}]" if address.version == 6 else str(address)
    stored = 0
    with tempfile.TemporaryDirectory() as folder:
        for file in files(written, host):
            events, said = await imported(file, Path(folder))
            stored += len(events)
            assert not any(form in said.lower() for form in forms(address)), said
            for event in events:
                named = asdict(event) | event.attributes
                del named["attributes"]
                texts = [str(text) for name, text in named.items() if name not in SENDERS]
                for text in texts:
                    assert not any(form in text.lower() for form in forms(address)), event
    assert stored > 20


@pytest.mark.parametrize("text", ["198.51.100.77", "1198.51.100.7", "198.51.100.7.8", "a"])
async def test_what_only_looks_like_it_is_stored(text: str, tmp_path: Path) -> None:
    sent = {"event_type": "pageview", "timestamp": "2026-03-03T10:15:00Z", "city": text}
    line = orjson.dumps(sent | {"client_ip": str(ip_address("198.51.100.7"))})
    events, _ = await imported(File(Ndjson(), line + b"\n"), tmp_path)
    assert [event.attributes["city"] for event in events] == [text]

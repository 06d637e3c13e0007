"""Damages real lines at random and imports them: nothing may raise, and every line must be counted.

python -m tests.ingest.fuzz --mutations 1000000 --seed 1
"""

import argparse
import asyncio
import gzip
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sessions.domain.enrichment import Enricher
from sessions.domain.events import Event
from sessions.domain.visitors import Visitors
from sessions.ingest.entries import Entry, Format
from sessions.ingest.formats.combined import Combined
from sessions.ingest.formats.csv import Csv
from sessions.ingest.formats.log_formats import log_format
from sessions.ingest.formats.ndjson import Ndjson
from sessions.ingest.formats.umami import Umami
from sessions.ingest.importer import Importer, InThisProcess, Tally
from sessions.ingest.lines import Line

DATA = Path(__file__).parents[2] / "../shared/data"
LINES = 5_000
"""Lines of one file."""
_ODD = b'"\\\n\r\0,;|%#&?=[]{}():/. \t\xff\xc3\x80-1aZ'
_OVH = '%h %v %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"'


class Kind(NamedTuple):
    """A format, lines to damage, and the header that stays whole."""

    name: str
    make: Callable[[], Format]
    lines: Sequence[bytes]
    header: bytes = b""


def kinds() -> list[Kind]:
    """Every format, with lines of real files where these are there."""
    log, clicks = _real("apache_access.log.gz"), _real("ecom_sessions.csv.gz")
    log, clicks = log or _LOG, clicks or [b"user_id,event,timestamp", b"u,open,2026-03-03 10:15:00"]
    columns = {"visitor_id": "user_id", "event_name": "event"}
    hosted = [line.replace(b" - - [", b" shop.example - [") for line in log]
    return [
        Kind("combined", lambda: Combined(all_requests=True), [*log, *_LOG]),
        Kind("pages", Combined, [*log, *_LOG]),
        Kind("--log-format", lambda: Combined(log_format=log_format(_OVH)), hosted),
        Kind("csv", lambda: Csv(columns), clicks[1:], clicks[0]),
        Kind("csv, all fields", Csv, _CSV[1:], _CSV[0]),
        Kind("ndjson", Ndjson, _NDJSON),
        Kind("umami", lambda: Umami("w"), _UMAMI[1:], _UMAMI[0]),
    ]


def _real(name: str) -> list[bytes]:
    path = DATA / name
    return gzip.decompress(path.read_bytes()).splitlines() if path.exists() else []


def mutated(choose: random.Random, line: bytes) -> bytes:
    """A line with one to four bytes changed, taken out, put in or cut off."""
    damaged = bytearray(line)
    for _ in range(choose.choice((1, 1, 2, 4))):
        place = choose.randrange(len(damaged) + 1)
        byte = choose.choice(_ODD) if choose.random() < 0.5 else choose.randrange(256)
        match choose.randrange(5):
            case 0:
                damaged[place : place + 1] = bytes([byte])
            case 1:
                damaged[place:place] = bytes([byte])
            case 2:
                del damaged[place : place + choose.choice((1, 1, 8))]
            case 3:
                damaged[place:place] = damaged[max(0, place - choose.randrange(1, 40)) : place]
            case _ if place < len(damaged):
                damaged[place] ^= 1 << choose.randrange(8)
    return bytes(damaged)


@dataclass
class Watched:
    """A format that checks that each line is in exactly one entry, or blank."""

    inner: Format
    lines: int = 0
    blank: int = 0
    covered: int = 0
    _blanks: set[int] = field(default_factory=set)

    def entries(self, lines: Iterable[Line]) -> Iterator[Entry]:
        """The entries of the watched format."""
        last = 0
        for entry in self.inner.entries(self._counted(lines)):
            end = entry.last or entry.number
            assert entry.number > last, f"line {entry.number} comes after line {last}"
            assert entry.number <= end
            self.covered += end - entry.number + 1
            self._blanks -= set(range(entry.number, end + 1))
            last = end
            yield entry
        self.blank += len(self._blanks)
        self._blanks.clear()

    def _counted(self, lines: Iterable[Line]) -> Iterator[Line]:
        for line in lines:
            self.lines += 1
            if line.is_blank:
                self._blanks.add(line.number)
            yield line


class Counts(NamedTuple):
    """What recording nothing records."""

    new: int = 0
    known: int = 0


async def import_damaged(kind: Kind, choose: random.Random, mutations: int, folder: Path) -> Tally:
    """Import files of damaged lines; raises AssertionError where the counts don't add up."""

    async def record(events: list[Event]) -> Counts:
        for event in events:
            event.url.encode()  # what is stored can be
        return Counts()

    total = Tally()
    file = folder / "damaged"
    while mutations > 0:
        watched = Watched(kind.make())
        count = min(LINES, mutations)
        body = b"\n".join(mutated(choose, choose.choice(kind.lines)) for _ in range(count))
        file.write_bytes((kind.header + b"\n" if kind.header else b"") + body + b"\n")
        tally = Tally()
        importer = Importer(
            "site_x", watched, Enricher(Visitors(b"secret")), InThisProcess(record), complete=True
        )
        await importer([str(file)], tally, lambda _: None)
        _check(kind, tally, watched, body.count(b"\n") + 1)
        _add(total, tally)
        mutations -= count
    return total


def _check(kind: Kind, tally: Tally, watched: Watched, lines: int) -> None:
    outcomes = tally.events + tally.skipped + tally.comments + tally.refused
    assert tally.entries == outcomes, tally
    header = bool(kind.header)
    assert watched.lines == lines + header, (watched.lines, lines)
    assert watched.covered + watched.blank + header == watched.lines, (kind.name, watched)


def _add(total: Tally, tally: Tally) -> None:
    for name in ("entries", "events", "skipped", "comments", "refused"):
        setattr(total, name, getattr(total, name) + getattr(tally, name))


def main() -> None:
    """Damage as many lines as the command line says, and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--mutations", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    every = kinds()
    with tempfile.TemporaryDirectory() as folder:
        for number, kind in enumerate(every):
            share = arguments.mutations // len(every) + (number < arguments.mutations % len(every))
            for part in (share // 10, share - share // 10):
                started = time.monotonic()
                choose = random.Random(f"{arguments.seed} {kind.name} {part}")  # noqa: S311
                tally = asyncio.run(import_damaged(kind, choose, part, Path(folder)))
                _print(kind.name, part, tally, time.monotonic() - started)


def _print(name: str, mutations: int, tally: Tally, seconds: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{name:16} {mutations:9,} mutations, {tally.entries:9,} entries: {tally.events:9,} events,"
        f" {tally.skipped:7,} skipped, {tally.comments:5,} comments, {tally.refused:9,} refused;"
        f" {seconds:6.1f} s, peak {peak} MB",
        flush=True,
    )


_LOG = [
    b'198.51.100.7 - - [04/Mar/2026:09:00:00 +0100] "GET /?utm_source=news HTTP/1.1" 200 5120'
    b' "https://xn--mnchen-3ya.example/" "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"',
    b'shop.example:443 2001:db8::7 - anna b. [04/Mar/2026:09:00:01 +0100] "GET /a%20b HTTP/2"'
    b' 304 - "-" "Mozilla/5.0 \\"quoted\\" \\xD0\\x90" "10.0.0.2" rt=0.1',
    b'198.51.100.7, 10.0.0.2 - - [04/Mar/2026:09:00:02 +0100] "GET /a.css;v=1 HTTP/1.1" 200 9',
    b"#Fields: date time",
]
_NDJSON = [
    b'{"event_type":"pageview","timestamp":"2026-03-03T10:15:00.123Z","client_ip":"198.51.100.7",'
    b'"user_agent":"Mozilla/5.0","url":"https://m\xc3\xbcnchen.example/a?utm_source=x&amp;utm_medium=y",'
    b'"referrer":"https://t.co/","language":"de,en;q=0.8","hostname":"shop.example:80"}',
    b'{"event_type":"event","timestamp":"2026-03-03T23:59:60+02:00","visitor_id":"anna",'
    b'"event_name":"signup","event_data":{"plan":"pro","deep":[1,{"a":null}]},"sequence":3}',
]
_CSV = [
    b"timestamp,visitor_id,client_ip,user_agent,url,referrer,event_name,event_data,sequence,city",
    b'2026-03-03 10:15:00,anna,,Mozilla/5.0,/a?b=c,https://t.co/,,"{""plan"": ""pro""}",1,Bern',
    b'2026-03-03T10:15:00+0100,,198.51.100.7,"a ""b"" c",https://shop.example/,,signup,,,"x, y"',
]
_UMAMI = [
    b"website_id,session_id,event_id,created_at,url_path,url_query,hostname,event_type,event_name,"
    b"referrer_domain,utm_source,browser",
    b"w,s,e1,2026-03-03 10:15:00,/a%20b,utm_source=n,shop.example,1,,t.co,news,chrome",
    b"w,s,e2,2026-03-03 10:15:00.123,/,,,2,signup,,,",
]


if __name__ == "__main__":
    main()

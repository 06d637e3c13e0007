"""Importing files: what is recorded, counted and said."""

import asyncio
import gzip
import tracemalloc
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest
from sessions.domain.enrichment import Enricher
from sessions.domain.errors import Reason, Unavailable
from sessions.domain.events import Event
from sessions.domain.visitors import Visitors
from sessions.ingest.entries import Format, UnusableFile
from sessions.ingest.formats.combined import Combined
from sessions.ingest.formats.csv import Csv
from sessions.ingest.formats.ndjson import Ndjson
from sessions.ingest.importer import AT_ONCE, MAX_SHOWN, PART, Importer, InThisProcess, Tally
from sessions.ingest.lines import MAX_LINE, UnreadableFile

from tests.support.real_data import real_file

BATCH = AT_ONCE * PART


class Counts(NamedTuple):
    """The outcome of a batch."""

    new: int
    known: int


class Store:
    """What the use case does, without a database: an event is known by its identity."""

    def __init__(self) -> None:
        self.events: dict[tuple[object, ...], Event] = {}
        self.batches: list[int] = []

    async def record(self, events: Sequence[Event]) -> Counts:
        await asyncio.sleep(0)
        before = len(self.events)
        for event in events:
            key = (event.visitor_id, event.occurred_at, event.event_id)
            self.events.setdefault(key, event)
        self.batches.append(len(events))
        new = len(self.events) - before
        return Counts(new, len(events) - new)


@pytest.fixture
def store() -> Store:
    return Store()


async def run(
    record: Callable[[list[Event]], Awaitable[Counts]],
    *files: Path,
    format: Format | None = None,  # noqa: A002
    tally: Tally | None = None,
    complete: bool = False,
) -> Tally:
    tally = tally or Tally()
    recorder = InThisProcess(record)
    importer = Importer("site_x", format or Ndjson(), Enricher(Visitors(b"")), recorder, complete)
    await importer([str(file) for file in files], tally, lambda _: None)
    return tally


def line(second: int, **fields: object) -> bytes:
    sent = {
        "event_type": "pageview",
        "timestamp": f"2026-03-03T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z",
        "visitor_id": "v",
    }
    return orjson.dumps(sent | fields) + b"\n"


def counts(tally: Tally) -> Tally:
    """The numbers alone."""
    return replace(tally, shown=[])


async def test_events_are_recorded_in_batches(tmp_path: Path, store: Store) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"".join(line(second) for second in range(2 * BATCH + 500)))
    tally = await run(store.record, file)
    assert tally == Tally(entries=2 * BATCH + 500, events=2 * BATCH + 500, new=2 * BATCH + 500)
    assert store.batches == [BATCH, BATCH, 500]


async def test_a_file_that_has_grown_adds_only_what_is_new(tmp_path: Path, store: Store) -> None:
    file = tmp_path / "f"
    file.write_bytes(line(1) + line(2) + line(1))
    assert await run(store.record, file) == Tally(entries=3, events=3, new=3)
    assert await run(store.record, file) == Tally(entries=3, events=3, known=3)
    file.write_bytes(file.read_bytes() + line(1) + line(3))
    assert await run(store.record, file) == Tally(entries=5, events=5, new=2, known=3)


async def test_a_last_line_that_is_cut_off_waits_until_it_is_whole(
    tmp_path: Path, store: Store
) -> None:
    page = '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 9 "-" "Fire'
    file = tmp_path / "f"
    cut = page + '"'  # looks whole
    file.write_text(f'{page}fox"\n{cut}')
    tally = await run(store.record, file, format=Combined())
    assert replace(tally, held_back=[]) == Tally(entries=1, events=1, new=1)
    assert [str(each) for each in tally.held_back] == [
        f"{file}:2: has no line end, so that it may be cut off; held back (--complete takes it)"
    ]
    file.write_text(f'{page}fox"\n{page}wall"\n')
    again = await run(store.record, file, format=Combined())
    assert again == Tally(entries=2, events=2, new=1, known=1)


async def test_of_a_complete_file_the_last_line_may_lack_its_end(
    tmp_path: Path, store: Store
) -> None:
    file = tmp_path / "f"
    file.write_bytes(line(1).rstrip())
    assert await run(store.record, file, complete=True) == Tally(entries=1, events=1, new=1)
    file.write_bytes(line(1).replace(b"\n", b"\r\n") + line(2))
    assert await run(store.record, file) == Tally(entries=2, events=2, new=1, known=1)


def urls_in_order(store: Store) -> list[str]:
    return [event.url for event in sorted(store.events.values(), key=lambda event: event.key)]


async def test_events_of_one_moment_keep_their_order_over_all_files(
    tmp_path: Path, store: Store
) -> None:
    urls = [f"/{number}" for number in range(20)]
    files = [tmp_path / "1", tmp_path / "2"]
    for file, part in zip(files, (urls[:10], urls[10:]), strict=True):
        file.write_bytes(b"".join(line(1, url=url) for url in part))
    await run(store.record, *files)
    assert urls_in_order(store) == urls
    again = await run(store.record, *files)
    assert (again.new, again.known) == (0, 20)


async def test_rotated_logs_of_one_second_keep_their_order(tmp_path: Path, store: Store) -> None:
    page = '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET {} HTTP/1.1" 200 9 "-" "Firefox"\n'
    files = [tmp_path / "access.log.1", tmp_path / "access.log"]
    files[0].write_text(page.format("/b") + page.format("/c.css") + page.format("/a"))
    files[1].write_text(page.format("/z") + page.format("/y"))
    await run(store.record, *files, format=Combined())
    assert urls_in_order(store) == ["/b", "/a", "/z", "/y"]


async def test_a_refused_record_of_several_lines_is_named_with_its_span(
    tmp_path: Path, store: Store
) -> None:
    file = tmp_path / "f"
    city = "x\n" * 200
    file.write_text(f'timestamp,visitor_id,city\n2026-03-03 12:00:00,v,"{city}"\n')
    tally = await run(store.record, file, format=Csv())
    assert str(tally.shown[0]).startswith(f"{file}:2-202: city: is 400 bytes long")


async def test_comments_are_counted_apart(tmp_path: Path, store: Store) -> None:
    file = tmp_path / "f"
    file.write_text("#Version: 1.0\n#Fields: a b\nx\n")
    tally = await run(store.record, file, format=Combined())
    assert counts(tally) == Tally(entries=3, comments=2, refused=1)


async def test_ids_of_the_sender_are_kept(tmp_path: Path, store: Store) -> None:
    file = tmp_path / "f"
    file.write_bytes(line(1, event_id="a", url="/1") + line(1, event_id="a", url="/2"))
    assert await run(store.record, file) == Tally(entries=2, events=2, new=1, known=1)
    assert [event.event_id for event in store.events.values()] == ["a"]


async def test_refused_lines_are_named_and_the_others_recorded(
    tmp_path: Path, store: Store
) -> None:
    file = tmp_path / "f"
    bad = [b"{\n", line(1, url=5), line(1, event_name="x", city="x" * 257), b"x" * MAX_LINE + b"\n"]
    file.write_bytes(line(1) + b"\n".join(bad) + line(2))
    tally = await run(store.record, file)
    assert counts(tally) == Tally(entries=6, events=2, new=2, refused=4)
    shown = [str(each).removeprefix(f"{file}:") for each in tally.shown]
    assert shown[0].startswith("2: not JSON")
    assert shown[1:] == [
        "4: url: must be text",
        "6: city: is 257 bytes long; at most 256; "
        "event_name: is only for event_type `event`; a pageview has no name",
        "8: is longer than 1,048,576 bytes",
    ]


async def test_all_refused_lines_are_counted_but_few_remembered(
    tmp_path: Path, store: Store
) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"x\n" * 5_000)
    tally = await run(store.record, file)
    assert (tally.refused, len(tally.shown)) == (5_000, MAX_SHOWN)


async def test_several_files_are_one_import(tmp_path: Path, store: Store) -> None:
    one, other = tmp_path / "1", tmp_path / "2"
    one.write_bytes(line(1) + line(2))
    other.write_bytes(line(2) + line(3))  # overlaps, as copies of logs do
    assert await run(store.record, one, other) == Tally(entries=4, events=4, new=3, known=1)


async def test_a_file_that_breaks_off_is_recorded_up_to_there(tmp_path: Path, store: Store) -> None:
    broken = tmp_path / "f.gz"
    broken.write_bytes(gzip.compress(b"".join(line(second) for second in range(1_500)))[:-8])
    tally = Tally()
    with pytest.raises(UnreadableFile, match=r"f\.gz: the gzip file is cut off \(after line 1,500"):
        await run(store.record, broken, tally=tally)
    assert tally == Tally(entries=1_500, events=1_500, new=1_500)
    assert len(store.events) == 1_500


async def test_a_line_that_is_too_long_is_named_also_where_the_file_breaks_off(
    tmp_path: Path, store: Store
) -> None:
    broken = tmp_path / "f.gz"
    broken.write_bytes(gzip.compress(b"x" * (MAX_LINE + 1) + b"\n" + line(1))[:-8])
    tally = Tally()
    with pytest.raises(UnreadableFile):
        await run(store.record, broken, tally=tally)
    [refused] = tally.shown
    assert (tally.entries, tally.events, tally.refused, refused.number) == (2, 1, 1, 1)


async def test_long_lines_are_looked_at_few_at_a_time(tmp_path: Path, store: Store) -> None:
    """What a line holds can take many times as much memory as the line."""
    data: list[list[int]] = [[]] * 100_000
    file = tmp_path / "f"
    file.write_bytes(b"".join(line(second, event_data={"a": data}) for second in range(40)))
    tracemalloc.start()
    tally = await run(store.record, file)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert tally.refused == 40
    assert most < 20 * len(data) * 56


async def test_a_missing_file_is_named_and_earlier_ones_stay(tmp_path: Path, store: Store) -> None:
    file = tmp_path / "f"
    file.write_bytes(line(1))
    tally = Tally()
    with pytest.raises(UnreadableFile, match="nowhere: No such file"):
        await run(store.record, file, tmp_path / "nowhere", tally=tally)
    assert tally == Tally(entries=1, events=1, new=1)


async def test_a_file_that_does_not_fit_the_format_is_named(tmp_path: Path, store: Store) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(UnusableFile, match="f: no column timestamp"):
        await run(store.record, file, format=Csv())


async def test_a_visitor_is_in_one_half_of_a_batch(tmp_path: Path) -> None:
    halves: list[set[str]] = []

    async def record(events: Sequence[Event]) -> Counts:
        halves.append({event.visitor_id for event in events})
        return Counts(len(events), 0)

    file = tmp_path / "f"
    file.write_bytes(b"".join(line(second, visitor_id=str(second % 50)) for second in range(500)))
    assert (await run(record, file)).new == 500
    assert len(halves) == 2
    assert halves[0] & halves[1] == set()


async def test_a_half_counts_when_the_other_fails(tmp_path: Path) -> None:
    called = 0

    async def record(events: Sequence[Event]) -> Counts:
        nonlocal called
        called += 1
        if called == 1:
            raise Unavailable(Reason.DATABASE_UNAVAILABLE)
        await asyncio.sleep(0.01)
        return Counts(len(events), 0)

    file = tmp_path / "f"
    file.write_bytes(b"".join(line(second, visitor_id=str(second % 50)) for second in range(500)))
    tally = Tally()
    with pytest.raises(Unavailable):
        await run(record, file, tally=tally)
    assert 0 < tally.new < 500


async def test_a_failure_to_record_ends_the_import(tmp_path: Path, store: Store) -> None:
    async def fail_later(events: list[Event]) -> Counts:
        if store.batches:
            raise Unavailable(Reason.DATABASE_UNAVAILABLE)
        return await store.record(events)

    file = tmp_path / "f"
    file.write_bytes(b"".join(line(second) for second in range(3 * BATCH)))
    tally = Tally()
    with pytest.raises(Unavailable):
        await run(fail_later, file, tally=tally)
    assert (tally.new, len(store.events)) == (BATCH, BATCH)


@pytest.fixture
def log() -> Path:
    return real_file("apache_access.log.gz")


async def test_a_real_log(log: Path, store: Store) -> None:
    every = Combined(hostname="semicomplete.com", all_requests=True)
    tally = await run(store.record, log, format=every)
    assert counts(tally) == Tally(entries=10_000, events=9_999, new=9_999, refused=1)
    assert [each.number for each in tally.shown] == [8_899]
    assert len({event.visitor_id for event in store.events.values()}) == 1_861
    again = await run(store.record, log, format=every)
    assert (again.new, again.known) == (0, 9_999)


async def test_pages_of_a_real_log(log: Path, store: Store) -> None:
    tally = await run(store.record, log, format=Combined())
    assert counts(tally) == Tally(entries=10_000, events=3_889, new=3_889, skipped=6_110, refused=1)
    again = await run(store.record, log, format=Combined(all_requests=True))
    assert (again.new, again.known) == (6_110, 3_889)

"""The bytes of blocks: nothing is lost, nothing is wider than it must be, damage is noticed."""

from itertools import pairwise

import numpy as np
import pytest
from sessions.analysis import encoding
from sessions.analysis.columns import ALL, STEPS, Columns, concatenate, smallest
from sessions.analysis.encoding import STORED, Damaged, decode, encode, is_intact
from sessions.domain.dimensions import TEXTS
from sessions.domain.hours import HOUR, hour_number

from tests.support.columns import listed
from tests.support.strategies import START

FIRST = hour_number(START)


def some(count: int, *, hours: int = 5, paths: int = 7, seed: int = 1) -> Columns:
    """Random sessions, with all columns."""
    rng = np.random.default_rng(seed)
    starts = np.sort(rng.integers(FIRST * HOUR, (FIRST + hours) * HOUR, count))
    pageviews, events = rng.integers(1, 4, count), rng.integers(0, 2, count)
    steps = int((pageviews + events).sum())
    arrays = {
        "started_at": starts,
        "duration": rng.integers(0, 2**33, count),
        "visitor_key": rng.integers(1, 2**40, count),
        "pageviews": pageviews,
        "events": events,
        "is_bot": rng.integers(0, 2, count),
        **{name: rng.integers(0, 3, count) for name in TEXTS},
        "step_item": np.arange(steps) % paths,
        "step_gap": rng.integers(0, 2**31, steps),
    }
    words = {name: ["", "ä", "b b"] for name in TEXTS}
    words["step_item"] = sorted(f"p/{number}" for number in range(paths))
    return Columns(arrays, words, np.ones(count, np.bool_))


def test_what_is_decoded_is_what_was_encoded() -> None:
    columns = some(500)
    decoded = decode(*encode(1, columns))
    assert listed(decoded) == listed(columns)
    assert decoded.arrays.keys() == set(ALL)


def test_each_column_has_the_smallest_type() -> None:
    block = encode(1, some(500))
    sizes = {name: len(block.columns[name]) // 500 for name in ("pageviews", "is_bot", *TEXTS)}
    assert set(sizes.values()) == {1}
    assert len(block.columns["visitor_key"]) == 8 * 500
    assert len(block.columns["step_gap"]) == 4 * block.header.steps
    assert smallest(np.array([255])).dtype == np.uint8
    assert smallest(np.array([256])).dtype == np.uint16
    assert smallest(np.array([65_536])).dtype == np.uint32


def test_more_words_than_two_bytes_can_number() -> None:
    columns = some(30_000, paths=70_000)
    decoded = decode(*encode(1, columns))
    assert decoded["step_item"].dtype == np.uint32
    assert len(decoded.words["step_item"]) > 65_536
    assert listed(decoded) == listed(columns)


def test_one_session_without_anything() -> None:
    columns = some(1).take(np.array([0]))
    only = Columns(
        {**columns.arrays, **{name: np.zeros(1, np.uint8) for name in TEXTS}},
        {**columns.words, **{name: [""] for name in TEXTS}},
        columns.selected,
    )
    assert listed(decode(*encode(1, only))) == listed(only)


def test_only_some_columns_are_read() -> None:
    columns = some(100)
    header, stored = encode(1, columns)
    wanted = encoding.stored_columns({"started_at", "country"})
    assert wanted == ("started_at", "country", "country_words")
    decoded = decode(header, {name: stored[name] for name in wanted})
    assert decoded.arrays.keys() == {"started_at", "country"}
    assert (decoded["country"] == columns["country"]).all()


def test_words_that_no_session_has_any_more_are_forgotten() -> None:
    columns = some(200)
    without = columns.take(np.flatnonzero(columns["city"] != 1))
    block = encode(1, without)
    assert "ä".encode() not in block.columns["city_words"]
    assert listed(decode(*block)) == listed(without)


def test_parts_are_put_together_in_order() -> None:
    columns = some(300)
    half = np.arange(len(columns)) % 2 == 0
    parts = [columns.take(np.flatnonzero(half)), columns.take(np.flatnonzero(~half))]
    fewer_words = decode(*encode(1, parts[1].take(np.arange(5))))
    parts = [parts[0], fewer_words, parts[1].take(np.arange(5, len(parts[1])))]
    assert listed(concatenate(parts)) == listed(columns)


def test_sessions_are_cut_at_hours() -> None:
    columns = some(1_000, hours=20)
    pieces = list(encoding.split(columns, 120))
    assert [line for piece in pieces for line in listed(piece)] == listed(columns)
    assert all(len(piece) <= 120 for piece in pieces)
    ends = [(int(piece.hours[0]), int(piece.hours[-1])) for piece in pieces]
    assert all(last < first for (_, last), (first, _) in pairwise(ends))


def test_an_hour_is_never_cut() -> None:
    pieces = list(encoding.split(some(1_000, hours=2), 120))
    assert [len(set(piece.hours.tolist())) for piece in pieces] == [1, 1]


@pytest.mark.parametrize("name", STORED)
def test_every_flipped_bit_is_noticed(name: str) -> None:
    header, stored = encode(1, some(50))
    data = bytearray(stored[name])
    data[len(data) // 2] ^= 4
    with pytest.raises(Damaged, match=name):
        decode(header, {**stored, name: bytes(data)})


@pytest.mark.parametrize(
    "change",
    [
        {"website_key": 2},
        {"first_hour": FIRST + 1},
        {"last_hour": FIRST + 9},
        {"format": encoding.FORMAT + 1},
        {"sessions": 49},
        {"steps": 1},
        {"checksum": b""},
        {"checksum": bytes(4 * (len(STORED) + 1))},
    ],
)
def test_a_block_of_something_else_is_noticed(change: dict[str, object]) -> None:
    header, _ = encode(1, some(50))
    assert is_intact(header)
    assert not is_intact(header._replace(**change))  # type: ignore[arg-type]


def test_offsets_of_steps_begin_anew_with_each_session() -> None:
    columns = some(100)
    offsets = columns.step_offsets
    assert (offsets[columns.step_starts] == columns["step_gap"][columns.step_starts] * 0).all()
    for start, end in zip(columns.step_starts[:9], columns.step_ends[:9], strict=True):
        gaps = columns["step_gap"][start:end].astype(np.int64)
        assert offsets[start:end].tolist() == (np.cumsum(gaps) - gaps[0]).tolist()
    assert set(STEPS) <= columns.arrays.keys()
